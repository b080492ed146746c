"""Decomposition: a plan that cannot lead to the goal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Issue
from pisama.planning import Bounds, planning_faults
from pisama.trace import Trace


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
        bounds = Bounds(
            other_problem_share=self.other_problem_share,
            min_words=self.min_words,
            part_share=self.part_share,
            near=self.near,
            min_remakes=self.min_remakes,
            same_share=self.same_share,
        )
        for finding in planning_faults(trace, features(trace), bounds):
            yield self.issue_of(trace, finding)
