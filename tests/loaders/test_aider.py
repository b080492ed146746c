from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders.aider import AiderLoader
from pisama.report import LoadError
from pisama.trace import Trace, Usage
from tests.loaders.golden import TRACES, assert_golden, recognised
from tests.loaders.opened import opened
from tests.loaders.outline import outline

FOLDER = TRACES / "aider"


def test_every_chat_of_a_history_is_a_run_and_edits_are_calls() -> None:
    assert recognised(FOLDER / "chats.md") == "aider"
    assert_golden(FOLDER / "chats.md", "chats.txt")


def test_requests_that_repeat_the_conversation_are_one_run_and_are_heard_once() -> None:
    assert recognised(FOLDER / "requests.llm.history") == "aider"
    assert_golden(FOLDER / "requests.llm.history", "requests.txt")


def test_tokens_and_the_cost_of_each_message_are_read() -> None:
    chat = next(iter(AiderLoader().load(opened(FOLDER / "chats.md"))))
    assert isinstance(chat, Trace)
    assert [step.usage for step in chat.steps] == [Usage(2500, 1042, cost=0.01), Usage(3000, 10)]
    assert [step.model for step in chat.steps] == ["gpt-5", "gpt-5"]


def test_the_places_of_steps_are_their_lines() -> None:
    lines = (FOLDER / "chats.md").read_text().splitlines()
    for item in AiderLoader().load(opened(FOLDER / "chats.md")):
        assert isinstance(item, Trace)
        for step in item.steps:
            assert step.at is not None
            assert step.at.line is not None
            assert lines[step.at.line - 1] == step.text.partition("\n")[0]


def test_a_heading_deep_in_a_document_about_something_else_is_no_chat() -> None:
    text = "word\n" * 2000 + "# aider chat started at 2026-02-03 10:00:00\n"
    assert recognised(text) is None


def test_a_chat_that_was_never_answered_has_no_steps() -> None:
    text = "# aider chat started at 2026-02-03 10:00:00\n\n#### hello  \n"
    assert outline(text) == "aider aider 2026-02-03 10:00:00\ntask: hello\nanswer: None"


PIECES = (
    *(
        "# aider chat started at 2026-02-03 10:00:00\n",
        "#### do\n",
        "> Tokens: 1k sent, 2 received.\n",
        "```\n",
    ),
    *(
        "<<<<<<< SEARCH\n",
        "=======\n",
        ">>>>>>> REPLACE\n",
        "> Applied edit to a\n",
        "TO LLM 2026-02-03T10:00:00\n",
    ),
    *(
        "LLM RESPONSE 2026-02-03T10:00:00\n",
        "-------\n",
        "USER a\n",
        "ASSISTANT b\n",
        "> did not conform to the edit format\n",
    ),
)


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=20),
    st.sampled_from((PIECES[0], PIECES[8])),
)
def test_no_text_at_all_makes_it_raise(pieces: list[str], first: str) -> None:
    document = opened(f"{first}{''.join(pieces)}")
    for item in AiderLoader().load(document):
        assert isinstance(item, Trace | LoadError)
