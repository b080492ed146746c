"""Tools, members and modules are read from lists in prompts."""

from __future__ import annotations

import pytest

from pisama.offered import Offer, offer_in, plain_name, prompts, together
from pisama.transcript import parse

PROMPT = """Solve the task step by step.
You only have access to these tools:
- visualizer: A tool that answers questions about images.
    Takes inputs: {'image_path': {'type': 'string'}}
- read_file:
Reads a file. Note: not for images.
- final_answer: Hands in the answer.
You can also give tasks to team members.
Here is a list of the team members that you can call:
- search_agent: Searches the internet.

Rules:
- Thought: always think first.
You can use imports in your code, but only from the following list of modules: ['json', 'os.path']
"""


def test_a_prompt_offers_the_tools_members_and_modules_it_lists() -> None:
    offer = offer_in(PROMPT)
    assert offer == Offer(
        frozenset({"visualizer", "read_file", "final_answer"}),
        frozenset({"search_agent"}),
        frozenset({"json", "os.path"}),
    )
    assert offer.working == {"visualizer", "read_file", "search_agent"}


@pytest.mark.parametrize(
    "text",
    ["", "Which tool did they use in the stone age?", "The agents:\nThey were late.", "Steps:\n- one: do it"],
)
def test_other_texts_offer_nothing(text: str) -> None:
    assert offer_in(text) == Offer()


def test_several_offers_are_one() -> None:
    assert together([Offer(frozenset("a")), Offer(frozenset("b"), modules=frozenset({"re"}))]) == Offer(
        frozenset("ab"), modules=frozenset({"re"})
    )


def test_results_of_tools_are_not_prompts() -> None:
    trace = parse("system: Be brief.\ntask: Go.\na: look() -> Tools:\na: done")
    assert list(prompts(trace.steps)) == ["Be brief.", "Go."]


@pytest.mark.parametrize(
    "name", ["functions.web_search", "mcp__google__webSearch", "Web-Search", "web search"]
)
def test_spellings_of_one_name_are_equal(name: str) -> None:
    assert plain_name(name) == "websearch"
