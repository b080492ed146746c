"""Tool misuse: a wrong tool, or the right one with wrong arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.misuse import Bypass, Misused, bypassed, misused
from pisama.text import quote
from pisama.trace import Trace


class ToolMisuse(Detector):
    """A tool that was not offered, arguments it does not take, or code in place of a tool.

    ## Why it is a failure

    The call cannot do what the agent wanted: the runtime refuses it, or the tool does something else.
    The agent then goes on without the result, and often makes one up.

    ## What it does not flag

    Optional arguments left out, values that a runtime converts by itself (a number in quotes), tools that
    were not listed but answered, calls that broke the schema and were served all the same, and tools
    that failed for reasons of their own.

    ## How to fix it

    Name the tools once, in one place, with schemas that forbid unknown properties; validate arguments before
    the call and return what is wrong, with the valid names, in the reply.
    """

    id = "tool_misuse"
    needs = frozenset({Needs.CALLS})
    tags = (
        "trail:Tool-related",
        "trail:Tool Selection Errors",
        "trail:Tool Definition Issues",
        "mast:FM-2.6",
    )
    covers: ClassVar = frozenset({"tool_error.ignored", "tool_error.own_call", "tool_error.retried"})
    signals: ClassVar = {
        "unknown_tool": Signal("the runtime answered that it does not know the tool", 55, 0.85),
        "not_offered": Signal("a call of a tool that was not offered and never answered", 45, 0.6),
        "arguments": Signal("arguments that break the tool's schema, or that the tool refused", 45, 0.8),
        "shadowed": Signal("code that redefines or imports a tool that was offered", 45, 0.7),
        "forbidden_import": Signal("code that imports a module outside the list of those allowed", 35, 0.7),
        "bypassed": Signal("code in place of every tool that the agent's own plan names", 45, 0.75),
        "unfit_input": Signal("an input of a kind that the tool cannot take", 35, 0.5),
        "letters": Signal("code goes over a text as if it were a list, one character at a time", 35, 0.8),
    }

    max_evidence: Annotated[int, Field(ge=1)] = 5
    """Calls quoted in one issue; all are counted."""
    repaired_severity: Annotated[int, Field(ge=0, le=100)] = 25
    """Severity when the agent's next call was answered."""

    quiet = (
        Example(
            "a tool that was not listed but answered",
            """
            task: What is 2 + 2?
            tools: search(query)
            agent: calculator(expression="2+2") -> 4
            agent: It is 4.
            """,
        ),
        Example(
            "optional arguments left out, a number in quotes",
            """
            task: Find cats.
            tools: search(query: string, limit?: integer)
            agent: search(query="cats") -> a page about cats
            agent: search(query="cats", limit="5") -> five pages about cats
            """,
        ),
        Example(
            "arguments outside the schema that were served all the same",
            """
            task: Find cats.
            tools: search(query: string)
            agent: search(q="cats") -> a page about cats
            """,
        ),
        Example(
            "a tool that failed for its own reasons",
            """
            task: Find cats.
            tools: search(query: string)
            agent: search(query="cats") -> Error: search service unavailable (503)
            agent: search(query="cats") -> a page about cats
            """,
        ),
        Example(
            "a tool called by its full name in the runtime",
            """
            task: Find cats.
            tools: search(query: string)
            agent: functions.search(query="cats") -> a page about cats
            agent: I handed over.
            """,
        ),
        Example(
            "the planned tool is called inside code, one step later",
            r"""
            system: You only have access to these tools:\n- web_search: searches the web.
            task: Find the year.
            agent: Plan:\n1. Use web_search to find the year.\n2. Report the year.
            agent: python_interpreter(code="import math") -> ok
            agent: python_interpreter(code="print(web_search('year'))") -> 1999
            """,
        ),
        Example(
            "code that uses an offered tool and imports what it may",
            r"""
            system: You only have access to these tools:\n- web_search: searches the web.\nYou can use imports, but only from the following list of modules: ['re', 'math']
            task: Find the year.
            agent: python_interpreter(code="import re\nfrom math import sqrt\npage = web_search('year')\nprint(page)") -> 1999
            """,
        ),
        Example(
            "code that looks at letters, as the task wants",
            """
            task: Count the letters of the word directory.
            agent: python(code="for c in word: print(c)") -> d\\ni\\nr\\ne\\nc\\nt\\no\\nr\\ny\\n
            """,
        ),
        Example(
            "a column of numbers and of the same sign",
            """
            task: List the page numbers.
            agent: python(code="print(pages)") -> 1\\n1\\n2\\n7\\n9\\n3\\n4\\n8\\n5\\n
            agent: python(code="print(rules)") -> /\\n/\\n/\\n/\\n/\\n/\\n/\\n/\\n/\\n
            """,
        ),
    )
    fires = (
        Example(
            "a listing of files taken for a list",
            """
            task: Find the module that parses dates.
            agent: python(code="for name in tree[:12]: print(name)") -> d\\ni\\nr\\ne\\nc\\nt\\no\\nr\\ny\\n \\ns\\nt\\n
            """,
            at=(0,),
        ),
        Example(
            "the plan says to search, the code prints what the agent believes",
            r"""
            system: You only have access to these tools:\n- web_search: searches the web.
            task: Find the year.
            agent: Plan:\n1. Use web_search to find the year.\n2. Report the year.
            agent: python_interpreter(code="year = 1999\nprint(year)") -> 1999
            """,
            at=(1,),
        ),
        Example(
            "the runtime does not know the tool",
            """
            task: What is the weather in Oslo?
            tools: search(query)
            agent: get_weather(city="Oslo") -> Unknown tool name: 'get_weather'. Available tools: search
            agent: It is sunny in Oslo.
            """,
            at=(0,),
        ),
        Example(
            "a tool that nobody offered and that never answered",
            """
            task: Tell Ann.
            tools: search(query)
            agent: search(query="Ann") -> ann@example.org
            agent: send_mail(to="ann@example.org")
            agent: Done.
            """,
            at=(1,),
        ),
        Example(
            "a required argument is missing, twice",
            """
            task: Book the flight.
            tools: book(flight: string, passengers: integer)
            agent: book(flight="HAT1") -> Error: invalid request
            agent: book(flight="HAT1") -> Error: invalid request
            """,
            at=(0,),
        ),
        Example(
            "the tool refuses an argument it does not have",
            """
            task: Read the page.
            tools: page_down()
            agent: page_down(page_down="") -> error: TypeError: forward() got an unexpected keyword argument 'page_down'
            """,
            at=(0,),
        ),
        Example(
            "code imports the tool it was given as a function",
            r"""
            system: You only have access to these tools:\n- web_search: searches the web.
            task: Find the year.
            agent: python_interpreter(code="from tools import web_search\nprint(web_search('year'))") -> error: Import of tools is not allowed
            """,
            at=(0,),
        ),
        Example(
            "code imports a module that it may not",
            r"""
            system: You can use imports in your code, but only from the following list of modules: ['re', 'math']
            task: Find the year.
            agent: python_interpreter(code="import inspect\nprint(inspect.getsource(f))") -> error: InterpreterError: import of inspect is not allowed
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Every call is held to what was offered, to its schema and to what came back; then plans to what was called."""
        table = features(trace)
        for found in misused(trace, table):
            yield self._issue(trace, found)
        for bypass in bypassed(trace, table):
            yield self._bypassed(trace, bypass)

    def _issue(self, trace: Trace, found: Misused) -> Issue:
        misuse, calls = found.misuse, found.calls
        times = f" ({len(calls)} times)" if len(calls) > 1 else ""
        return self.issue(
            trace,
            misuse.signal,
            calls[0].step,
            f"{misuse.what}{times}.",
            evidence=tuple(_evidence(call) for call in calls[: self.max_evidence]),
            recommendation=misuse.advice,
            about=(misuse.tool, misuse.what),
            severity=self.repaired_severity if found.repaired else None,
            call=calls[0].number,
        )

    def _bypassed(self, trace: Trace, bypass: Bypass) -> Issue:
        agent, tools = bypass.act.agent, " and ".join(bypass.names)
        them = "it" if len(bypass.names) == 1 else "them"
        return self.issue(
            trace,
            "bypassed",
            bypass.act,
            f"The plan of {agent} uses {tools}; {agent} never calls {them} and runs code of its own instead.",
            evidence=(
                Evidence(quote(bypass.code), bypass.act.index, note="the code"),
                Evidence(quote(bypass.planner.words, bypass.names[0]), bypass.planner.index, note="the plan"),
            ),
            recommendation=f"Refuse an answer before {tools} was called, or plan without it.",
            about=(agent, tools),
        )


def _evidence(call: CallFeatures) -> Evidence:
    answer = call.call.error or call.call.result or ""
    shown = answer if answer.strip() else f"{call.name}({call.call.arguments})"
    return Evidence(
        quote(shown), call.step.index, call.number, "what came back" if answer.strip() else "the call"
    )
