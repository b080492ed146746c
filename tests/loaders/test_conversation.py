from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pisama.loaders import load, open_document
from pisama.loaders.base import Document
from pisama.loaders.code_actions import Reply, browser_report, read_reply, written_action
from pisama.loaders.conversation import ConversationLoader
from pisama.report import LoadError
from pisama.trace import JSON, ToolCall, Trace, Usage
from tests.loaders.hostile import records
from tests.loaders.outline import one_trace, outline

TRACES = Path(__file__).parents[1] / "traces" / "conversation"
EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "whowhen"
ERROR = "Error: payment service unavailable (503)"


def sniff(value: JSON) -> float:
    document = open_document(value if isinstance(value, dict | list) else [value])
    assert isinstance(document, Document)
    return ConversationLoader().sniff(document)


def test_an_orchestrator_and_its_agents_are_told_apart_by_their_roles() -> None:
    assert outline(TRACES / "orchestrator.json") == (TRACES / "orchestrator.txt").read_text().rstrip("\n")


def test_experts_and_the_terminal_that_runs_their_code_are_told_apart_by_their_names() -> None:
    assert outline(TRACES / "experts.json") == (TRACES / "experts.txt").read_text().rstrip("\n")


def test_calls_of_autogen_are_paired_with_their_results() -> None:
    assert outline(TRACES / "autogen.json") == (TRACES / "autogen.txt").read_text().rstrip("\n")


def test_code_that_fails_in_the_terminal_is_a_call_with_an_error() -> None:
    trace = one_trace(EXAMPLES / "failing-tool.conversation.json")
    assert [step.index for step in trace.steps] == [1, 3, 5, 7, 9, 11, 13]
    assert [(step.index, found.name, found.error) for step, found in trace.calls()] == [
        (index, "python", ERROR) for index in (1, 3, 5, 7, 9, 11)
    ]
    assert trace.agents == ("Travel_Expert",)


def test_the_verdict_in_the_file_is_never_read() -> None:
    verdict: dict[str, JSON] = {
        "ground_truth": "VERDICT",
        "mistake_agent": "VERDICT",
        "mistake_step": "1",
        "mistake_reason": "VERDICT",
        "is_correct": False,
        "level": "VERDICT",
    }
    history: JSON = [{"role": "human", "content": "Go"}, {"role": "Planner (thought)", "content": "Hm"}]
    trace = one_trace({**verdict, "history": history, "question": "Go"})
    assert "VERDICT" not in str([getattr(trace, name) for name in Trace.__dataclass_fields__])
    assert trace.metadata == {}


def test_files_with_a_history_and_a_question_are_surely_conversations() -> None:
    history: JSON = [{"role": "user", "name": "Ann_Expert", "content": "Hi"}]
    assert sniff({"history": history, "question": "Q"}) == 0.9
    assert sniff({"history": history, "mistake_step": "0"}) == 0.9


def test_plain_chats_are_left_to_the_reader_of_chats() -> None:
    chat: list[JSON] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert sniff(chat) == 0
    assert sniff({"messages": chat}) == 0
    named: JSON = [
        *chat,
        {"role": "tool", "name": "ls", "content": "a"},
        {"role": "tool", "name": "cp", "content": ""},
    ]
    assert sniff(named) == 0


def test_messages_of_other_frameworks_are_no_conversation() -> None:
    assert (
        sniff([{"type": kind, "name": name, "content": "x"} for kind, name in (("ai", "a"), ("ai", "b"))])
        == 0
    )
    assert sniff([{"role": role, "content": "x"} for role in ("user", "tool-call", "tool-response")]) == 0
    assert sniff({"type": "LLMCall", "response": {}, "messages": [{"role": "a", "content": ""}]}) == 0


def test_a_software_agents_trajectory_is_no_conversation_though_it_has_a_history() -> None:
    history: JSON = [{"role": "a", "content": "x"}, {"role": "b", "content": "y"}]
    assert sniff({"history": history, "trajectory": [], "info": {}}) == 0


def test_a_list_in_which_several_agents_speak_is_probably_a_conversation() -> None:
    talk: JSON = [{"role": "user", "name": name, "content": "x"} for name in ("coder", "reviewer")]
    assert 0.5 < sniff(talk) < 0.9


def test_a_bad_message_is_named_and_the_others_keep_their_positions() -> None:
    history: JSON = [{"role": "human", "content": "Go"}, 7, {"role": "Ann (thought)", "content": "Hm"}]
    items = list(load({"history": history, "question": "Go"}))
    assert [(item.reason, item.at.pointer) for item in items if isinstance(item, LoadError)] == [
        ("not a message", "/history/1")
    ]
    assert [[step.index for step in item.steps] for item in items if isinstance(item, Trace)] == [[2]]


def test_why_an_orchestrator_stopped_is_the_outcome_and_its_marked_answer_the_answer() -> None:
    end = "Max rounds (30) reached.\nFINAL ANSWER: 42\nRUN COMPLETE"
    history: JSON = [
        {"role": "Planner (-> Ann)", "content": "Count"},
        {"role": "Planner (termination condition)", "content": end},
    ]
    trace = one_trace({"history": history, "question": "How many?"})
    assert (trace.outcome, trace.final_answer) == ("max_steps", "42")


