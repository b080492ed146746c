"""What a judge may answer, and whether that can be true of the trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pisama.attribution.recorded import texts_of
from pisama.issue import Evidence, Issue, Level, fingerprint
from pisama.patterns import lazy
from pisama.redact import redact
from pisama.text import QUOTE_WIDTH, quote
from pisama.trace import JSON, Step, Trace

REASON_WIDTH = 500
"""Characters of a reason that are kept."""
MOST_ISSUES = 10
"""Issues of one run that a judge may add."""
SHORTEST_QUOTE = 12
"""Characters from which words are a quotation and not a coincidence."""
SIGNAL = "judged"

_KIND = lazy(r"[a-z][a-z0-9]{1,29}(?:_[a-z0-9]{1,29}){0,5}")
_SEVERITY = {Level.LOW: 30, Level.MEDIUM: 50, Level.HIGH: 70}
_ESCAPED = lazy(r"\\[nrt]|\\(?=[\"/\\])|\s+")


class WrongAnswerError(ValueError):
    """An answer that cannot be; the message says why, without words of the answer or of the trace."""


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Found(_Shape):
    """A failure that the judge adds."""

    kind: Annotated[str, Field(description="a short name for this kind of failure, in snake_case")]
    step: Annotated[int, Field(description="number of the step that shows it")]
    summary: Annotated[str, Field(description="one sentence with the facts")]
    quote: Annotated[str, Field(description="words of that step, copied exactly, that show it")]
    severity: Annotated[str, Field(description="low, medium or high")]
    confidence: Annotated[float, Field(ge=0, le=1, description="how likely it is a failure")]
    recommendation: Annotated[str, Field(description="what to change in the agent, concretely")]


class Judgement(_Shape):
    """Who made the decisive mistake, and when."""

    # A model writes the fields in this order, so it has given its grounds before it names the step.
    reason: Annotated[str, Field(description="why it is decisive, in one or two sentences")]
    cited_steps: Annotated[
        tuple[int, ...], Field(description="numbers of the steps that the reason rests on")
    ] = ()
    step: Annotated[
        int | None, Field(description="number of the step; null only if nothing went wrong in the run")
    ]
    agent: Annotated[str | None, Field(description="the agent of that step, as the record names it")]
    confidence: Annotated[float, Field(ge=0, le=1, description="how likely the step is the right one")]


class JudgementWithIssues(Judgement):
    """Who made the decisive mistake, and when, and what else failed."""

    issues: Annotated[
        tuple[Found, ...],
        Field(description="failures of kinds that are not in the list of known kinds; often there are none"),
    ] = ()


def answer_schema(*, issues: bool) -> dict[str, Any]:
    """JSON Schema of the answer that is asked for."""
    schema = (JudgementWithIssues if issues else Judgement).model_json_schema()
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


def read_judgement(answer: JSON, shown: Mapping[int, str], *, failed: bool) -> JudgementWithIssues:
    """The answer, when it is one. Raises `WrongAnswerError` when it cannot be.

    `shown` are the agents by the numbers of the steps that the judge could see; `failed` says that something is
    known to have gone wrong.
    """
    try:
        judgement = JudgementWithIssues.model_validate(_decoded(answer))
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"][0] if first["loc"] else ""
        known = place if place in JudgementWithIssues.model_fields else "the answer"
        raise WrongAnswerError(f"it does not follow the schema ({known}: {first['type']})") from None
    if judgement.step is None:
        if failed:
            raise WrongAnswerError("it names no step, but something is known to have failed")
        return judgement
    if judgement.step not in shown:
        raise WrongAnswerError(f"it names step {judgement.step}, which is not a step of the record")
    if _plain(judgement.agent or "") != _plain(shown[judgement.step]):
        raise WrongAnswerError(f"it names an agent who did not take step {judgement.step}")
    return judgement


def _decoded(answer: JSON) -> JSON:
    if not isinstance(answer, str):
        return answer
    # Models without tools write the object as text, often within a fence of Markdown or after a few words.
    text = answer[answer.find("{") : answer.rfind("}") + 1]
    try:
        value: JSON = orjson.loads(text.encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        raise WrongAnswerError("it is no JSON object") from None
    return value


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def one_line(text: str, width: int = REASON_WIDTH) -> str:
    """Words of a judge as they may be shown: without secrets, on one line, not too long."""
    return quote(redact(text), width=width)


def issues_of(judgement: JudgementWithIssues, trace: Trace, known: frozenset[str]) -> Iterator[Issue]:
    """The issues that a judge adds: of kinds that are not known, each with words that really stand in its step."""
    told: set[tuple[str, str]] = set()
    for found in judgement.issues[:MOST_ISSUES]:
        step = trace.step(found.step)
        kind = found.kind.strip().lower().replace("-", "_").replace(" ", "_")
        level = found.severity.strip().lower()
        if step is None or kind in known or not _KIND.fullmatch(kind) or level not in _SEVERITY:
            continue
        if not found.summary.strip() or not found.recommendation.strip() or not _stands_in(found.quote, step):
            continue
        words = one_line(found.quote, width=QUOTE_WIDTH)
        if (kind, words) in told:
            continue
        told.add((kind, words))
        yield Issue(
            type=kind,
            signal=SIGNAL,
            summary=one_line(found.summary),
            severity=_SEVERITY[Level(level)],
            confidence=found.confidence,
            recommendation=one_line(found.recommendation),
            agent=step.agent,
            step=step.index,
            span_id=step.span_id,
            evidence=(Evidence(words, step.index),),
            fingerprint=fingerprint(f"{kind}.{SIGNAL}", trace.task, (words,)),
            tier="llm",
            at=step.at,
        )


def _stands_in(words: str, step: Step) -> bool:
    """Whether a quotation is made of words of this step, white space and JSON's escapes apart."""
    wanted = _flat(words.strip().strip('"“”'))
    return len(wanted) >= SHORTEST_QUOTE and any(wanted in _flat(redact(text)) for text in texts_of(step))


def _flat(text: str) -> str:
    return " ".join(_ESCAPED.sub(lambda match: "" if match[0] == "\\" else " ", text).split()).casefold()
