"""How `pisama watch` holds up: what a call costs more, and whether a long run stays flat."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pisama.config import Config
from pisama.selection import chosen
from pisama.trace import JSON, Location
from pisama.watch.audit import without_secrets
from pisama.watch.captured import Exchange
from pisama.watch.counting import Counter
from pisama.watch.engine import Engine
from pisama.watch.recording import Recording
from pisama.watch.spans_source import SpansSource

_TOOLS: JSON = [
    {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}},
]
_KEPT = 40
"""Messages that the agent of the long run resends, as agents do whose context is bounded."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a long run."""

    steps: int
    """Number of its last step."""
    milliseconds: float
    """Processor time for each step: recording, redacting, counting, analysing."""
    longest: float
    """Milliseconds of its slowest step."""
    megabytes: float
    """Resident memory at its end."""


def exchanges(steps: int, *, resend: bool) -> Iterator[Exchange]:
    """A healthy agent that reads one file after another, as the proxy would see it.

    With `resend` each request holds the whole conversation; without, its beginning and the latest messages.
    """
    messages: list[JSON] = [
        {"role": "system", "content": "You read files and sum them up."},
        {"role": "user", "content": "Sum up what the files of this project are for."},
    ]
    for number in range(steps):
        text = f"I read part {number} next, since part {number - 1} names it as its successor."
        call: JSON = {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "read_file", "arguments": json.dumps({"path": f"src/part_{number}.py"})},
        }
        answer: JSON = {"role": "assistant", "content": text, "tool_calls": [call]}
        sent = messages if resend else [*messages[:2], *messages[2:][-_KEPT:]]
        request = {"model": "gpt-4o-mini", "messages": sent, "tools": _TOOLS}
        response = {
            "id": f"chatcmpl-{number}",
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": answer, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 40},
        }
        now = 1_700_000_000_000_000_000 + number * 1_000_000_000
        yield Exchange(
            number=number + 1,
            provider="openai",
            path="/chat/completions",
            request=json.dumps(request).encode(),
            request_encoding="",
            status=200,
            response=json.dumps(response).encode(),
            response_encoding="",
            started=now,
            ended=now + 500_000_000,
        )
        content = f"def part_{number}():\n    return {number * 37 % 1009}  # see part_{number + 1}"
        messages += [answer, {"role": "tool", "tool_call_id": f"call_{number}", "content": content}]


def long_run(steps: int, stretch: int, *, resend: bool) -> Iterator[Stretch]:
    """The cost of each stretch of a run that is analysed at every step."""
    config = Config(plugins=False)
    recording, source, counter = Recording("benchmark"), SpansSource(), Counter()
    engine = Engine(source, chosen(config), config)
    spent: list[float] = []
    for exchange in exchanges(steps, resend=resend):
        start = time.process_time()
        request = without_secrets(recording.span(exchange))
        assert isinstance(request, dict)
        for span in source.add(request, Location()):
            counter.add(span)
        for _ in engine.look():
            pass
        spent.append((time.process_time() - start) * 1_000)
        if len(spent) == stretch:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            yield Stretch(exchange.number, sum(spent) / stretch, max(spent), memory)
            spent = []


if __name__ == "__main__":
    for each in long_run(int(sys.argv[1]), int(sys.argv[1]) // 10, resend="resend" in sys.argv):
        print(asdict(each))
