"""What is a plan, what is not, and what its steps say."""

from __future__ import annotations

import pytest

from pisama.plans import PlanStep, named, plan_of, plans
from tests.hanging import no_hang


def _steps(text: str) -> list[list[str]]:
    return [[step.text for step in plan.steps] for plan in plans(text)]


PLANS = {
    "numbered instructions": (
        "1. Search for the capital.\n2. Open the first page.\n3. Report the name.",
        [["Search for the capital.", "Open the first page.", "Report the name."]],
    ),
    "a heading and bullets": (
        "## Plan\n- Read the log\n- Fix the failing test\n\nI start now.",
        [["Read the log", "Fix the failing test"]],
    ),
    "one step is no plan": (
        "### Step 1: Access the data\nGo to the site.\n",
        [],
    ),
    "steps called steps": (
        "My approach:\n**Step 1:** Find the file\n**Step 2:** Parse the file",
        [["Find the file", "Parse the file"]],
    ),
    "details below a step belong to it": (
        "Plan:\n1. Collect the prices\n   - adult ticket\n   - child ticket\n2. Add them up",
        [["Collect the prices\nadult ticket\nchild ticket", "Add them up"]],
    ),
    "first person": (
        "1. First, I will search the archive\n2. Then I will compare the two dates",
        [["First, I will search the archive", "Then I will compare the two dates"]],
    ),
    "orders behind a circumstance or a title": (
        "1. Prices: collect them all\n2. Once they are there, add them up\n3. From the sum, subtract the discount",
        [
            [
                "Prices: collect them all",
                "Once they are there, add them up",
                "From the sum, subtract the discount",
            ]
        ],
    ),
    "two plans": (
        "Plan:\n1. Find A\n2. Find B\n\nUpdated plan:\n1. Find C\n2. Report C",
        [["Find A", "Find B"], ["Find C", "Report C"]],
    ),
    "a check list": ("- [x] Read\n- [ ] the rest", [["Read", "the rest"]]),
}


@pytest.mark.parametrize(("text", "expected"), PLANS.values(), ids=PLANS)
def test_a_plan_is_read_as_its_steps(text: str, expected: list[list[str]]) -> None:
    assert _steps(text) == expected


NOT_PLANS = {
    "facts": "### Facts given in the task\n1. The paper is from 2016.\n2. It names two viruses.",
    "results": "Results:\n1. Use of water in Spain\n2. Use of water in Italy",
    "search hits": "1. Paris - Wikipedia\n2. Capital of France | Britannica\n3. List of capitals",
    "what was done": "Steps taken so far:\n1. Searched the archive\n2. Opened the page",
    "options for a user": "I found these flights:\n1. HAT123 at 08:00 for $120\n2. HAT456 at 11:00 for $90",
    "bulleted advice without a heading": "Here you are.\n- Use sunscreen\n- Drink water",
    "decimals": "1.5 litres of water\n2.5 litres of milk",
    "plain prose": "I will search for the capital and report it.",
}


@pytest.mark.parametrize("text", NOT_PLANS.values(), ids=NOT_PLANS)
def test_other_lists_are_no_plans(text: str) -> None:
    assert _steps(text) == []


def test_owners_are_read_from_leading_names_that_are_roles() -> None:
    (plan,) = plans(
        "Plan:\n1. The web scraping expert will extract the table.\n2. search_agent: find the year.\n"
        "3. **WebSurfer** will open the page.\n4. Output: write the file"
    )
    assert [step.owner for step in plan.steps] == ["web scraping expert", "search_agent", "WebSurfer", None]


def test_dependencies_are_read_from_the_words() -> None:
    (plan,) = plans(
        "Plan:\n1. Find the list after step 2.\n2. Filter using the results of steps 1 and 3.\n3. Report."
    )
    assert [step.depends for step in plan.steps] == [("2",), ("1", "3"), ()]


def test_a_json_plan_in_prose_keeps_its_fields() -> None:
    (plan,) = plans(
        'Here it is: {"plan": [{"id": "a", "task": "Find it", "agent": "finder", "tool": "search"},'
        ' {"id": "b", "task": "Write it", "depends_on": ["a"], "status": "completed"}]}'
    )
    assert plan.structured
    assert plan.steps == (
        PlanStep("Find it", "a", owner="finder", tool="search"),
        PlanStep("Write it", "b", state="done", depends=("a",)),
    )


def test_the_arguments_that_write_a_task_list_are_a_plan() -> None:
    plan = plan_of(
        {
            "todos": [
                {"content": "Run tests", "status": "in_progress"},
                {"content": "Ship", "status": "pending"},
            ]
        }
    )
    assert plan is not None
    assert [(step.text, step.state) for step in plan.steps] == [("Run tests", "active"), ("Ship", "open")]


@pytest.mark.parametrize(
    "value", [None, {}, {"plan": []}, {"query": "plan"}, {"items": [{"price": 3}]}, [1, 2]]
)
def test_other_arguments_are_no_plan(value: object) -> None:
    assert plan_of(value) is None  # type: ignore[arg-type]


def test_a_name_is_found_in_any_spelling() -> None:
    names = {"web_search", "page_down", "WebSurfer"}
    assert named("Use the Web Search tool, then ask the web-surfer.", names) == {"web_search", "WebSurfer"}
    assert named("Research the page downtown.", names) == frozenset()


def test_hostile_text_costs_linear_time() -> None:
    with no_hang():
        for text in (
            "1. " * 400_000,
            "- \n" * 400_000,
            "plan" * 300_000,
            '{"plan":[' * 100_000,
            "#" * 1_000_000,
        ):
            plans(text)
