"""Malformed output: what an agent wrote cannot be parsed by what has to read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

import orjson
from pydantic import Field

from pisama.acts import spoken
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.outcomes import ErrorKind
from pisama.patches import hunks
from pisama.patterns import lazy
from pisama.text import quote
from pisama.trace import Message, Step, ToolCall, Trace

HEAD = 1500
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


class MalformedOutput(Detector):
    """What the agent wrote cannot be parsed.

    ## Why it is a failure

    A call or an answer that a program must read is lost when it does not parse: the step achieves nothing, and
    the agent spends the next ones on its own syntax.

    ## What it does not flag

    Text that was never meant to be parsed, code or JSON that the agent only quotes or discusses, parse errors of
    a document that the agent was given, and errors that well-formed code raised while it ran.

    ## How to fix it

    Use the provider's structured output or native tool calls instead of text conventions, validate before
    executing, and send the exact parse error back once with one correct example.
    """

    id = "malformed_output"
    needs = frozenset({Needs.STEPS})
    tags = ("trail:Formatting Errors",)
    covers: ClassVar = frozenset({"tool_error.own_call"})
    signals: ClassVar[Mapping[str, Signal]] = {
        "arguments": Signal("the arguments of a call are text that cannot be parsed", 55, 0.8),
        "name": Signal("a call without a tool name", 55, 0.8),
        "empty_key": Signal("a call whose arguments have an empty name", 50, 0.8),
        "rejected": Signal("the runtime says it could not parse the agent's output", 50, 0.75),
        "syntax": Signal("code or JSON the agent wrote does not parse", 45, 0.7),
        "call_as_text": Signal("a tool call was written out as text, so nothing ran", 50, 0.6),
        "patch": Signal("a patch whose hunks do not hold the lines that they announce", 45, 0.7),
        "truncated": Signal("the output was cut off in the middle of a call or a block", 50, 0.6),
    }

    max_evidence: Annotated[int, Field(ge=1)] = 12
    """Steps shown for one defect; the others are only counted."""

    quiet = (
        Example(
            "well-formed calls",
            """
            clerk: find(id=7) -> Ann
            clerk: find(id=8) -> {"name": "Bob"}
            """,
        ),
        Example(
            "a document that holds a parse error",
            """
            reader: I look at the log.
              read(path="build.log") -> line 1: started\\nline 2: the service said it could parse everything
            reader: The log mentions no SyntaxError: invalid syntax.
            """,
        ),
        Example(
            "a correct program that failed while it ran",
            """
            coder: I divide.
              python(code="print(1 / 0)") -> error: ZeroDivisionError: division by zero
            """,
        ),
        Example(
            "an answer that shows JSON in prose",
            """
            task: Explain JSON.
            teacher: An object looks like {"a": 1, and then further keys follow; it is closed by a brace.
            """,
        ),
        Example(
            "a call without arguments",
            """
            browser: page_down() -> second page
            """,
        ),
        Example(
            "a patch whose hunks are whole",
            """
            coder: submit(answer="--- a/x.py\\n+++ b/x.py\\n@@ -1,2 +1,3 @@\\n import os\\n+import re\\n import sys\\n") -> ok
            """,
        ),
    )
    fires = (
        Example(
            "a patch that says six lines and holds three",
            """
            coder: submit(answer="--- a/x.py\\n+++ b/x.py\\n@@ -1,6 +1,7 @@\\n import os\\n+import re\\n import sys\\n") -> ok
            """,
            at=(0,),
        ),
        Example(
            "arguments that are no JSON",
            """
            clerk: find(`{"id": 7`) -> error: invalid JSON
            """,
            at=(0,),
        ),
        Example(
            "code the runtime could not find in the reply",
            """
            coder: I will print the total: print(total)
            tool: Error in code parsing: your code snippet is invalid, because the regex pattern was not found in it.
            coder: I try again.
              python(code="print(3)") -> 3
            """,
            at=(0,),
        ),
        Example(
            "a syntax error",
            """
            coder: I print.
              python(code="print('it's')") -> error: SyntaxError: unterminated string literal (line 1)
            """,
            at=(0,),
        ),
        Example(
            "a call written as text",
            """
            tools: search(query)
            searcher: <tool_call>{"name": "search", "arguments": {"query": "Paris"}}</tool_call>
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Calls first, then what the runtime said about each step, then text that should have been a call."""
        found: dict[tuple[str, str, str], list[tuple[Step, int | None, str]]] = {}
        seers = _next_steps(trace)
        for step in trace.steps:
            for defect in _defects(trace, step, seers.get(step.index)):
                signal, subject, call, shown = defect
                found.setdefault((signal, step.agent, subject), []).append((step, call, shown))
        for (signal, agent, subject), places in found.items():
            yield self._report(trace, signal, agent, subject, places)

    def _report(
        self, trace: Trace, signal: str, agent: str, subject: str, places: list[tuple[Step, int | None, str]]
    ) -> Issue:
        step, call, _ = places[0]
        again = f" {len(places)} times" if len(places) > 1 else ""
        return self.issue(
            trace,
            signal,
            step,
            f"{agent} {_PHRASES[signal].format(subject=subject)}{again}.",
            evidence=tuple(
                Evidence(shown, at.index, number) for at, number, shown in places[: self.max_evidence]
            ),
            recommendation=_REMEDIES.get(signal, _REMEDY),
            about=(signal, subject),
            call=call,
        )


Defect = tuple[str, str, int | None, str]
"""Signal, subject, position of the call, quote."""

_PHRASES = {
    "arguments": "called {subject} with arguments that cannot be parsed",
    "name": "made a call that names no tool",
    "empty_key": "called {subject} with an argument that has no name",
    "rejected": "wrote output that the runtime could not parse",
    "syntax": "passed {subject} code that does not parse",
    "call_as_text": "wrote a tool call out as text, and nothing ran",
    "patch": "delivered a patch that cannot be applied: a hunk does not hold the lines that it announces",
    "truncated": "was cut off in the middle of its output",
}
_REMEDY = "Validate the output before it is used and send the exact error back once with one correct example."
_REMEDIES = {
    "empty_key": "Give the tool's schema `additionalProperties: false` and no properties, and show a call with `{}`.",
    "syntax": "Compile code before running it; ask for long texts in files or raw strings instead of nested quotes.",
    "call_as_text": "Use the provider's native tool calls, or parse this notation in the runtime.",
    "patch": "Have the agent edit the files and take the patch from `git diff` instead of writing it by hand.",
    "truncated": "Raise the output limit or ask for the output in parts.",
}


def _defects(trace: Trace, step: Step, seer: Step | None) -> Iterator[Defect]:
    judged = False
    yield from _of_patch(step)
    for known in features(trace).calls_by_step.get(step.index, ()):
        defect = _of_call(known)
        if defect is not None:
            judged = True
            yield defect
    if judged:
        return
    done = any(
        known.outcome.status == "success" for known in features(trace).calls_by_step.get(step.index, ())
    )
    rejection = None if done else _rejection(step, seer)
    if rejection is not None:
        yield "rejected", "", None, rejection
    elif not step.tool_calls:
        yield from _of_text(trace, step)


def _of_patch(step: Step) -> Iterator[Defect]:
    """The first hunk that is not whole in what a step hands over as its answer."""
    for text, number in spoken(step):
        broken = next((hunk for hunk in hunks(text) if not hunk.whole), None) if number is not None else None
        if broken is not None:
            yield "patch", "", number, quote(text, broken.start)


def _of_call(known: CallFeatures) -> Defect | None:
    call, number = known.call, known.number
    defect = None
    if not call.name.strip():
        defect = "name", "", number, quote(str(call.arguments))
    elif isinstance(call.arguments, str) and _unparsable(call):
        defect = "arguments", call.name, number, quote(call.arguments) or "(empty)"
    elif isinstance(call.arguments, dict) and any(not key.strip() for key in call.arguments):
        defect = "empty_key", call.name, number, quote(f"{call.name}({call.arguments})")
    elif known.outcome.failed:
        return _of_error(known)
    return defect


def _of_error(known: CallFeatures) -> Defect | None:
    call = known.call
    said = (call.error or call.result or "")[:HEAD]
    shown = quote(known.outcome.message or said)
    # The code's own work may fail with such an error too; then the error is of another kind.
    is_syntax = _wrote_code(call) and known.outcome.kind is ErrorKind.SYNTAX
    if is_syntax and _CODE_ERROR.search(f"{known.outcome.message}\n{said}\n{said[-400:]}"):
        return "syntax", call.name, known.number, shown
    return ("rejected", "", known.number, quote(said)) if _PARSE_ERROR.search(said) else None


def _unparsable(call: ToolCall) -> bool:
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
        if message.role == "assistant" or len(message.text) > 4 * HEAD:
            continue
        found = _PARSE_ERROR.search(message.text[:300])
        if found is not None:
            return quote(message.text, found.start())
    if step.error is not None and _PARSE_ERROR.search(step.error[:HEAD]):
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
        yield "call_as_text", "", None, quote(text, match.start())
    elif (leak := _LEAKED.search(text)) is not None and "```" not in text:
        yield "call_as_text", "", None, quote(text, leak.start())
    elif step.finish_reason == "length" and _open_block(text):
        yield "truncated", "", None, quote(text[-180:])


def _open_block(text: str) -> bool:
    opened: list[str] = []
    for tag in _CALL_TAG.finditer(text):
        if not tag["close"]:
            opened.append(tag["name"])
        elif opened and opened[-1] == tag["name"]:
            opened.pop()
    return bool(opened) or text.count("```") % 2 == 1
