"""The nodes of a Flowise flow, and its chat messages, as acts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pisama.loaders.chat_records import tools_of
from pisama.loaders.message_parts import ToolResult, content_text
from pisama.loaders.messages import ChatMessage, read_message
from pisama.loaders.runs import Act, RunBuilder, inside
from pisama.loaders.usages import usage_of
from pisama.loaders.values import as_list, as_mapping, as_nanoseconds, as_string, as_text, first, open_json
from pisama.trace import JSON, Location, ToolCall

WORKFLOW = "workflow"
"""Who calls a tool that is a node of its own."""
_ACTING = ("agent", "llm", "conditionAgent")
_CALLING = ("tool", "http", "retriever", "customFunction", "executeFlow")
_SUFFIX = "Agentflow"
_USER_MESSAGE = "userMessage"


def read_node(run: RunBuilder, node: Mapping[str, JSON], at: Location) -> None:
    """Tells a run what a node did."""
    data = as_mapping(node.get("data"))
    kind = (as_string(data.get("name")) or "").removesuffix(_SUFFIX)
    given, output = as_mapping(data.get("input")), as_mapping(data.get("output"))
    error = as_text(first(data, "error")) or as_text(output.get("error"))
    if node.get("status") == "ERROR" and error is None:
        error = "failed"
    name = as_string(node.get("nodeLabel")) or as_string(node.get("nodeId")) or kind
    if kind == "start":
        question = as_text(first(given, "question", "form"))
        if question:
            run.hear(ChatMessage("user", question, at=inside(at, "data", "input")))
    elif kind in _ACTING:
        _Turn(run, name, given, output, inside(at, "data")).read(error)
    elif kind in _CALLING:
        _call(run, name, given, output, error, at)


class _Turn:
    """What an agent did in its node: its calls, as the messages show them, and its answer."""

    def __init__(
        self,
        run: RunBuilder,
        agent: str,
        given: Mapping[str, JSON],
        output: Mapping[str, JSON],
        at: Location,
    ) -> None:
        self._run = run
        self._agent = agent
        self._output = output
        self._at = at
        self._messages = [as_mapping(message) for message in as_list(given.get("messages"))]
        used = as_list(open_json(output.get("usedTools")))
        self._used = deque(as_mapping(tool) for tool in used)
        # An agent is given its own messages, not what the others said.
        self._context = agent if self._messages else ""

    def read(self, error: str | None) -> None:
        """All of it."""
        self._run.offer(tools_of({"tools": self._output.get("availableTools")}))
        users = [place for place, message in enumerate(self._messages) if message.get("role") == "user"]
        own = users[-1] + 1 if users else len(self._messages)
        called = False
        for place, record in enumerate(self._messages):
            message = read_message(record, inside(self._at, "input", "messages", place))
            if place >= own and message.role == "assistant":
                called = called or bool(message.calls)
                self._act(message, record)
            elif message.results:
                results = tuple(self._with_error(result) for result in message.results)
                self._run.hear(replace(message, results=results), self._context)
            else:
                self._run.hear(message, self._context)
        if not called and self._used:
            self._act_by_used_tools()
        self._answer(error)

    def _act(self, message: ChatMessage, record: Mapping[str, JSON]) -> None:
        usage = usage_of(record.get("usage_metadata"))
        self._run.act(message, Act(self._agent, usage=usage), context=self._context)

    def _with_error(self, result: ToolResult) -> ToolResult:
        """A result with the error that only the list of used tools has; both are in the order of the calls."""
        if self._used and (result.name is None or self._used[0].get("tool") == result.name):
            error = as_text(self._used.popleft().get("error"))
            return result._replace(error=result.error or error or None)
        return result

    def _act_by_used_tools(self) -> None:
        calls, results = _calls(list(self._used), inside(self._at, "output", "usedTools"))
        said = ChatMessage("assistant", calls=calls, at=inside(self._at, "output"))
        self._run.act(said, Act(self._agent), context=self._context)
        self._run.hear(ChatMessage("tool", results=results, at=said.at), self._context)

    def _answer(self, error: str | None) -> None:
        text = content_text(self._output.get("content")) or ""
        if not text and error is None:
            return
        times = as_mapping(self._output.get("timeMetadata"))
        self._run.act(
            ChatMessage("assistant", text, at=inside(self._at, "output")),
            Act(
                self._agent,
                usage=usage_of(self._output.get("usageMetadata")),
                start=as_nanoseconds(times.get("start")),
                end=as_nanoseconds(times.get("end")),
                error=error,
            ),
            context=self._context,
        )


def _call(
    run: RunBuilder,
    name: str,
    given: Mapping[str, JSON],
    output: Mapping[str, JSON],
    error: str | None,
    at: Location,
) -> None:
    """A node that is a tool, which the flow itself calls."""
    called = as_mapping((as_list(open_json(output.get("usedTools"))) or [None])[0])
    arguments = first(called, "toolInput") or first(given, "toolInputArgs", "query", "body") or {**given}
    result = content_text(first(output, "content", "toolOutput", "data", "http"))
    call = ToolCall(as_string(called.get("tool")) or name, arguments, at=at)
    run.act(ChatMessage("assistant", calls=(call,), at=at), Act(WORKFLOW))
    run.hear(ChatMessage("tool", results=(ToolResult(result, error=error),), at=at))


def _calls(used: Sequence[JSON], at: Location) -> tuple[tuple[ToolCall, ...], tuple[ToolResult, ...]]:
    """Calls and results out of a list of used tools."""
    calls: list[ToolCall] = []
    results: list[ToolResult] = []
    for number, value in enumerate(used):
        tool = as_mapping(value)
        name = as_string(tool.get("tool")) or ""
        calls.append(ToolCall(name, open_json(tool.get("toolInput")), at=inside(at, number)))
        error = as_text(tool.get("error")) or None
        results.append(ToolResult(content_text(tool.get("toolOutput")), name=name, error=error))
    return tuple(calls), tuple(results)


def read_chat_message(run: RunBuilder, row: Mapping[str, JSON], at: Location) -> None:
    """Tells a run a message of a chat; one that several agents worked on tells what each of them did."""
    text = as_text(row.get("content")) or ""
    if row.get("role") == _USER_MESSAGE:
        run.hear(ChatMessage("user", text, at=at))
        return
    parts = [as_mapping(part) for part in as_list(open_json(row.get("agentReasoning")))]
    agent = "assistant"
    for part in parts:
        agent = as_string(first(part, "agentName", "nodeName")) or agent
        said = "\n".join(as_text(message) or "" for message in as_list(part.get("messages")))
        _act_with_tools(run, agent, said, as_list(part.get("usedTools")), at)
    if not parts:
        _act_with_tools(run, agent, "", as_list(open_json(row.get("usedTools"))), at)
    last = run.last_step
    if text and (last is None or not parts or last.text.strip() != text.strip()):
        run.act(ChatMessage("assistant", text, at=at), Act(agent))


def _act_with_tools(run: RunBuilder, agent: str, text: str, used: Sequence[JSON], at: Location) -> None:
    calls, results = _calls([tool for tool in used if tool], at)
    if text or calls:
        run.act(ChatMessage("assistant", text, calls=calls, at=at), Act(agent))
    if results:
        run.hear(ChatMessage("tool", results=results, at=at))
