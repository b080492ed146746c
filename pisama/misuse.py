"""Misuse: calls of tools that there are not, with arguments they do not take, and code in place of a tool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pisama.code_text import code_of, imported, redefined
from pisama.features import CallFeatures, Features
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


class Misuse(NamedTuple):
    """One way in which a tool, or code in its place, was used wrongly."""

    signal: str
    tool: str
    """The tool, or the module that code imports."""
    what: str
    """What was done, as a sentence without its stop."""
    advice: str


class Misused(NamedTuple):
    """A misuse with all the calls that show it."""

    misuse: Misuse
    calls: list[CallFeatures]
    repaired: bool
    """Whether the next call was answered: of the same tool, or of any tool that does exist."""


def misused(trace: Trace, table: Features) -> Iterator[Misused]:
    """Every call held to what was offered, to its schema and to what came back; one for each signal and tool.

    The agent that tries one wrong argument after another has one problem with one tool.
    """
    tools = _Tools(trace, table)
    found: dict[tuple[str, str], tuple[Misuse, list[CallFeatures]]] = {}
    for call in table.calls:
        for misuse in _misuses(tools, call):
            found.setdefault((misuse.signal, misuse.tool), (misuse, []))[1].append(call)
    for misuse, calls in found.values():
        yield Misused(misuse, calls, _repaired(table, misuse, calls[-1]))


def _repaired(table: Features, misuse: Misuse, last: CallFeatures) -> bool:
    other = misuse.signal in ("unknown_tool", "not_offered")
    for call in table.calls[last.position + 1 : last.position + 1 + LOOK_AHEAD]:
        if call.name == last.name or (other and call.step.agent == last.step.agent):
            return call.outcome.status == "success"
    return False


class Bypass(NamedTuple):
    """A plan that names tools, and code of the agent's own in their place."""

    planner: Step
    """The step that makes the plan."""
    names: tuple[str, ...]
    """The tools, sorted."""
    act: Step
    """The step that runs the code."""
    code: str


def bypassed(trace: Trace, table: Features) -> Iterator[Bypass]:
    """Tools that an agent's plan names and that it never calls, running code at once instead."""
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
        if code is not None and not any(used(step, names) for step in acts[agent]):
            yield Bypass(planner, tuple(sorted(names)), first, code)


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


def _misuses(tools: _Tools, call: CallFeatures) -> Iterator[Misuse]:
    if _unknown(call):
        yield _unknown_tool(tools, call)
    elif tools.lacks(call):
        yield Misuse(
            "not_offered",
            call.name,
            f"{call.name}, which is not among the tools offered, was called and nothing came back",
            f"Offer {call.name}, or tell the agent which of the offered tools to use instead.",
        )
    else:
        yield from _arguments(tools, call)
    yield from _code(tools, call)


def _unknown_tool(tools: _Tools, call: CallFeatures) -> Misuse:
    wanted = _wanted(call)
    nearest = max(tools.names, key=lambda name: similarity(name, wanted), default=None)
    return Misuse(
        "unknown_tool",
        wanted,
        f"{wanted} was called, and the answer was that there is no such tool"
        + (f"; the nearest that was offered is {nearest}" if nearest else ""),
        "List the valid tool names in the reply to an unknown one, and stop the run when the model insists.",
    )


def _arguments(tools: _Tools, call: CallFeatures) -> Iterator[Misuse]:
    given = call.call.arguments
    if call.outcome.status != "error" or not isinstance(given, dict):
        return
    broken = violations(given, tools.schemas.get(call.name) or {})
    refused = rejected(call.outcome.message, f"{call.call.error or ''}\n{call.call.result or ''}"[:2000])
    if not _CODE_KEYS & given.keys() and (broken or refused):
        what = "; ".join(item.message for item in broken[:3]) or refused
        yield Misuse(
            "arguments",
            call.name,
            f"{call.name} was called with arguments that it does not take: {what}",
            f"Give {call.name} a schema with its required properties and no others, and answer a call that breaks it with the names that are valid.",
        )
    elif wrong := unfit(call):
        advice = f"Say in the description of {call.name} what its input must look like."
        yield Misuse("unfit_input", call.name, wrong, advice)


def _unknown(call: CallFeatures) -> bool:
    if not call.outcome.failed:
        return False
    answer = f"{call.call.error or ''}\n{call.call.result or ''}"
    return call.outcome.kind is ErrorKind.UNKNOWN_TOOL or _UNKNOWN_TOOL.search(answer[:600]) is not None


def _wanted(call: CallFeatures) -> str:
    """The tool that is not known: the one called, or the one that the code which was run calls."""
    named = _QUOTED.search(call.outcome.message) if code_of(call.call) is not None else None
    return named["name"] if named is not None else call.name


def _code(tools: _Tools, call: CallFeatures) -> Iterator[Misuse]:
    offered = tools.offered
    code = code_of(call.call)
    if code is None:
        return
    imports = imported(code)
    for name in sorted((redefined(code) | imports.names) & (offered.tools | offered.members)):
        yield Misuse(
            "shadowed",
            name,
            f"Code redefines or imports {name}, which was offered as a tool",
            f"Tell the agent that {name} is there already and must neither be imported nor assigned.",
        )
    if not tools.wants_letters and (place := letter_by_letter(call.call.result or "")) is not None:
        shown = quote(call.call.result or "", place, width=60)
        yield Misuse(
            "letters",
            call.name,
            f"Code goes over a text as if it were a list, so one character at a time came back: “{shown}”",
            "Say of every value handed to code whether it is a text or a list, and have the agent look at its type before going over it.",
        )
    if offered.modules is not None and call.outcome.failed:
        allowed = {module.split(".", 1)[0] for module in offered.modules}
        for module in sorted(imports.modules - allowed - offered.tools - offered.members):
            yield Misuse(
                "forbidden_import",
                module,
                f"Code imports {module}, which is not among the modules that may be imported",
                f"Allow {module}, or say in the reply to the import what to use instead.",
            )
