"""Tool misuse: a wrong tool, or the right one with wrong arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.code_text import code_of, imported, redefined
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Issue
from pisama.letters import letter_by_letter
from pisama.offered import plain_name, used
from pisama.outcomes import ErrorKind
from pisama.patterns import lazy
from pisama.plans import named
from pisama.schema import violations
from pisama.text import quote, similarity
from pisama.tool_inputs import rejected, unfit
from pisama.trace import Step, Trace

_UNKNOWN_TOOL = lazy(
    r"unknown tool(?: name)?|no such tool|unsupported (?:tool )?call|not among the explicitly allowed tools"
    r"|(?:is not a (?:valid|known) tool)|tool [^\n]{1,80}? (?:does not exist|is not (?:available|registered|defined))"
    r"|(?:tool|function) (?:not found|unknown)|tool [\"'`]?[\w.\-]{1,60}[\"'`]? not found",
    re.IGNORECASE,
)
_QUOTED = lazy(r"['\"`](?P<name>[\w.\-]{1,80})['\"`]")
MAX_NAMES = 200
"""Names of tools and agents that an unknown name is compared with."""
LOOK_AHEAD = 50
"""Calls after a wrong one among which the one that puts it right is looked for."""
_LETTERS_WANTED = lazy(
    r"\b(?:letters?|spell(?:s|ed|ing)?|anagrams?|alphabet(?:s|ical(?:ly)?)?|crosswords?|cipher|each character|single characters)\b",
    re.IGNORECASE,
)
"""Words of a task in which single characters are what is wanted."""
_CODE_KEYS = frozenset({"code", "command", "cmd", "script", "source"})


@dataclass(slots=True)
class _Found:
    """One failure and all the calls that show it."""

    signal: str
    tool: str
    what: str
    advice: str
    calls: list[CallFeatures] = field(default_factory=list)


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
        """Every call is held to what was offered, to its schema and to what came back."""
        table = features(trace)
        tools = _Tools(trace, table)
        found: dict[tuple[str, str], _Found] = {}
        for call in table.calls:
            for problem in _problems(tools, call):
                # The agent that tries one wrong argument after another has one problem with one tool.
                found.setdefault((problem.signal, problem.tool), problem).calls.append(call)
        for problem in found.values():
            yield self._issue(trace, table, problem)
        yield from self._bypassed(trace, table)

    def _bypassed(self, trace: Trace, table: Features) -> Iterator[Issue]:
        offered = table.offered.working
        planned: dict[str, tuple[Step, frozenset[str]]] = {}
        acts: dict[str, list[Step]] = {}
        for step in trace.steps:
            if step.agent in planned:
                acts.setdefault(step.agent, []).append(step)
            elif not step.tool_calls and (made := table.plans(step.words)):
                names = named("\n".join(plan.text for plan in made), offered)
                planned.update({step.agent: (step, names)} if names else {})
        for agent, (planner, names) in planned.items():
            first = acts.get(agent, [planner])[0]
            code = next((item for item in map(code_of, first.tool_calls) if item is not None), None)
            if code is None or any(used(step, names) for step in acts[agent]):
                continue
            tools = " and ".join(sorted(names))
            yield self.issue(
                trace,
                "bypassed",
                first,
                f"The plan of {agent} uses {tools}; {agent} never calls {'it' if len(names) == 1 else 'them'} and runs code of its own instead.",
                evidence=(
                    Evidence(quote(code), first.index, note="the code"),
                    Evidence(quote(planner.words, sorted(names)[0]), planner.index, note="the plan"),
                ),
                recommendation=f"Refuse an answer before {tools} was called, or plan without it.",
                about=(agent, tools),
            )

    def _issue(self, trace: Trace, table: Features, problem: _Found) -> Issue:
        first = problem.calls[0]
        times = f" ({len(problem.calls)} times)" if len(problem.calls) > 1 else ""
        repaired = _repaired(table, problem)
        return self.issue(
            trace,
            problem.signal,
            first.step,
            f"{problem.what}{times}.",
            evidence=tuple(_evidence(call) for call in problem.calls[: self.max_evidence]),
            recommendation=problem.advice,
            about=(problem.tool, problem.what),
            severity=self.repaired_severity if repaired else None,
            call=first.number,
        )


class _Tools:
    """The tools of a run, looked up once."""

    def __init__(self, trace: Trace, table: Features) -> None:
        self.offered = table.offered
        self.wants_letters = _LETTERS_WANTED.search((trace.task or "")[:20_000]) is not None
        self.schemas = {tool.name: tool.schema for tool in trace.tools or () if tool.schema}
        self.names = sorted(table.offered.tools)[:MAX_NAMES]
        agents = [plain_name(name) for name in (*trace.agents, *table.offered.members)]
        self._agents = [name for name in agents if name][:MAX_NAMES]
        self._known = {*agents, *map(plain_name, table.offered.tools)}
        self._answered = {call.name for call in table.calls if call.outcome.status == "success"}
        self._tells = bool(trace.tools) and trace.complete and bool(self._answered)

    def lacks(self, call: CallFeatures) -> bool:
        """Whether a call that got no answer is of a tool that was not offered."""
        if not self._tells or call.call.result is not None or call.call.error is not None:
            return False
        name = plain_name(call.name)
        # A hand-over names the agent in its own name: `transfer_to_writer`.
        to_agent = any(agent in name for agent in self._agents)
        return name not in self._known and not to_agent and call.name not in self._answered


def _problems(tools: _Tools, call: CallFeatures) -> Iterator[_Found]:
    if _unknown(call):
        yield _unknown_tool(tools, call)
    elif tools.lacks(call):
        yield _Found(
            "not_offered",
            call.name,
            f"{call.name}, which is not among the tools offered, was called and nothing came back",
            f"Offer {call.name}, or tell the agent which of the offered tools to use instead.",
        )
    else:
        yield from _arguments(tools, call)
    yield from _code(tools, call)


def _unknown_tool(tools: _Tools, call: CallFeatures) -> _Found:
    wanted = _wanted(call)
    nearest = max(tools.names, key=lambda name: similarity(name, wanted), default=None)
    return _Found(
        "unknown_tool",
        wanted,
        f"{wanted} was called, and the answer was that there is no such tool"
        + (f"; the nearest that was offered is {nearest}" if nearest else ""),
        "List the valid tool names in the reply to an unknown one, and stop the run when the model insists.",
    )


def _arguments(tools: _Tools, call: CallFeatures) -> Iterator[_Found]:
    given = call.call.arguments
    if call.outcome.status != "error" or not isinstance(given, dict):
        return
    broken = violations(given, tools.schemas.get(call.name) or {})
    refused = rejected(call.outcome.message, f"{call.call.error or ''}\n{call.call.result or ''}"[:2000])
    if not _CODE_KEYS & given.keys() and (broken or refused):
        what = "; ".join(item.message for item in broken[:3]) or refused
        yield _Found(
            "arguments",
            call.name,
            f"{call.name} was called with arguments that it does not take: {what}",
            f"Give {call.name} a schema with its required properties and no others, and answer a call that breaks it with the names that are valid.",
        )
    elif wrong := unfit(call):
        advice = f"Say in the description of {call.name} what its input must look like."
        yield _Found("unfit_input", call.name, wrong, advice)


def _repaired(table: Features, problem: _Found) -> bool:
    """Whether the next call was answered: of the same tool, or of any tool that does exist."""
    last = problem.calls[-1]
    other = problem.signal in ("unknown_tool", "not_offered")
    for call in table.calls[last.position + 1 : last.position + 1 + LOOK_AHEAD]:
        if call.name == last.name or (other and call.step.agent == last.step.agent):
            return call.outcome.status == "success"
    return False


def _evidence(call: CallFeatures) -> Evidence:
    answer = call.call.error or call.call.result or ""
    shown = answer if answer.strip() else f"{call.name}({call.call.arguments})"
    return Evidence(
        quote(shown), call.step.index, call.number, "what came back" if answer.strip() else "the call"
    )


def _unknown(call: CallFeatures) -> bool:
    if not call.outcome.failed:
        return False
    answer = f"{call.call.error or ''}\n{call.call.result or ''}"
    return call.outcome.kind is ErrorKind.UNKNOWN_TOOL or _UNKNOWN_TOOL.search(answer[:600]) is not None


def _wanted(call: CallFeatures) -> str:
    """The tool that is not known: the one called, or the one that the code which was run calls."""
    named = _QUOTED.search(call.outcome.message) if code_of(call.call) is not None else None
    return named["name"] if named is not None else call.name


def _code(tools: _Tools, call: CallFeatures) -> Iterator[_Found]:
    offered = tools.offered
    code = code_of(call.call)
    if code is None:
        return
    imports = imported(code)
    for name in sorted((redefined(code) | imports.names) & (offered.tools | offered.members)):
        yield _Found(
            "shadowed",
            name,
            f"Code redefines or imports {name}, which was offered as a tool",
            f"Tell the agent that {name} is there already and must neither be imported nor assigned.",
        )
    if not tools.wants_letters and (place := letter_by_letter(call.call.result or "")) is not None:
        shown = quote(call.call.result or "", place, width=60)
        yield _Found(
            "letters",
            call.name,
            f"Code goes over a text as if it were a list, so one character at a time came back: “{shown}”",
            "Say of every value handed to code whether it is a text or a list, and have the agent look at its type before going over it.",
        )
    if offered.modules is not None and call.outcome.failed:
        allowed = {module.split(".", 1)[0] for module in offered.modules}
        for module in sorted(imports.modules - allowed - offered.tools - offered.members):
            yield _Found(
                "forbidden_import",
                module,
                f"Code imports {module}, which is not among the modules that may be imported",
                f"Allow {module}, or say in the reply to the import what to use instead.",
            )
