"""Left undone: what a run that came to an end had still to do.

Items of the agent's own list, tools that were not tried before it gave up, tests that were demanded,
and a trial of the patch that it hands over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pisama.acts import acts_of_call, command_of, is_bookkeeping, is_executor, is_reading, name_parts, spoken
from pisama.claims import gives_up
from pisama.features import CallFeatures, Features
from pisama.issue import Evidence, Finding
from pisama.patches import hunks
from pisama.patterns import lazy
from pisama.plans import PlanStep, plan_of
from pisama.spots import Sign
from pisama.text import quote
from pisama.trace import Step, Trace

_LAST_ITEM = lazy(
    r"\b(?:report|summari[sz]e|answer|present|submit|respond|reply|tell|return|deliver|share|provide|output)\b",
    re.IGNORECASE,
)
"""Words of an item that the last message itself carries out."""
_TESTS_WANTED = lazy(
    r"\b(?:run|execute|rerun) (?:all )?(?:the |your |our |its )?(?:\w{1,20} )?tests?\b"
    r"|\b(?:make sure|ensure|verify|check|confirm)(?: that)?(?: all)?(?: the| your| its)?(?: \w{1,20})? tests? (?:still )?pass",
    re.IGNORECASE,
)
_TRIES = Sign(
    (
        *(
            "git ",
            "patch -",
            "pytest",
            "py.test",
            "unittest",
            "tox",
            "nox",
            "ctest",
            "jest",
            "rspec",
            "phpunit",
        ),
        *(" test", " check", "sed -i", "subprocess.", "write_text(", "'w", '"w'),
    ),
    lazy(
        r"\bgit (?:apply|diff|am|stash)\b|\bpatch -|\b(?:pytest|py\.test|unittest|tox|nox|ctest|jest|rspec|phpunit)\b"
        r"|\b(?:make|npm|yarn|pnpm|cargo|go|mvn|gradle|dotnet|bazel) (?:run )?(?:test|check)\b"
        r"|\bsed -i|\bsubprocess\.|\bwrite_text\(|,[ ]?['\"]w[bt+]?['\"]\)",
    ),
)
"""Commands that change files or run tests."""
_EDITING = frozenset({"edit", "write", "patch", "replace", "insert", "multiedit", "create", "apply"})
"""Words in the names of tools that change files."""
_TESTING = frozenset({"jest"})
"""Acts that run tests."""
_LIST_TOOLS = frozenset({"todo", "todos", "plan", "todowrite", "task", "tasks"})
"""Words in the names of tools that keep a list of items."""


def left_undone(trace: Trace, table: Features, max_attempts: int) -> Iterator[Finding]:
    """Everything that a finished run left undone; giving up counts up to `max_attempts` different calls.

    The signals are those of `completion`: `untried_patch`, `open_items`, `gave_up` and `untested`.
    """
    yield from _untried_patch(trace, table)
    yield from _open_items(trace, table)
    yield from _gave_up(trace, table, max_attempts)
    yield from _untested(trace, table)


def _untried_patch(trace: Trace, table: Features) -> Iterator[Finding]:
    step, text, call = _handed_over(trace)
    hunk = next(hunks(text), None)
    if step is None or hunk is None or any(_tries(each) for each in table.calls):
        return
    yield Finding(
        "untried_patch",
        step,
        f"{step.agent} hands over a patch that no call of the run applied or tested.",
        evidence=(Evidence(quote(text, hunk.start), step.index, call, "handed over"),),
        recommendation="Have the agent apply the patch to a copy of the code and run the tests before it hands it over.",
        about=("patch",),
        call=call,
    )


def _handed_over(trace: Trace) -> tuple[Step | None, str, int | None]:
    """The step that gives the last answer, its words, and the call that hands them over."""
    for step in reversed(trace.steps[-3:]):
        for text, call in reversed(list(spoken(step))):
            if call is not None or step is trace.steps[-1]:
                return step, text, call
    return None, "", None


def _tries(call: CallFeatures) -> bool:
    """Whether a call changes files or runs something, so that the patch may come from there or was tried."""
    if is_executor(call.name):
        command = command_of(call.call.arguments)
        return _TRIES.search(command, command) is not None
    return bool(_EDITING.intersection(name_parts(call.name)) or _TESTING & acts_of_call(call.call))


def _open_items(trace: Trace, table: Features) -> Iterator[Finding]:
    found, last = _last_list(trace, table), trace.steps[-1]
    if found is None:
        return
    step, items = found
    left = tuple(item for item in items if item.state == "open" and not _LAST_ITEM.search(item.text))
    if not left or left == items or gives_up(last.text):
        return
    names = "; ".join(quote(item.text, width=60) for item in left[:3])
    yield Finding(
        "open_items",
        last,
        f"{last.agent} ends with {len(left)} of {len(items)} items of its own list open: {names}.",
        evidence=(
            Evidence(quote(left[0].text), step.index, None, "still open"),
            Evidence(quote(last.text or "the end"), last.index),
        ),
        recommendation="Let the run end only when every item is done or dropped with a reason.",
        about=tuple(item.text for item in left[:3]),
    )


def _last_list(trace: Trace, table: Features) -> tuple[Step, tuple[PlanStep, ...]] | None:
    """The last list of items with states that an agent kept, with its step."""
    for step in reversed(trace.steps):
        for call in step.tool_calls:
            if _LIST_TOOLS.intersection(name_parts(call.name)):
                plan = plan_of(call.arguments)
                if plan is not None and any(item.state for item in plan.steps):
                    return step, plan.steps
        for plan in table.plans(step.text):
            if any(item.state for item in plan.steps):
                return step, plan.steps
    return None


def _gave_up(trace: Trace, table: Features, max_attempts: int) -> Iterator[Finding]:
    last = trace.steps[-1]
    opening = next(iter(table.sentences(last.text[:400])), "")
    words = gives_up(opening) if not last.tool_calls else None
    asked = {message.text for step in trace.steps for message in step.seen if message.role == "user"}
    if words is None or len(asked) > 1:
        return
    if table.calls and all(call.returned is None for call in table.calls):
        return
    tried = {call.key for call in table.calls if not is_bookkeeping(call.name)}
    unused = _unused_tools(trace, table)
    if len(tried) > max_attempts or not unused:
        return
    yield Finding(
        "gave_up",
        last,
        f"{last.agent} gives up (\u201c{quote(words, width=60)}\u201d) after {len(tried)} attempts, with {', '.join(unused[:3])} unused.",
        evidence=(Evidence(quote(last.text, words), last.index, None, "gives up"),),
        recommendation=f"Have the agent try {unused[0]} and rephrase its query before it reports that nothing was found.",
        about=(words,),
    )


def _unused_tools(trace: Trace, table: Features) -> list[str]:
    """Names of the tools offered and never called that read something or are about the task."""
    used = {call.name for call in table.calls}
    task = table.stem_set(trace.task or "")
    return [
        tool.name
        for tool in trace.tools or ()
        if tool.name not in used
        and not is_bookkeeping(tool.name)
        and (is_reading(tool.name) or task & table.stem_set(" ".join(name_parts(tool.name))))
    ]


def _untested(trace: Trace, table: Features) -> Iterator[Finding]:
    changed = _change_after_tests(table) if _TESTS_WANTED.search((trace.task or "")[:20_000]) else None
    if changed is None:
        return
    arguments = quote(str(changed.call.arguments))
    yield Finding(
        "untested",
        changed.step,
        f"The task wants the tests run, and after the last change by {changed.name} none was.",
        evidence=(Evidence(arguments, changed.step.index, changed.number, "the last change"),),
        recommendation="Run the tests after the last change, and let the agent report their output.",
        about=("tests", changed.name),
    )


def _change_after_tests(table: Features) -> CallFeatures | None:
    """The last call that changed a file, when no test was run after it."""
    changed = None
    for call in table.calls:
        if (name_parts(call.name)[:1] or ("",))[0] in _EDITING and not call.outcome.failed:
            changed = call
        elif _TESTING & acts_of_call(call.call) or (
            is_executor(call.name) and "test" in command_of(call.call.arguments)
        ):
            changed = None
    return changed
