"""Tool calls out of a span tree: what a model announced, what was executed, what came back, once each."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from pisama.loaders import names
from pisama.loaders.fenced_code import fenced_code
from pisama.loaders.messages import ToolResult
from pisama.loaders.span_steps import CallDraft, StepDraft, agent_of
from pisama.loaders.span_tools import tool_arguments, tool_result
from pisama.loaders.spans import Node, SpanTree
from pisama.loaders.values import as_string, to_json

LOOK_BACK = 3
"""How many earlier steps of the same agent an execution may belong to when no id says which."""


class _Timeline:
    """The steps of one agent, or of all, in order, to find those before a span."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._steps: list[StepDraft] = []

    def add(self, step: StepDraft) -> None:
        self._positions.append(step.node.position)
        self._steps.append(step)

    def before(self, node: Node) -> list[StepDraft]:
        """The latest steps that began before this span, latest first."""
        end = bisect_right(self._positions, node.position)
        return self._steps[max(0, end - LOOK_BACK) : end][::-1]

    def first(self) -> list[StepDraft]:
        return self._steps[:1]


class _Announced:
    """The calls a model announced in one step, to be found once each by whoever executed them."""

    def __init__(self, calls: list[CallDraft]) -> None:
        self._named: dict[str, deque[CallDraft]] = {}
        self._exact: dict[tuple[str, str], deque[CallDraft]] = {}
        for call in calls:
            self._named.setdefault(call.name, deque()).append(call)
            target = names.handoff_target(call.name)
            if target is not None:
                self._named.setdefault(names.HANDOFF_PREFIXES[0] + target, deque()).append(call)
        for name, same in self._named.items():
            for call in same:
                self._exact.setdefault((name, to_json(call.arguments)), deque()).append(call)

    def find_exactly(self, executed: CallDraft, arguments: str) -> CallDraft | None:
        """The first call not executed yet that is this one by name and arguments."""
        return _next_free(self._exact.get((executed.name, arguments)), executed)

    def find(self, executed: CallDraft) -> CallDraft | None:
        """The first call not executed yet that is this one by name."""
        found = _next_free(self._named.get(executed.name), executed)
        target = names.handoff_target(executed.name)
        if found is None and target is not None:
            found = _next_free(self._named.get(names.HANDOFF_PREFIXES[0] + target), executed)
        return found


def _next_free(calls: deque[CallDraft] | None, executed: CallDraft) -> CallDraft | None:
    while calls:
        if calls[0].node is None:
            same = not (calls[0].id and executed.id) or calls[0].id == executed.id
            return calls[0] if same else None
        calls.popleft()
    return None


