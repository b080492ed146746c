"""Malformed output: what an agent wrote cannot be parsed by what has to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Evidence, Issue
from pisama.trace import Trace
from pisama.unparsable import Defect, defects


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
        found: dict[tuple[str, str, str], list[Defect]] = {}
        for defect in defects(trace, features(trace)):
            found.setdefault((defect.kind, defect.step.agent, defect.tool), []).append(defect)
        for places in found.values():
            yield self._report(trace, places)

    def _report(self, trace: Trace, places: Sequence[Defect]) -> Issue:
        """The same defect of one agent, in all its places."""
        first = places[0]
        again = f" {len(places)} times" if len(places) > 1 else ""
        return self.issue(
            trace,
            first.kind,
            first.step,
            f"{first.step.agent} {_PHRASES[first.kind].format(tool=first.tool)}{again}.",
            evidence=tuple(
                Evidence(place.shown, place.step.index, place.call) for place in places[: self.max_evidence]
            ),
            recommendation=_REMEDIES.get(first.kind, _REMEDY),
            about=(first.kind, first.tool),
            call=first.call,
        )


_PHRASES = {
    "arguments": "called {tool} with arguments that cannot be parsed",
    "name": "made a call that names no tool",
    "empty_key": "called {tool} with an argument that has no name",
    "rejected": "wrote output that the runtime could not parse",
    "syntax": "passed {tool} code that does not parse",
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
