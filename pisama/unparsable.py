"""Unparsable output: calls, code, patches and texts of the agents that what reads them cannot parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

import orjson

from pisama.acts import spoken
from pisama.features import CallFeatures, Features
from pisama.outcomes import ErrorKind
from pisama.patches import hunks
from pisama.patterns import lazy
from pisama.text import quote
from pisama.trace import Message, Step, ToolCall, Trace

_HEAD = 1500
"""Characters of an observation in which a parse error is looked for."""

_PARSE_ERROR = lazy(
    r"error in (?:code|json|tool call|output) parsing|(?:code|output|json|response|action) parsing (?:failed|error)"
    r"|could not parse (?:your|the|llm) (?:output|response|action|reply|tool call)"
    r"|failed to parse (?:your|the|llm|model) (?:output|response|action|reply|tool call|arguments)"
    r"|your (?:code snippet|output|response|action|reply) is (?:invalid|not valid|malformed)"
    r"|regex pattern [^\n]{0,120} was not found in (?:it|your|the)"
    r"|invalid (?:json|tool call|function call|action format)\b[^\n]{0,60}\b(?:argument|output|response|call|reply|input|block)"
    r"|arguments? (?:is|are|was|were) not valid json|\A(?:exitcode: 1[^\n]{0,40}\s{1,3}(?:code output:)?)?\s{0,3}unknown language"
    r"|(?:response|output|reply|answer) (?:did not|does not|doesn't) (?:match|follow|conform to) the (?:expected|required|schema|format)",
    re.IGNORECASE,
)
_CODE_ERROR = lazy(
    r"\b(?:SyntaxError|IndentationError|TabError|JSONDecodeError|unterminated (?:triple-quoted )?string|unexpected EOF"
    r"|syntax error near|invalid syntax|Unexpected token)\b"
)
_TAGS = ("tool_call", "function_call", "answer", "thinking", "think", "function")
_CALL_TAG = lazy(rf"<(?P<close>/?)(?P<name>{'|'.join(_TAGS)})(?:=[\w.\-]{{1,60}})?>")
_LEAKED = lazy(
    r"<\|(?:im_start|im_end|tool_call|python_tag|eot_id|start_header_id)\|>|\[/?TOOL_CALLS?\]|to=functions\.\w{1,60}"
)
_CALL_TEXT = lazy(r"<tool_call>\s{0,8}(?P<body>\{[^<]{0,20000}\})\s{0,8}</tool_call>")

Kind: TypeAlias = Literal[
    "arguments", "name", "empty_key", "rejected", "syntax", "call_as_text", "patch", "truncated"
]
"""The signals of `malformed_output`."""


class Defect(NamedTuple):
    """A place that cannot be parsed."""

    kind: Kind
    step: Step
    shown: str
    """The recorded words, shortened around what matters."""
    call: int | None = None
    """Position in the step's tool calls, when it is a call's."""
    tool: str = ""
    """The tool that was called, where it matters which."""


def defects(trace: Trace, table: Features) -> Iterator[Defect]:
    """Step by step: the calls, then what the runtime said about the step, then text that should have been a call."""
    seers = _next_steps(trace)
    for step in trace.steps:
        yield from _of_step(trace, table, step, seers.get(step.index))


def _of_step(trace: Trace, table: Features, step: Step, seer: Step | None) -> Iterator[Defect]:
    judged = False
    calls = table.calls_by_step.get(step.index, ())
    yield from _of_patch(step)
    for known in calls:
        defect = _of_call(known)
        if defect is not None:
            judged = True
            yield defect
    if judged:
        return
    done = any(known.outcome.status == "success" for known in calls)
    rejection = None if done else _rejection(step, seer)
    if rejection is not None:
        yield Defect("rejected", step, rejection)
    elif not step.tool_calls:
        yield from _of_text(trace, step)


def _of_patch(step: Step) -> Iterator[Defect]:
    """The first hunk that is not whole in what a step hands over as its answer."""
    for text, number in spoken(step):
        broken = next((hunk for hunk in hunks(text) if not hunk.whole), None) if number is not None else None
        if broken is not None:
            yield Defect("patch", step, quote(text, broken.start), number)


def _of_call(known: CallFeatures) -> Defect | None:
    call, step, number = known.call, known.step, known.number
    if not call.name.strip():
        return Defect("name", step, quote(str(call.arguments)), number)
    if isinstance(call.arguments, str) and _is_unparsable(call):
        return Defect("arguments", step, quote(call.arguments) or "(empty)", number, call.name)
    if isinstance(call.arguments, dict) and any(not key.strip() for key in call.arguments):
        return Defect("empty_key", step, quote(f"{call.name}({call.arguments})"), number, call.name)
    return _of_error(known) if known.outcome.failed else None


def _of_error(known: CallFeatures) -> Defect | None:
    call = known.call
    said = (call.error or call.result or "")[:_HEAD]
    shown = quote(known.outcome.message or said)
    # The code's own work may fail with such an error too; then the error is of another kind.
    is_syntax = _wrote_code(call) and known.outcome.kind is ErrorKind.SYNTAX
    if is_syntax and _CODE_ERROR.search(f"{known.outcome.message}\n{said}\n{said[-400:]}"):
        return Defect("syntax", known.step, shown, known.number, call.name)
    if _PARSE_ERROR.search(said):
        return Defect("rejected", known.step, quote(said), known.number)
    return None


def _is_unparsable(call: ToolCall) -> bool:
    """Raw text that was meant as JSON; tools that take one plain string are left alone."""
    text = str(call.arguments).strip()
    if not text.startswith(("{", "[")):
        return call.error is not None and "json" in call.error.lower()
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return True
    return False


def _wrote_code(call: ToolCall) -> bool:
    values = call.arguments.values() if isinstance(call.arguments, dict) else (call.arguments,)
    return any(isinstance(value, str) and len(value) > 8 for value in values)


def _rejection(step: Step, seer: Step | None) -> str | None:
    """The runtime's words that it could not read this step, out of what the agent was given next."""
    heard: tuple[Message, ...] = seer.seen if seer is not None else ()
    for message in heard:
        # A long prompt that explains the format is not the report of an error.
        if message.role == "assistant" or len(message.text) > 4 * _HEAD:
            continue
        found = _PARSE_ERROR.search(message.text[:300])
        if found is not None:
            return quote(message.text, found.start())
    if step.error is not None and _PARSE_ERROR.search(step.error[:_HEAD]):
        return quote(step.error)
    return None


def _next_steps(trace: Trace) -> dict[int, Step]:
    """For each step the next one of the same agent, which hears what became of it."""
    following: dict[str, Step] = {}
    answer: dict[int, Step] = {}
    for step in reversed(trace.steps):
        if step.agent in following:
            answer[step.index] = following[step.agent]
        following[step.agent] = step
    return answer


def _of_text(trace: Trace, step: Step) -> Iterator[Defect]:
    text = step.text
    names = {tool.name for tool in trace.tools or ()}
    match = _CALL_TEXT.search(text)
    if match is not None and any(f'"{name}"' in match["body"] for name in names):
        yield Defect("call_as_text", step, quote(text, match.start()))
    elif (leak := _LEAKED.search(text)) is not None and "```" not in text:
        yield Defect("call_as_text", step, quote(text, leak.start()))
    elif step.finish_reason == "length" and _open_block(text):
        yield Defect("truncated", step, quote(text[-180:]))


def _open_block(text: str) -> bool:
    opened: list[str] = []
    for tag in _CALL_TAG.finditer(text):
        if not tag["close"]:
            opened.append(tag["name"])
        elif opened and opened[-1] == tag["name"]:
            opened.pop()
    return bool(opened) or text.count("```") % 2 == 1