def test_tokens_and_thoughts_of_autogen_are_read() -> None:
    usage: JSON = {"prompt_tokens": 5, "completion_tokens": 2}
    trace = one_trace(
        [
            {"source": "user", "type": "TextMessage", "content": "Go"},
            {"source": "ann", "type": "ThoughtEvent", "content": "Hm"},
            {"source": "ann", "type": "TextMessage", "content": "Gone", "models_usage": usage},
        ]
    )
    assert [(step.text, step.reasoning, step.usage) for step in trace.steps] == [
        ("", "Hm", None),
        ("Gone", None, Usage(5, 2)),
    ]


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ("Run\n```python\nprint(1)\n```\n", ToolCall("python", {"code": "print(1)"})),
        ("```sh\nls\n```\nthen\n```py\nx\n```", ToolCall("bash", {"code": "ls\n\nx"})),
        ("```\npip install x\n```", ToolCall("bash", {"code": "pip install x"})),
        ("```json\n{}\n```", ToolCall("code", {"code": "{}"})),
        ("```python\nnever closed", ToolCall("python", {"code": "never closed"})),
        ('Think\nAction: search\nAction Input: {"q": 1}', ToolCall("search", {"q": 1})),
        ("Action: search(rain in Oslo)", ToolCall("search", "rain in Oslo")),
        ('<function=ls>{"path": "/"}</function>', ToolCall("ls", {"path": "/"})),
        ("<function=ls><parameter=path>/</parameter></function>", ToolCall("ls", {"path": "/"})),
        ("Action: be brave and go on", None),
        ("no action at all", None),
        ("```\n```", None),
    ],
)
def test_an_action_written_as_text_is_recognised(said: str, call: ToolCall | None) -> None:
    assert written_action(said) == call


@pytest.mark.parametrize(
    ("text", "executor", "reply"),
    [
        ("exitcode: 0 (ok)\nCode output: 5", False, Reply("exitcode: 0 (ok)\nCode output: 5", ran=True)),
        (
            "exitcode: 1 (execution failed)\nCode output: \nNo.",
            False,
            Reply("exitcode: 1 (execution failed)\nCode output: \nNo.", ran=True, error="No."),
        ),
        (
            "The script ran, then exited with Unix exit code: 2\nIts output was:\nNo.",
            True,
            Reply(
                "The script ran, then exited with Unix exit code: 2\nIts output was:\nNo.",
                ran=True,
                error="No.",
            ),
        ),
        (
            "There is no code from the last 1 message",
            True,
            Reply("There is no code from the last 1 message", ran=False),
        ),
        ("Observation: 5", False, Reply("5", ran=True)),
        ("Hello", False, None),
    ],
)
def test_the_answer_of_an_executor_is_recognised(text: str, executor: bool, reply: Reply | None) -> None:
    assert read_reply(text, executor=executor) == reply


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("I clicked 'Next page'.", "click", {"target": "Next page"}),
        (
            "I typed 'it's into it' into 'Search box'.",
            "type",
            {"text": "it's into it", "target": "Search box"},
        ),
        ("I typed 'https://a.org' into the browser address bar.", "visit", {"url": "https://a.org"}),
        ("I typed 'rain' into the browser search bar.", "search", {"query": "rain"}),
        ("I scrolled down one page in the browser.", "scroll", {"direction": "down"}),
    ],
)
def test_what_a_browsing_agent_reports_is_a_call_with_the_page_as_its_result(
    said: str, name: str, arguments: JSON
) -> None:
    page = "Here is a screenshot of [A](https://a.org). The viewport shows 100% of the page."
    assert browser_report(f"{said}\n\n{page}") == (said, ToolCall(name, arguments, result=page))


def test_long_texts_take_linear_time() -> None:
    for piece in (
        "```python\n",
        "Action: a\n",
        "<function=a",
        "\nHere is a screenshot of [",
        "FunctionCall(id='",
    ):
        text = "I " + piece * 50_000
        written_action(text)
        browser_report(text)
        list(load([{"role": "x", "name": name, "content": f"[{piece * 50_000}"} for name in ("a", "b")]))


NAMES = (
    *(
        "role",
        "name",
        "source",
        "content",
        "history",
        "question",
        "type",
        "target",
        "system_prompt",
        "tool_calls",
    ),
    *(
        "tool_responses",
        "models_usage",
        "arguments",
        "call_id",
        "is_error",
        "messages",
        "mistake_step",
        "id",
        "function",
    ),
)
WORDS = (
    *(
        "user",
        "assistant",
        "Planner (-> Ann)",
        "Ann",
        "Planner (thought)",
        "Computer_terminal",
        "exitcode: 1 x",
    ),
    *(
        "```python\nx\n```",
        "Observation: 1",
        "[FunctionCall(id='a', arguments='{}', name='b')]",
        "tool",
        "ThoughtEvent",
    ),
)


@given(st.lists(records(NAMES, WORDS), max_size=6), records(NAMES, WORDS))
def test_no_messages_at_all_make_it_raise(values: list[JSON], prompt: JSON) -> None:
    for source in (values, {"history": values, "question": "Q", "system_prompt": prompt}):
        document = open_document(source)
        assert isinstance(document, Document)
        assert 0 <= ConversationLoader().sniff(document) <= 1
        for item in ConversationLoader().load(document):
            assert isinstance(item, Trace | LoadError)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the labelled conversations are not on this machine")
def test_every_labelled_conversation_is_recognised_and_read() -> None:
    traces = [one_trace(path) for path in SAMPLES.glob("*/*.json")]
    assert len(traces) == 93
    assert {trace.format for trace in traces} == {"conversation"}
    assert all(trace.task and trace.steps and trace.final_answer for trace in traces)
    ran = [
        found for trace in traces for _, found in trace.calls() if found.name in ("python", "bash", "code")
    ]
    assert len(ran) > 100
