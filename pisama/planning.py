"""Planning: how a run plans.

Whether its plans are sound and serve the task, whether they are what was demanded, whether they
are made again without need, and whether one was demanded and never made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pisama.features import Features
from pisama.issue import Evidence, Finding
from pisama.offered import used
from pisama.patterns import lazy
from pisama.plan_faults import faults
from pisama.plans import Plan, named, plan_of, plans
from pisama.spots import find_near
from pisama.text import containment, overlap, quote
from pisama.trace import Step, Trace

_DEMAND = lazy(
    r"\b(?:write|develop|make|create|give|provide|produce|outline|draft|prepare|begin with|start with|state)\b[^.\n]{0,30}"
    r"\b(?:your (?:step.by.step |high.level |new |own )?plan|(?:a|the) (?:step.by.step|high.level|detailed|short|numbered)(?:,? [\w-]{1,20}){0,3} plan)\b"
    r"|\b(?:first|before (?:you (?:act|start|begin|answer|call)|acting|starting|answering))\b[^.\n]{0,60}\bplan\b",
    re.IGNORECASE,
)
"""Demands for a plan."""
_OWNERS_DEMANDED = lazy(
    r"\b(?:assign|name|state|specify|give|indicate|mark)\b[^.\n]{0,60}\b(?:each|every) (?:step|task|subtask|item)\b[^.\n]{0,60}\b(?:owner|agent|tool|assignee|who)\b"
    r"|\b(?:assign|name|state|specify|give|indicate)\b[^.\n]{0,40}\b(?:owner|agent|tool|assignee)s?\b[^.\n]{0,30}\b(?:each|every) (?:step|task|subtask|item)\b"
    r"|\b(?:each|every) (?:step|task|subtask|item)\b[^.\n]{0,30}\b(?:must|should|needs to|has to)\b[^.\n]{0,30}\b(?:owner|agent|tool|assignee|assigned)\b",
    re.IGNORECASE,
)
"""Demands that each step names who or what does it."""
_TOOLS_DEMANDED = lazy(
    r"\b(?:based on|using|with|from|leverage|call)\b[^.\n]{0,30}\btools\b|\btools?\b[^.\n]{0,30}\b(?:must|should) be (?:used|named)\b",
    re.IGNORECASE,
)
"""Demands that a plan rests on tools."""
_LOOKS_UP = lazy(
    r"\b(?:search|look(?:ing)? up|retrieve|find|locate|research|consult|obtain|gather|fetch|access|download|browse)\b",
    re.IGNORECASE,
)
"""Steps that cannot be done from memory."""
_PLANLIKE = lazy(r"\bplan\b|\bsteps?\b|(?:^|\n)[ \t#*]{0,6}\d{1,2}[.)]", re.IGNORECASE)
"""Words and lists of a plan, in whatever form."""
_PLANNING_CALL = lazy(r"plan|todo|task|ledger", re.IGNORECASE)
"""Names of tools that keep a task list."""


class Bounds(NamedTuple):
    """What is in order; what each means is told by the options of `decomposition`."""

    other_problem_share: float
    min_words: int
    part_share: float
    near: int
    min_remakes: int
    same_share: float


class Made(NamedTuple):
    """A plan that a step of the run makes."""

    place: int
    """Position of the step in the run."""
    step: Step
    plan: Plan


def planning_faults(trace: Trace, table: Features, bounds: Bounds) -> Iterator[Finding]:
    """Every plan by itself, against what was demanded of it, and against the task and the plans before it.

    The signals are those of `decomposition`.
    """
    made = [
        Made(place, step, plan) for place, step in enumerate(trace.steps) for plan in _plans_of(step, table)
    ]
    for each in _first_of_each(made):
        for fault in faults(each.plan, table):
            yield _finding(fault.signal, each.step, fault.summary, fault.shown, fault.advice, each.plan)
        yield from _no_owner(trace, table, each)
        yield from _no_tool(trace, table, each, bounds.near)
    if made and trace.task:
        yield from _other_problem(table, trace.task, made[0], bounds)
        yield from _left_out(trace, table, trace.task, made, bounds.part_share)
    yield from _remade(table, made, bounds)
    yield from _no_plan(trace, made)


def _finding(
    signal: str,
    step: Step,
    summary: str,
    shown: str,
    advice: str,
    plan: Plan | None,
    more: tuple[Evidence, ...] = (),
) -> Finding:
    return Finding(
        signal,
        step,
        summary,
        evidence=(Evidence(quote(shown), step.index), *more),
        recommendation=advice,
        about=(step.agent, plan.text if plan is not None else ""),
    )


def _plans_of(step: Step, table: Features) -> list[Plan]:
    """The plans a step writes, in words and in calls that keep a task list."""
    found = list(table.plans(step.words)) if step.words else []
    for call in step.tool_calls:
        plan = plan_of(call.arguments) if _PLANNING_CALL.search(call.name) else None
        if plan is not None:
            found.append(plan)
    return found


def _first_of_each(made: list[Made]) -> Iterator[Made]:
    """The plans with different words: an updated task list is judged once."""
    met: set[str] = set()
    for each in made:
        if each.plan.text not in met:
            met.add(each.plan.text)
            yield each


def _no_owner(trace: Trace, table: Features, made: Made) -> Iterator[Finding]:
    """Steps without the owner or tool that each was to have."""
    _, step, plan = made
    if not any(find_near(_OWNERS_DEMANDED, _asked(step), ("each ", "every "), before=150, after=150)):
        return
    names = {*table.offered.working, *trace.agents}
    bare = [item for item in plan.steps if not (item.owner or item.tool or named(item.text, names))]
    if bare:
        summary = f"{len(bare)} of the {len(plan.steps)} steps of the plan have no owner or tool, which each was to have."
        advice = "Refuse a plan in which a step has no owner or tool."
        yield _finding("no_owner", step, summary, bare[0].text, advice, plan)


def _no_tool(trace: Trace, table: Features, made: Made, near: int) -> Iterator[Finding]:
    """A plan that was to rest on the tools, names none, and is followed by an act that uses none."""
    place, planner, plan = made
    asked = _asked(planner)
    if _demand(asked) is None or not _TOOLS_DEMANDED.search(asked) or not _LOOKS_UP.search(plan.text):
        return
    offered = table.offered.working
    if not offered or named(plan.text, offered):
        return
    around = trace.steps[max(0, place - near) : place + 1 + near]
    own = [step for step in around if step.agent == planner.agent]
    if any(used(step, offered) for step in own if step.index < planner.index):
        return
    act = next((step for step in own if step.index > planner.index), None)
    if act is None or not act.words or used(act, offered) or _demand(_asked(act)) is not None:
        return
    summary = (
        "The plan names none of the tools and agents it was to rest on, and the first act after it uses none."
    )
    advice = "Have each step of the plan name its tool, and refuse an answer that no tool call stands behind."
    basis = (Evidence(quote(plan.text), planner.index, note="the plan"),)
    yield _finding("no_tool", act, summary, act.words, advice, plan, basis)


def _other_problem(table: Features, task: str, first: Made, bounds: Bounds) -> Iterator[Finding]:
    """The first plan, when it shares next to nothing with the task."""
    place, step, plan = first
    wanted, said = table.stem_set(task), table.stem_set(f"{step.words}\n{plan.text}")
    few = min(len(wanted), len(table.stem_set(plan.text))) < bounds.min_words
    # Later in a run, and in a talk with a user, what the plan is for may have changed.
    if few or place > 1 or table.element_values(task) & table.element_values(step.words):
        return
    share = max(containment(wanted, said), containment(table.stem_set(plan.text), wanted))
    if share < bounds.other_problem_share:
        summary = f"The first plan has {share:.0%} of its words in common with the task."
        advice = "Give the planner the task word for word, and check its plan against it."
        yield _finding("other_problem", step, summary, plan.text, advice, plan)


def _left_out(
    trace: Trace, table: Features, task: str, made: list[Made], part_share: float
) -> Iterator[Finding]:
    """Parts of the task that neither the only plan nor what is said after it has."""
    parts = [part for wanted in plans(task)[:1] for part in wanted.steps]
    if len(parts) < 2 or len(made) != 1:
        return
    place, step, plan = made[0]
    later = (table.stem_set(step.words) for step in trace.steps[place:])
    everything = table.stem_set(plan.text).union(*later)
    for part in parts:
        wanted = table.stem_set(part.text)
        if len(wanted) > 2 and containment(wanted, everything) < part_share:
            summary = f"No step of the plan covers this part of the task: “{quote(part.text, width=90)}”."
            advice = "Check the plan against the parts of the task before the first step runs."
            yield _finding("left_out", step, summary, plan.text, advice, plan)


def _remade(table: Features, made: list[Made], bounds: Bounds) -> Iterator[Finding]:
    """The same plan of one agent, so many times in a row."""
    rows: dict[str, list[Plan]] = {}
    for _, step, plan in made:
        row = rows.setdefault(step.agent, [])
        if row and not _same(table, row[-1], plan, bounds.same_share):
            row.clear()
        row.append(plan)
        if len(row) == bounds.min_remakes:
            summary = f"The same plan was made {bounds.min_remakes} times in a row."
            advice = "Replan only when a result contradicts the plan, and say in the new plan what changed."
            yield _finding("remade", step, summary, plan.text, advice, plan)


def _same(table: Features, one: Plan, other: Plan, same_share: float) -> bool:
    if [step.state for step in one.steps] != [step.state for step in other.steps]:
        return False
    return overlap(table.shingles(one.text), table.shingles(other.text)) >= same_share


def _no_plan(trace: Trace, made: list[Made]) -> Iterator[Finding]:
    """The step that was to make a plan, of an agent that never made one."""
    planners = {each.step.agent for each in made}
    for step in trace.steps:
        if step.agent in planners or not step.words:
            continue
        asked = _asked(step)
        demand = _demand(asked)
        if demand is None:
            continue
        planners.add(step.agent)
        if not _PLANLIKE.search(step.words):
            summary = "A plan was demanded first, and none was made."
            advice = "Ask for the plan in a field of its own, and refuse an answer without it."
            basis = (Evidence(quote(asked, demand.start()), step.index, note="the demand"),)
            yield _finding("no_plan", step, summary, step.words, advice, None, basis)


def _demand(asked: str) -> re.Match[str] | None:
    """The first demand for a plan."""
    return next(find_near(_DEMAND, asked, ("plan",), before=200, after=10), None)


def _asked(step: Step) -> str:
    """The beginnings and ends of what the step was told, where the demand for a plan stands."""
    told = (message.text for message in step.seen if message.role in ("system", "user"))
    return "\n".join(text if len(text) <= 6000 else f"{text[:3000]}\n{text[-3000:]}" for text in told)
