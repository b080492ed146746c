"""A trace out of the span records of one run: the last stage that all span formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from pisama.loaders import names
from pisama.loaders.base import Loaded
from pisama.loaders.span_calls import CallPairing
from pisama.loaders.span_groups import runs
from pisama.loaders.span_logs import LogRecord, Read, with_logs
from pisama.loaders.span_messages import read_conversation
from pisama.loaders.span_outcome import outcome_of
from pisama.loaders.span_steps import (
    CallDraft,
    StepDraft,
    agent_names,
    agent_of,
    draft_steps,
    is_part,
    usage_of,
)
from pisama.loaders.span_tools import tools_of
from pisama.loaders.span_values import messages_in, text_in
from pisama.loaders.spans import Node, SpanRecord, SpanTree, as_span, build_tree
from pisama.loaders.values import as_list, as_mapping, as_string, as_text, first, open_json
from pisama.report import LoadError
from pisama.trace import JSON, Step, ToolCall, Trace


def assemble(records: Iterable[SpanRecord], *, format_id: str, growing: bool = False) -> Iterator[Trace]:
    """The traces in these span records, one for each run, earliest first.

    Args:
        records: Spans in any order.
        format_id: Id of the loader, for `Trace.format`.
        growing: The input was cut off, so the last run is not whole.
    """
    groups = runs(records)
    for number, group in enumerate(groups):
        last = number == len(groups) - 1
        yield _Assembly(build_tree(group), format_id).trace(growing=growing and last)


def assemble_read(
    reads: Iterable[Read],
    *,
    format_id: str,
    growing: bool = False,
    refine: Callable[[list[SpanRecord]], list[SpanRecord]] | None = None,
) -> Iterator[Loaded]:
    """What could not be read, as it comes, and then the traces of the spans, with what log records say of them.

    `refine` puts the spans right before they become traces.
    """
    spans: list[SpanRecord] = []
    logs: list[LogRecord] = []
    for item in reads:
        if isinstance(item, LoadError):
            yield item
        elif isinstance(item, LogRecord):
            logs.append(item)
        else:
            spans.append(item)
    told = with_logs(spans, logs)
    yield from assemble(refine(told) if refine is not None else told, format_id=format_id, growing=growing)


class _Assembly:
    """One trace being put together."""

    def __init__(self, tree: SpanTree, format_id: str) -> None:
        self.tree = tree
        self.format_id = format_id
        self.agents = agent_names(tree)
        drafts = draft_steps(tree, self.agents)
        self.pairing = CallPairing(tree, drafts, self.agents)
        self.pairing.run()
        self.steps = [step for step in drafts if _acted(step)]
        self._name_recipients()
        self._link_delegations()

    def trace(self, *, growing: bool) -> Trace:
        """The finished trace."""
        steps = self._finished_steps()
        head = self._head()
        first_record = self.tree.nodes[0].record
        return Trace(
            id=first_record.trace_id or first_record.id,
            format=self.format_id,
            task=self._task(head),
            steps=steps,
            spans=tuple(as_span(node, self._span_agent(node)) for node in self.tree.nodes),
            agents=tuple(dict.fromkeys(step.agent for step in steps)),
            tools=tools_of(self.tree, self.steps),
            final_answer=self._final_answer(head),
            complete=not growing and self.tree.complete,
            outcome=outcome_of(self._top()),
            metadata=self._metadata(),
            at=first_record.at,
        )

    def _finished_steps(self) -> tuple[Step, ...]:
        index = {draft: number for number, draft in enumerate(self.steps)}
        return tuple(
            _finish(draft, number, index[draft.parent] if draft.parent is not None else None)
            for draft, number in index.items()
        )

    def _link_delegations(self) -> None:
        """Each agent span within the work of another agent was delegated to by one of its steps."""
        latest: dict[Node | None, StepDraft] = {}
        delegating: dict[Node, StepDraft | None] = {}
        by_node = {step.node: step for step in self.steps}
        for node in self.tree.nodes:
            if node.kind == "agent":
                delegating[node] = self._delegating_step(node, latest, delegating)
            step = by_node.get(node)
            if step is None:
                continue
            owner = node.owner
            if owner is not None and owner.kind == "tool" and node.kind == "llm":
                step.parent = self.pairing.step_of(owner)
            elif node.agent is not None:
                step.parent = delegating.get(node.agent)
                latest[node.agent] = step
            delegator = step.parent
            if delegator is not None and delegator.agent != step.agent and delegator.recipient is None:
                delegator.recipient = step.agent

    def _delegating_step(
        self, node: Node, latest: dict[Node | None, StepDraft], delegating: dict[Node, StepDraft | None]
    ) -> StepDraft | None:
        owner = node.owner
        if owner is None:
            return None
        if owner.kind == "tool":
            step = self.pairing.step_of(owner)
            if step is not None:
                return step
        above = owner.agent
        if above is None:
            return None
        if self.agents[above] == self.agents[node]:
            return delegating.get(above)
        return latest.get(above) or delegating.get(above)

    def _name_recipients(self) -> None:
        """A call that hands over to an agent of this trace addresses the step to it."""
        named = (*self.agents.values(), *(step.agent for step in self.steps))
        known = {agent.lower().replace(" ", "_"): agent for agent in named}
        for step, following in zip_longest(self.steps, self.steps[1:]):
            for call in step.calls:
                target = names.handoff_target(call.name)
                if target == "agent":
                    target = as_string(first(as_mapping(call.arguments), "agent_name", "agent", "name"))
                    if call.arguments is None and following is not None:
                        # Without its arguments the transfer still shows in who acts next.
                        target = following.agent
                agent = known.get(target.lower().replace(" ", "_")) if target else None
                if agent is not None and agent != step.agent:
                    step.recipient = agent

    def _span_agent(self, node: Node) -> str | None:
        own = as_string(names.look_up(node.record.attributes, names.AGENT_NAME))
        if own is not None or node.kind == "llm":
            return own or agent_of(node, self.agents)
        return self.agents[node.agent] if node.agent is not None else None

    def _top(self) -> Iterator[Node]:
        """The top spans that stand for the run: agents and workflows, else the last that is no tool."""
        runs = [node for node in self.tree.roots if node.kind in ("agent", "workflow", "chain")]
        return iter(runs or [node for node in self.tree.roots if node.kind != "tool"][-1:])

    def _head(self) -> Node | None:
        """The agent span that the whole run is within; None when several agents stand side by side."""
        outermost: dict[Node, Node] = {}
        for node in self.agents:
            above = node.parent.agent if node.parent is not None else None
            around = outermost[above] if above is not None else None
            outermost[node] = around if around is not None and _has_content(around) else node
        heads = {outermost[step.node.agent] for step in self.steps if step.node.agent is not None}
        return heads.pop() if len(heads) == 1 else None

    def _task(self, head: Node | None) -> str | None:
        places = [head] if head is not None and not self._begins_before(head) else []
        for place in places + [root for root in self.tree.roots if not is_part(root)]:
            task = _own_input(place)
            if task:
                return task
        for step in self.steps[:1]:
            for message in read_conversation(step.node.record).given:
                if message.role == "user" and message.text.strip():
                    return message.text.strip()
        return None

    def _begins_before(self, head: Node) -> bool:
        """Whether somebody outside of the head agent acted first, who then gave it its task."""
        return bool(self.steps) and self.steps[0].node.position < head.position

    def _final_answer(self, head: Node | None) -> str | None:
        if head is not None:
            result = as_text(names.look_up(head.record.attributes, names.FINAL_RESULT))
            if result:
                return result
        name = self.agents[head] if head is not None else None
        own = [step for step in self.steps if step.agent == name] or self.steps
        for call in reversed(own[-1].calls if own else []):
            answer = _given_answer(call)
            if answer:
                return answer
        for place in [head] if head is not None else self.tree.roots[:1]:
            output = _own_output(place) if place.kind != "llm" and not is_part(place) else None
            if output:
                return output
        return (own[-1].text.strip() or None) if own else None

    def _metadata(self) -> dict[str, JSON]:
        metadata: dict[str, JSON] = {}
        for node in self.tree.nodes:
            session = as_string(names.look_up(node.record.attributes, names.SESSION))
            service = as_string(node.record.resource.get("service.name"))
            if session and "session" not in metadata:
                metadata["session"] = session
            if service and "service" not in metadata:
                metadata["service"] = service
        scopes: list[JSON] = list(
            dict.fromkeys(node.record.scope for node in self.tree.nodes if node.record.scope)
        )
        if scopes:
            metadata["scopes"] = scopes
        if self.tree.duplicates:
            metadata["duplicate_spans"] = self.tree.duplicates
        if self.steps and not any(step.text or step.calls or step.seen for step in self.steps):
            metadata["content_recorded"] = False
        return metadata


def _acted(step: StepDraft) -> bool:
    """A model call is an act whatever was recorded of it; an agent span needs something to show."""
    return step.node.kind == "llm" or bool(step.text or step.calls) or step.node.failure is not None


def _finish(draft: StepDraft, index: int, parent: int | None) -> Step:
    record = draft.node.record
    is_model_call = draft.node.kind == "llm"
    return Step(
        index=index,
        agent=draft.agent,
        text=draft.text,
        reasoning=draft.reasoning,
        tool_calls=tuple(_finish_call(call, draft) for call in draft.calls),
        seen=tuple(draft.seen),
        recipient=draft.recipient,
        model=as_string(names.look_up(record.attributes, names.MODEL)),
        usage=usage_of(record.attributes) if is_model_call else None,
        start=record.start,
        end=record.end,
        finish_reason=draft.finish_reason,
        error=draft.node.failure if is_model_call or not draft.calls else None,
        span_id=record.id,
        parent=parent,
        at=record.at,
    )


def _finish_call(call: CallDraft, step: StepDraft) -> ToolCall:
    record = call.node.record if call.node is not None else None
    return ToolCall(
        name=call.name,
        arguments=call.arguments,
        id=call.id,
        result=call.result,
        error=call.error,
        start=record.start if record is not None else None,
        end=record.end if record is not None else None,
        span_id=record.id if record is not None else None,
        at=record.at if record is not None else step.node.record.at,
    )


def _has_content(node: Node) -> bool:
    attributes = node.record.attributes
    return (
        names.look_up(attributes, names.AGENT_SPAN_NAME) is not None
        or names.look_up(attributes, (*names.INPUT_VALUE, names.INPUT_MESSAGES)) is not None
    )


def _own_input(node: Node) -> str | None:
    """What an agent or the run was asked, as its own span records it."""
    attributes = node.record.attributes
    listed = as_list(open_json(names.look_up(attributes, names.ALL_MESSAGES)))
    value: JSON = {"messages": listed} if listed else names.look_up(attributes, names.INPUT_VALUE)
    task = as_mapping(open_json(value)).get("task")
    if isinstance(task, str) and task.strip():
        return task.strip()
    given = read_conversation(node.record).given or list(messages_in(value, "user"))
    for message in given if not listed else messages_in(value, "user"):
        if message.role == "user" and message.text.strip():
            return message.text.strip()
    return None


def _own_output(node: Node) -> str | None:
    """What an agent answered, as its own span records it."""
    said = read_conversation(node.record).said
    text = (
        said[-1].text.strip()
        if said
        else (text_in(names.look_up(node.record.attributes, names.OUTPUT_VALUE)) or "")
    )
    # The Python representation of a result object is not the answer.
    name, _, fields = text.partition("(")
    cut = text.endswith("...") and fields.partition("=")[0].isidentifier()
    is_representation = name.isidentifier() and (cut or text.endswith(")"))
    return text if text and not is_representation else None


def _given_answer(call: CallDraft) -> str | None:
    if call.name not in names.FINAL_ANSWER_TOOLS:
        return None
    answer = first(as_mapping(call.arguments), *names.FINAL_ANSWER_ARGUMENTS)
    return as_text(answer) or call.result or as_text(call.arguments)
