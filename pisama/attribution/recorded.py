"""What is recorded with the steps of a run, and the secrets in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pisama.acts import as_words
from pisama.redact import secrets_in
from pisama.trace import Step


def texts_of(step: Step) -> Iterator[str]:
    """All that is recorded with a step: what it was given, what it wrote, what it called and what came back."""
    yield from (message.text for message in step.seen)
    yield step.words
    yield step.error or ""
    for call in step.tool_calls:
        yield as_words(call.arguments)
        yield from (text for text in (call.result, call.error) if text)


def secrets_of(steps: Iterable[Step]) -> frozenset[str]:
    """The secrets that are recognised anywhere in these steps, lower case: they may stand bare elsewhere."""
    # What one agent says is given to all the others, so most texts are recorded several times.
    texts = {text for step in steps for text in texts_of(step)}
    return frozenset(secret for text in texts for secret in secrets_in(text))
