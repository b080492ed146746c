"""Decomposition: a plan that cannot lead to the goal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import Features, features
from pisama.issue import Evidence, Issue
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
_OWNERS_DEMANDED = lazy(
    r"\b(?:assign|name|state|specify|give|indicate|mark)\b[^.\n]{0,60}\b(?:each|every) (?:step|task|subtask|item)\b[^.\n]{0,60}\b(?:owner|agent|tool|assignee|who)\b"
    r"|\b(?:assign|name|state|specify|give|indicate)\b[^.\n]{0,40}\b(?:owner|agent|tool|assignee)s?\b[^.\n]{0,30}\b(?:each|every) (?:step|task|subtask|item)\b"
    r"|\b(?:each|every) (?:step|task|subtask|item)\b[^.\n]{0,30}\b(?:must|should|needs to|has to)\b[^.\n]{0,30}\b(?:owner|agent|tool|assignee|assigned)\b",
    re.IGNORECASE,
)
_TOOLS_DEMANDED = lazy(
    r"\b(?:based on|using|with|from|leverage|call)\b[^.\n]{0,30}\btools\b|\btools?\b[^.\n]{0,30}\b(?:must|should) be (?:used|named)\b",
    re.IGNORECASE,
)
_LOOKS_UP = lazy(
    r"\b(?:search|look(?:ing)? up|retrieve|find|locate|research|consult|obtain|gather|fetch|access|download|browse)\b",
    re.IGNORECASE,
)
_PLANLIKE = lazy(r"\bplan\b|\bsteps?\b|(?:^|\n)[ \t#*]{0,6}\d{1,2}[.)]", re.IGNORECASE)
_PLANNING_CALL = lazy(r"plan|todo|task|ledger", re.IGNORECASE)


class Decomposition(Detector):
    """A plan for the wrong problem, with missing, vague, repeated or circular steps, or no plan at all.

    ## Why it is a failure

    Everything after a bad plan is work on the wrong thing: steps that nobody owns are not done, steps
    that wait for each other never start, and a part that the plan leaves out is missing from the answer.

    ## What it does not flag

    Simple tasks done without a plan, plans that are updated as work goes on, steps that differ in their
    object only, and short titles on a task list.

    ## How to fix it

    Have the plan name the tool or the owner and the expected result of each step, check it against the
    parts of the task before the first step runs, and replan only after something new is known.
    """

    id = "decomposition"
    needs = frozenset({Needs.TEXT})
    tags = ("trail:Task Orchestration Errors", "mast:FM-1.1", "mast:FM-2.3")
    signals: ClassVar = {
        "other_problem": Signal("a plan that shares next to nothing with the task", 50, 0.75),
        "no_plan": Signal("no plan although one was demanded first", 30, 0.4),
        "no_owner": Signal("steps without the owner or tool that was demanded for each", 40, 0.6),
        "no_tool": Signal(
            "a plan that was to rest on the tools names none, and the next act uses none", 55, 0.8
        ),
        "circular": Signal("steps that wait for each other", 50, 0.7),
        "missing_step": Signal("a step that waits for one which the plan does not have", 30, 0.5),
        "repeated": Signal("the same step twice in one plan", 25, 0.5),
        "vague": Signal("steps that do not say what is to be done", 30, 0.5),
        "left_out": Signal("a part of the task that no step of the plan covers", 40, 0.5),
        "remade": Signal("the same plan made again and again", 25, 0.35),
    }

    other_problem_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """A plan with less than this share of the task's words, and none of its facts, is for another problem."""
    min_words: Annotated[int, Field(ge=1)] = 6
    """Content words that a task and a plan must have to be compared."""
    part_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """A part of the task is left out when less than this share of its words occurs anywhere in the plan."""
    near: Annotated[int, Field(ge=1)] = 100
    """Steps before and after a plan among which the planner's own acts are looked for."""
    min_remakes: Annotated[int, Field(ge=2)] = 3
    """Plans of one agent in a row that must be the same before that is reported."""
    same_share: Annotated[float, Field(gt=0, le=1)] = 0.85
    """Share of common word triples from which two plans are the same."""

    quiet = (
        Example(
            "a simple task needs no plan",
            """
            task: What is the capital of France?
            agent: search(query="capital of France") -> Paris
            agent: It is Paris.
            """,
        ),
        Example(
            "a plan whose steps differ in their object",
            """
            system: Write your plan first.
            task: Compare the population of Seattle with the population of Colville in 2020.
            agent: Plan:\\n1. Find the population of Seattle in 2020.\\n2. Find the population of Colville in 2020.\\n3. Compare them.
            agent: search(query="Seattle population 2020") -> 737015
            """,
        ),
        Example(
            "a task list that is kept up to date",
            """
            task: Fix the login bug and release the package.
            agent: update_plan(steps=[{"step": "Fix the login bug", "status": "in_progress"}, {"step": "Release the package", "status": "pending"}]) -> ok
            agent: update_plan(steps=[{"step": "Fix the login bug", "status": "completed"}, {"step": "Release the package", "status": "in_progress"}]) -> ok
            agent: update_plan(steps=[{"step": "Fix the login bug", "status": "completed"}, {"step": "Release the package", "status": "completed"}]) -> ok
            agent: Both are done.
            """,
        ),
        Example(
            "each step names its owner or its tool, as demanded",
            """
            system: Assign an agent or a tool to each step.
            task: Write a page about the new bridge in Bergen.
            tools: search(query)
            planner: Plan:\\n1. The researcher will collect facts about the bridge in Bergen.\\n2. Use search to verify the dates.\\n3. The writer will write the page.
            researcher: It opened in 2025.
            """,
        ),
        Example(
            "a plan without tool names that is carried out with tools",
            """
            system: Write your plan based on the available tools.\\nYou have these tools:\\n- web_search: searches the web.
            task: Find the surname of the veterinarian in the chemistry exercises.
            agent: Plan:\\n1. Locate the chemistry exercises.\\n2. Extract the surname of the veterinarian.
            agent: web_search(query="chemistry exercises veterinarian") -> Louvrier
            agent: Louvrier
            """,
        ),
        Example(
            "a step that builds on an earlier one",
            """
            task: Average the prices of the three hotels in Rome.
            agent: Plan:\\n1. Collect the prices of the three hotels in Rome.\\n2. Compute the average from the results of step 1.
            agent: 120 on average.
            """,
        ),
        Example(
            "advice to a user is no plan of the agent",
            """
            task: How do I reset the router at home before the weekend starts?
            agent: 1. Press the button for ten seconds.\\n2. Wait until the lamp is green.
            """,
        ),
        Example(
            "every part of the task is in the plan",
            """
            task: Please do all of this:\\n1. Add a login page to the shop\\n2. Translate the menu into French
            agent: Plan:\\n1. Create the login page of the shop.\\n2. Translate the French menu.\\n3. Test both.
            agent: Done.
            """,
        ),
        Example(
            "a plan that was reconsidered once",
            """
            task: Find the opening year of the museum in Oslo.
            agent: Plan:\\n1. Search for the museum in Oslo.\\n2. Read the opening year.
            agent: search(query="museum Oslo") -> nothing found
            agent: Plan:\\n1. Search for the museum in Oslo.\\n2. Read the opening year.
            agent: It opened in 1963.
            """,
        ),
        Example(
            "steps named by what they do",
            """
            task: Ship the release of the parser with notes.
            agent: TodoWrite(todos=[{"content": "Run tests", "status": "pending"}, {"content": "Write release notes for the parser", "status": "pending"}]) -> ok
            agent: All is shipped.
            """,
        ),
    )
    fires = (
        Example(
            "the plan is for another problem",
            """
            task: Which cities in Washington state have the largest and the smallest county seat by land area?
            planner: Plan:\\n1. Review the provided code to identify syntax errors.\\n2. Debug the code to find the cause of the exit code.\\n3. Run the code again.
            coder: There is no code.
            """,
            at=(0,),
        ),
        Example(
            "steps without the owner that was demanded",
            """
            system: Assign an agent to each step.
            task: Write a page about the new bridge in Bergen.
            planner: Plan:\\n1. Collect facts about the bridge in Bergen.\\n2. Write the page.
            researcher: It opened in 2025.
            """,
            at=(0,),
        ),
        Example(
            "the plan names no tool and the answer comes from memory",
            """
            system: Write your plan based on the available tools.\\nYou have these tools:\\n- web_search: searches the web.
            task: Find the surname of the veterinarian in the chemistry exercises.
            agent: Plan:\\n1. Locate the chemistry exercises.\\n2. Extract the surname of the veterinarian.
            agent: The veterinarian in the exercises is Louvrier.
            """,
            at=(1,),
        ),
        Example(
            "steps that wait for each other",
            """
            task: Publish the report about the bridge in Bergen.
            agent: {"plan": [{"id": "a", "task": "Write the report about the bridge", "depends_on": ["b"]}, {"id": "b", "task": "Publish the report", "depends_on": ["a"]}]}
            agent: Waiting.
            """,
            at=(0,),
        ),
        Example(
            "steps that say nothing",
            """
            task: Migrate the shop's database to the new server.
            agent: Plan for the database migration of the shop:\\n1. Prepare.\\n2. Do the work.\\n3. Handle the rest.
            agent: Done.
            """,
            at=(0,),
        ),
        Example(
            "a part of the task is in no step",
            """
            task: Please do all of this:\\n1. Add a login page to the shop\\n2. Translate the menu into French
            agent: Plan:\\n1. Create the login page of the shop.\\n2. Test the login page.
            agent: The login page works.
            """,
            at=(0,),
        ),
        Example(
            "the same plan three times",
            """
            task: Find the opening year of the museum in Oslo.
            agent: Plan:\\n1. Search for the museum in Oslo.\\n2. Read the opening year.
            agent: Plan:\\n1. Search for the museum in Oslo.\\n2. Read the opening year.
            agent: Plan:\\n1. Search for the museum in Oslo.\\n2. Read the opening year.
            """,
            at=(2,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Every plan by itself, against the task, and against what was demanded of it."""
        table = features(trace)
        made = [(place, plan) for place, step in enumerate(trace.steps) for plan in _plans_of(step, table)]
        for place, plan in _first_of_each(made):
            for fault in faults(plan, table):
                yield self._said(
                    trace, trace.steps[place], fault.signal, fault.summary, fault.shown, fault.advice, plan
                )
            yield from self._demands(trace, table, place, plan)
        if made and trace.task:
            yield from self._other_problem(trace, table, trace.task, made[0])
            yield from self._left_out(trace, table, trace.task, made)
        yield from self._remade(trace, table, made)
        yield from self._no_plan(trace, made)

    def _demands(self, trace: Trace, table: Features, place: int, plan: Plan) -> Iterator[Issue]:
        step = trace.steps[place]
        asked = _asked(step)
        if any(find_near(_OWNERS_DEMANDED, asked, ("each ", "every "), before=150, after=150)):
            names = {*table.offered.working, *trace.agents}
            bare = [item for item in plan.steps if not (item.owner or item.tool or named(item.text, names))]
            if bare:
                summary = f"{len(bare)} of the {len(plan.steps)} steps of the plan have no owner or tool, which each was to have."
                advice = "Refuse a plan in which a step has no owner or tool."
                yield self._said(trace, step, "no_owner", summary, bare[0].text, advice, plan)
        if _demand(asked) is not None and _TOOLS_DEMANDED.search(asked) and _LOOKS_UP.search(plan.text):
            yield from self._no_tool(trace, table, place, plan)

    def _no_tool(self, trace: Trace, table: Features, place: int, plan: Plan) -> Iterator[Issue]:
        offered = table.offered.working
        if not offered or named(plan.text, offered):
            return
        planner = trace.steps[place]
        near = trace.steps[max(0, place - self.near) : place + 1 + self.near]
        own = [step for step in near if step.agent == planner.agent]
        if any(used(step, offered) for step in own if step.index < planner.index):
            return
        act = next((step for step in own if step.index > planner.index), None)
        if act is None or not act.words or used(act, offered) or _demand(_asked(act)) is not None:
            return
        summary = "The plan names none of the tools and agents it was to rest on, and the first act after it uses none."
        advice = (
            "Have each step of the plan name its tool, and refuse an answer that no tool call stands behind."
        )
        basis = (Evidence(quote(plan.text), planner.index, note="the plan"),)
        yield self._said(trace, act, "no_tool", summary, act.words, advice, plan, basis)

    def _other_problem(
        self, trace: Trace, table: Features, task: str, first: tuple[int, Plan]
    ) -> Iterator[Issue]:
        place, plan = first
        step = trace.steps[place]
        wanted, said = table.stem_set(task), table.stem_set(f"{step.words}\n{plan.text}")
        few = min(len(wanted), len(table.stem_set(plan.text))) < self.min_words
        # Later in a run, and in a talk with a user, what the plan is for may have changed.
        if few or place > 1 or table.element_values(task) & table.element_values(step.words):
            return
        share = max(containment(wanted, said), containment(table.stem_set(plan.text), wanted))
        if share < self.other_problem_share:
            summary = f"The first plan has {share:.0%} of its words in common with the task."
            advice = "Give the planner the task word for word, and check its plan against it."
            yield self._said(trace, step, "other_problem", summary, plan.text, advice, plan)

    def _left_out(
        self, trace: Trace, table: Features, task: str, made: list[tuple[int, Plan]]
    ) -> Iterator[Issue]:
        parts = [part for wanted in plans(task)[:1] for part in wanted.steps]
        if len(parts) < 2 or len(made) != 1:
            return
        place, plan = made[0]
        later = (table.stem_set(step.words) for step in trace.steps[place:])
        everything = table.stem_set(plan.text).union(*later)
        for part in parts:
            wanted = table.stem_set(part.text)
            if len(wanted) > 2 and containment(wanted, everything) < self.part_share:
                summary = f"No step of the plan covers this part of the task: “{quote(part.text, width=90)}”."
                advice = "Check the plan against the parts of the task before the first step runs."
                yield self._said(trace, trace.steps[place], "left_out", summary, plan.text, advice, plan)

    def _remade(self, trace: Trace, table: Features, made: list[tuple[int, Plan]]) -> Iterator[Issue]:
        rows: dict[str, list[Plan]] = {}
        for place, plan in made:
            row = rows.setdefault(trace.steps[place].agent, [])
            if row and not self._same(table, row[-1], plan):
                row.clear()
            row.append(plan)
            if len(row) == self.min_remakes:
                summary = f"The same plan was made {self.min_remakes} times in a row."
                advice = (
                    "Replan only when a result contradicts the plan, and say in the new plan what changed."
                )
                yield self._said(trace, trace.steps[place], "remade", summary, plan.text, advice, plan)

    def _same(self, table: Features, one: Plan, other: Plan) -> bool:
        if [step.state for step in one.steps] != [step.state for step in other.steps]:
            return False
        return overlap(table.shingles(one.text), table.shingles(other.text)) >= self.same_share

    def _no_plan(self, trace: Trace, made: list[tuple[int, Plan]]) -> Iterator[Issue]:
        planners = {trace.steps[place].agent for place, _ in made}
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
                yield self._said(trace, step, "no_plan", summary, step.words, advice, None, basis)

    def _said(
        self,
        trace: Trace,
        step: Step,
        signal: str,
        summary: str,
        shown: str,
        advice: str,
        plan: Plan | None,
        more: tuple[Evidence, ...] = (),
    ) -> Issue:
        return self.issue(
            trace,
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


def _first_of_each(made: list[tuple[int, Plan]]) -> Iterator[tuple[int, Plan]]:
    """The plans with different words: an updated task list is judged once."""
    met: set[str] = set()
    for place, plan in made:
        if plan.text not in met:
            met.add(plan.text)
            yield place, plan


def _demand(asked: str) -> re.Match[str] | None:
    """The first demand for a plan."""
    return next(find_near(_DEMAND, asked, ("plan",), before=200, after=10), None)


def _asked(step: Step) -> str:
    """The beginnings and ends of what the step was told, where the demand for a plan stands."""
    told = (message.text for message in step.seen if message.role in ("system", "user"))
    return "\n".join(text if len(text) <= 6000 else f"{text[:3000]}\n{text[-3000:]}" for text in told)