class CallPairing:
    """Finds the step of every tool span and of every result. Linear in spans and messages."""

    def __init__(self, tree: SpanTree, steps: list[StepDraft], agents: dict[Node, str]) -> None:
        self._tree = tree
        self._steps = steps
        self._agents = agents
        self._step_of_tool: dict[Node, StepDraft] = {}
        self._call_of_tool: dict[Node, CallDraft] = {}
        self._by_id: dict[str, tuple[StepDraft, CallDraft]] = {}
        self._in_step: dict[tuple[StepDraft, str], CallDraft] = {}
        self._announced = {step: _Announced(step.calls) for step in steps}
        self._waiting = dict.fromkeys(steps, 0)
        self._timelines: dict[Node | str | None, _Timeline] = {}
        for step in steps:
            for key in {step.node, step.node.owner or step.agent, step.agent, None}:
                self._timelines.setdefault(key, _Timeline()).add(step)
            for call in step.calls:
                self._remember(step, call)

    def run(self) -> None:
        """Fills in the calls of all steps."""
        called = {call.name for step in self._steps for call in step.calls}
        for node in self._tree.nodes:
            if node.kind is None and _tool_name(node) in called:
                # Whoever traced it said nothing of its kind, but a model called what it is named after.
                node.kind = "tool"
            if node.kind == "tool":
                self._place(node)
        for step in self._steps:
            for answer in step.answers:
                self._answer(step, answer)
        for step in self._steps:
            for call in step.calls:
                if call.result is None:
                    call.result = call.returned

    def step_of(self, node: Node) -> StepDraft | None:
        """The step that called the tool of this span."""
        return self._step_of_tool.get(node)

    def _place(self, node: Node) -> None:
        attributes = node.record.attributes
        raw = names.look_up(attributes, names.TOOL_RESULT)
        output = tool_result(raw)
        name = _tool_name(node)
        call_id = as_string(names.look_up(attributes, names.TOOL_CALL_ID)) or output.call_id
        executed = CallDraft(
            name, tool_arguments(node.record), call_id, output.text, node.failure or output.error, node
        )
        if isinstance(raw, dict | list) or (raw is not None and raw == attributes.get(names.ADK_ANSWER)):
            executed.result, executed.returned = None, output.text
        outer = self._call_of_tool.get(node.owner) if node.owner is not None else None
        if outer is not None and node.owner is not None and outer.name == name:
            # Two instrumentors recorded one execution.
            step, call = self._step_of_tool[node.owner], outer
        else:
            found = self._find(executed)
            if found is None:
                return
            step, call = found
        self._step_of_tool[node] = step
        self._call_of_tool[node] = call
        if call is executed:
            step.calls.append(call)
        else:
            _complete(call, executed)
        self._remember(step, call)

    def _remember(self, step: StepDraft, call: CallDraft) -> None:
        if call.id is not None:
            self._by_id.setdefault(call.id, (step, call))
            self._in_step.setdefault((step, call.id), call)

    def _find(self, executed: CallDraft) -> tuple[StepDraft, CallDraft] | None:
        """The announced call that this execution is of; itself, in the nearest step, when there is none."""
        if executed.id is not None and executed.id in self._by_id:
            step, call = self._by_id[executed.id]
            if call.node is None:
                return step, call
        near = self._near(executed.node)
        arguments = to_json(executed.arguments)
        for step in near:
            announced = self._announced[step].find_exactly(executed, arguments)
            if announced is not None:
                return step, announced
        for step in near:
            announced = self._announced[step].find(executed)
            if announced is not None:
                return step, announced
        return (near[0], executed) if near else None

    def _near(self, node: Node | None) -> list[StepDraft]:
        """The steps a tool span may belong to, likeliest first."""
        if node is None:
            return []
        agent = agent_of(node, self._agents)
        for key in (node.owner or agent, agent, None):
            timeline = self._timelines.get(key)
            steps = timeline.before(node) if timeline is not None else []
            if steps:
                return steps
        every = self._timelines.get(None)
        return every.first() if every is not None else []

    def _answer(self, step: StepDraft, answer: ToolResult) -> None:
        """Give the call that this result is of what its tool span did not tell."""
        call: CallDraft | None = None
        if answer.call_id is not None:
            elsewhere = self._by_id.get(answer.call_id)
            call = self._in_step.get((step, answer.call_id)) or (elsewhere[1] if elsewhere else None)
        if call is None:
            call = self._next_waiting(step)
            if call is not None and call.id and answer.call_id:
                return
        if call is None and step.node.kind == "llm" and not step.calls and not step.offered:
            code = fenced_code(step.text)
            if code is not None:
                call = CallDraft(names.CODE_TOOL, {"code": code})
                step.calls.append(call)
        if call is None:
            return
        if call.result is None:
            call.result = answer.text
        call.error = call.error or answer.error

    def _next_waiting(self, step: StepDraft) -> CallDraft | None:
        place = self._waiting[step]
        while place < len(step.calls) and step.calls[place].result is not None:
            place += 1
        self._waiting[step] = place
        return step.calls[place] if place < len(step.calls) else None


def _tool_name(node: Node) -> str:
    own = as_string(names.look_up(node.record.attributes, names.TOOL_NAME))
    return own or names.plain_name(node.record.name)


def _complete(call: CallDraft, executed: CallDraft) -> None:
    if call.arguments is None:
        call.arguments = executed.arguments
    call.id = call.id or executed.id
    call.node = call.node or executed.node
    if call.result is None:
        call.result = executed.result
    call.returned = call.returned or executed.returned
    call.error = call.error or executed.error
