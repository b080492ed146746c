"""Unexecuted action: the agent says or prints what it should have done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from pisama.acts import is_bookkeeping, is_executor
from pisama.code_text import code_of, without_literals
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Evidence, Issue
from pisama.offered import plain_name
from pisama.patterns import lazy
from pisama.plans import named
from pisama.text import quote
from pisama.trace import Step, Trace

_REQUEST = lazy(
    r"\b(?:please|could you|can you|would you|help me|help us|I need you to|your task is)\b", re.IGNORECASE
)
_CALLED = lazy(r"\b([A-Za-z_]\w{0,100})[ \t]{0,4}\(")
_ASSIGNED_TEXT = lazy(r"^[ \t]{0,40}[A-Za-z_]\w{0,100}[ \t]{0,4}=[ \t]{0,4}(?:\([ \t\n]{0,80})?[fr]?[\"']", re.MULTILINE)  # fmt: skip
_WRITING = frozenset({"print", "format", "join", "strip", "str", "len", "dedent", "replace"})
"""Functions that only make or show text."""
_CALLING = frozenset(
    "ask call consult contact delegate execute forward invoke query request run transfer use".split()
)
"""Verbs that make a one-word name a tool's or an agent's."""
_CODE_LIMIT = 8_000
"""Characters of code that are read; a request that is only printed is shorter."""


class UnexecutedAction(Detector):
    """The agent says or prints what it should have done.

    ## Why it is a failure

    The request reaches nobody and the search never runs, yet the next step goes on as if it had.
    At best a turn is lost; at worst the answer is made up in place of the missing result.

    ## What it does not flag

    A text that the next step passes on; an announcement that a later step carries out, or that
    was dropped after other calls or after the user spoke; offers, questions and conditions;
    code that computes; a step that was cut off; a record that is not complete.

    ## How to fix it

    Check each step for an action: when it names a tool or an agent and calls nothing, tell the agent
    so and let it call. Show in the prompt that a variable or a printed text is sent to nobody.
    """

    id = "unexecuted_action"
    needs = frozenset({Needs.STEPS, Needs.TEXT})
    tags = ("mast:FM-2.6",)
    signals: ClassVar = {
        "printed": Signal("a request to a tool or an agent is only printed", 50, 0.7),
        "announced": Signal("an announced call or request never comes", 45, 0.45),
    }

    max_issues: int = 3
    """Issues of one signal in one trace; further ones repeat the same failure."""

    quiet = (
        Example(
            "the request is sent in the same code",
            """
            task: When was the bridge opened?
            tools: search_agent(request), python_interpreter(code)
            agent: I will ask search_agent.
              python_interpreter(code="task = 'Please find the opening date.'\\nprint(search_agent(request=task))") -> 1932
            agent: It opened in 1932.
            """,
        ),
        Example(
            "the next step sends what this one wrote",
            """
            task: When was the bridge opened?
            tools: search_agent(request), python_interpreter(code)
            agent: I will write a request for search_agent.
              python_interpreter(code="task = 'Please find the opening date.'\\nprint(task)") -> Please find the opening date.
            agent: Now I send it.
              python_interpreter(code="print(search_agent(request=task))") -> 1932
            """,
        ),
        Example(
            "the text is the result that was asked for",
            """
            task: Write a polite mail to the landlord.
            tools: web_search(query), python_interpreter(code)
            agent: Here is the mail.
              python_interpreter(code="mail = 'Could you please repair the heating?'\\nprint(mail)") -> Could you please repair the heating?
            """,
        ),
        Example(
            "announced, then done",
            """
            task: When was the bridge opened?
            tools: web_search(query)
            agent: I will use web_search to find the date.
            agent: web_search(query="bridge opened") -> 1932
            agent: It opened in 1932.
            """,
        ),
        Example(
            "an offer to the user",
            """
            task: Cancel my reservation.
            tools: cancel_reservation(id)
            agent: If you agree, I will call cancel_reservation for A1. Shall I go on?
            """,
        ),
        Example(
            "the user changed the wish",
            """
            task: Cancel my reservation.
            tools: cancel_reservation(id)
            agent: I will now run cancel_reservation for A1.
            user: Wait, I want to keep it.
            agent: All right, your reservation stays as it is.
            """,
        ),
        Example(
            "another call made it unnecessary",
            """
            task: When was the bridge opened?
            tools: web_search(query), read_file(path)
            agent: I will use web_search to find the date.
            agent: read_file(path="bridge.txt") -> The bridge opened in 1932.
            agent: It opened in 1932.
            """,
        ),
        Example(
            "the agent that was announced acts",
            """
            task: When was the bridge opened?
            manager: I will ask researcher to find the date.
            researcher: It opened in 1932.
            manager: It opened in 1932.
            """,
        ),
    )
    fires = (
        Example(
            "a request to a team member is only printed",
            """
            task: When was the bridge opened?
            tools: search_agent(request), python_interpreter(code)
            agent: I will ask search_agent for the date.
              python_interpreter(code="request = 'Please find the opening date of the bridge.'\\nprint(request)") -> Please find the opening date of the bridge.
            agent: It opened in 1930.
            """,
            at=(0,),
        ),
        Example(
            "the printed text addresses the agent by name",
            """
            task: Which stanza is indented?
            tools: search_agent(request), python_interpreter(code)
            agent: python_interpreter(code="task = (\\n    'Dear search_agent, could you please '\\n    'find the poem?'\\n)\\nprint(task)") -> Dear search_agent, could you
            agent: The second stanza.
            """,
            at=(0,),
        ),
        Example(
            "a search is announced and the answer comes without it",
            """
            task: When was the bridge opened?
            tools: web_search(query)
            agent: I will now use web_search to find the date.
            agent: It opened in 1930.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Requests in code that calls nobody, then announcements that nothing follows."""
        offered = features(trace).offered.working | set(trace.agents)
        names = frozenset(name for name in offered if not is_executor(name) and not is_bookkeeping(name))
        if names:
            yield from self._first(self._printed(trace, names))
            if trace.complete:
                yield from self._first(self._announced(trace, names))

    def _first(self, issues: Iterator[Issue]) -> Iterator[Issue]:
        for _, issue in zip(range(self.max_issues), issues, strict=False):
            yield issue

    def _printed(self, trace: Trace, names: frozenset[str]) -> Iterator[Issue]:
        following = _next_own(trace)
        for step in trace.steps:
            if len(step.tool_calls) != 1:
                continue
            code = code_of(step.tool_calls[0])
            if code is None or len(code) > _CODE_LIMIT or not _only_writes(code):
                continue
            addressed = named(f"{step.words[:8_000]}\n{code}", names) - {step.agent}
            later = following.get(step.index)
            if not addressed or (later is not None and _used(later) & _plain(addressed)):
                continue
            target = _best(addressed)
            request = _REQUEST.search(code)
            yield self.issue(
                trace,
                "printed",
                step,
                f"{step.agent} writes a request meant for {target} and only prints it; nothing is called with it.",
                evidence=(
                    Evidence(quote(code, request.start() if request else 0), step.index, 0, "the request"),
                ),
                recommendation=f"Have the agent call {target} with the text, and say in its prompt that printing sends nothing.",
                about=(target, "printed"),
            )

    def _announced(self, trace: Trace, names: frozenset[str]) -> Iterator[Issue]:
        used = set[str]()
        for step in reversed(trace.steps):
            calls = [call for call in step.tool_calls if not is_bookkeeping(call.name)]
            # Another result, or the user, may have made what was announced before it unnecessary.
            if calls:
                return
            if not (step.tool_calls or step.recipient or step.error or step.finish_reason == "length"):
                yield from self._unkept(trace, step, names, used)
            if any(message.role == "user" for message in step.seen):
                return
            used |= _used(step) | {plain_name(step.agent)}

    def _unkept(self, trace: Trace, step: Step, names: frozenset[str], used: set[str]) -> Iterator[Issue]:
        """The first announcement of a step that names what nobody used afterwards."""
        if "```" in step.text:
            return
        for item in features(trace).announcements(step.text):
            words = step.text[item.start : item.start + 160].split("\n", 1)[0]
            meant = frozenset(
                name
                for name in named(words, names) - {step.agent}
                if item.verb in _CALLING or "_" in name or "-" in name
            )
            if (
                not meant
                or _plain(meant) & used
                or re.search(r"\b(?:if|unless|whether|once|you)\b|\?", words)
            ):
                continue
            target = _best(meant)
            yield self.issue(
                trace,
                "announced",
                step,
                f"{step.agent} says \u201c{quote(item.sentence, width=120)}\u201d, but {target} is not used in this step or later.",
                evidence=(Evidence(quote(step.text, item.start), step.index, None, "the announcement"),),
                recommendation=f"Refuse a step that announces {target} without calling it, and ask the agent for the call.",
                about=(target, item.verb),
            )
            return


def _only_writes(code: str) -> bool:
    """Whether code assigns a text that asks somebody for something, and does nothing but print."""
    if not _ASSIGNED_TEXT.search(code) or not _REQUEST.search(code):
        return False
    called = set(_CALLED.findall(without_literals(code)))
    return "print" in called and called <= _WRITING


def _next_own(trace: Trace) -> dict[int, Step]:
    """The next step of the same agent, by a step's index."""
    following: dict[int, Step] = {}
    last: dict[str, Step] = {}
    for step in reversed(trace.steps):
        if step.agent in last:
            following[step.index] = last[step.agent]
        last[step.agent] = step
    return following


def _used(step: Step) -> frozenset[str]:
    """Plain names of what a step calls, in code too, and of whom it is addressed to."""
    found = {call.name for call in step.tool_calls} | ({step.recipient} if step.recipient else set())
    for call in step.tool_calls:
        found.update(_CALLED.findall(code_of(call) or ""))
    return _plain(found)


def _plain(names: frozenset[str] | set[str]) -> frozenset[str]:
    return frozenset(plain_name(name) for name in names)


def _best(names: frozenset[str]) -> str:
    """The name that a request is most likely meant for: an agent's before a tool's."""
    return min(names, key=lambda name: ("agent" not in name.lower(), name))
