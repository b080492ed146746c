"""Steps out of a span tree: every model call is one act of the agent around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pisama.loaders import names
from pisama.loaders.fenced_code import fenced_code
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.span_messages import (
    join_said,
    message_texts,
    read_conversation,
)
from pisama.loaders.span_model_calls import model_calls
from pisama.loaders.spans import Node, SpanTree
from pisama.loaders.values import as_integer, as_list, as_mapping, as_number, as_string, open_json
from pisama.trace import JSON, Message, Usage

MAX_OWN_WORDS = 4
"""How many of its latest texts an agent may be played back inside a longer message (a plan with a
heading) and still be recognised."""

MAX_INSTRUCTIONS = 8
"""System texts that an agent invoked anew is taken to know already, the latest ones."""
MAX_MANAGED = 50
"""Most sub-agents of one agent that are tried as the name of a nameless agent span."""
TASK_BEGINNING = 400
"""Characters of a sub-agent's task in which it is addressed by name."""

ANY_AGENT = "agent"
"""Name of the one who acts where nothing in the trace gives a name."""


@dataclass(slots=True, eq=False)
class CallDraft:
    """A tool call while its parts are being found."""

    name: str
    arguments: JSON = None
    id: str | None = None
    result: str | None = None
    error: str | None = None
    node: Node | None = None
    """The tool span that executed it."""
    returned: str | None = None
    """What the tool returned as an object, written down here; what the model was told comes first."""


@dataclass(slots=True, eq=False)
class StepDraft:
    """A step while its calls, results and delegations are being found."""

    node: Node
    agent: str
    text: str = ""
    reasoning: str | None = None
    finish_reason: str | None = None
    calls: list[CallDraft] = field(default_factory=list)
    answers: list[ToolResult] = field(default_factory=list)
    """Results that a later model call of this agent was given, not yet paired."""
    seen: list[Message] = field(default_factory=list)
    offered: bool = False
    """The model call was given tools to call, so code in its answer is text."""
    recipient: str | None = None
    parent: StepDraft | None = None


class Memory:
    """What one agent has been given and has said, to know what is new in its next input.

    Providers resend the conversation on every call. A text counts as new when it occurs more often
    in this input than in any earlier one, so the same result returned twice is new twice. Cost is
    linear in the input.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str], int] = {}
        self._instructions: deque[tuple[str | None, str]] = deque(maxlen=MAX_INSTRUCTIONS)
        self._own: deque[str] = deque(maxlen=MAX_OWN_WORDS)
        self._invocation: Node | None = None
        self.latest: StepDraft | None = None

    def take(
        self, given: list[ChatMessage], invocation: Node | None, *, is_new: bool
    ) -> Iterator[tuple[ChatMessage, ToolResult | None]]:
        """What is new in this input: texts as (message, None), results as (message, result).

        `is_new` says that all of it is, whatever was heard before.
        """
        parts = [part for message in given for part in message_texts(message)]
        if invocation is not self._invocation and not self._remembers(parts):
            self._known = dict.fromkeys(self._instructions, 1)
            self._own.clear()
        self._invocation = invocation
        counts: dict[tuple[str | None, str], int] = {}
        for message, result, key in parts:
            counts[key] = counts.get(key, 0) + 1
            known = self._known.get(key, 0)
            if counts[key] <= known and not is_new:
                continue
            self._known[key] = known + 1 if is_new else counts[key]
            if message.role == "system":
                self._instructions.append(key)
            if result is not None or message.role != "assistant" or not self._is_own(message.text):
                yield message, result

    def say(self, step: StepDraft) -> None:
        """The agent said this; hearing it again is nothing new."""
        self.latest = step
        text = step.text.strip()
        if text:
            key = (None, text)
            self._known[key] = self._known.get(key, 0) + 1
            self._own.append(text)

    def _remembers(self, parts: list[tuple[ChatMessage, ToolResult | None, tuple[str | None, str]]]) -> bool:
        """Whether an agent invoked anew still has its earlier conversation before it."""
        return any(
            key in self._known
            for message, result, key in parts
            if result is not None or message.role == "assistant"
        )

    def _is_own(self, text: str) -> bool:
        return any(own in text for own in self._own)


def agent_names(tree: SpanTree) -> dict[Node, str]:
    """What each agent span calls its agent."""
    found: dict[Node, str] = {}
    managed: dict[Node, list[str]] = {}
    for node in tree.nodes:
        if node.kind != "agent":
            continue
        name = as_string(names.look_up(node.record.attributes, names.AGENT_SPAN_NAME))
        found[node] = name or _managed_name(node, managed) or names.plain_name(node.record.name) or ANY_AGENT
    return found


def _managed_name(node: Node, known: dict[Node, list[str]]) -> str | None:
    """The name by which the agent above knows this one, where the span has only the class's name."""
    above = node.parent.agent if node.parent is not None else None
    if above is None:
        return None
    if above not in known:
        known[above] = list(names.managed_agents(above.record.attributes))[:MAX_MANAGED]
    managed = known[above]
    own = names.plain_name(node.record.name)
    if own in managed or not managed:
        return None
    task = as_string(names.look_up(node.record.attributes, names.INPUT_VALUE)) or ""
    beginning = task[:TASK_BEGINNING]
    addressed = managed if len(managed) == 1 else [name for name in managed if name in beginning]
    return addressed[0] if addressed else None


def agent_of(node: Node, agents: dict[Node, str]) -> str:
    """The agent a span belongs to: as it says itself, else the agent around it, else the program."""
    attributes = node.record.attributes
    own = as_string(names.look_up(attributes, names.AGENT_NAME)) or names.agent_of_graph(attributes)
    if own is not None:
        return own
    if node.agent is not None:
        return agents[node.agent]
    workflow = as_string(names.look_up(attributes, names.WORKFLOW_NAME))
    if workflow is not None:
        return workflow
    if node.root is None or node.root.kind in ("llm", "tool") or is_part(node.root):
        return ANY_AGENT
    return names.plain_name(node.root.record.name) or ANY_AGENT


def is_part(root: Node) -> bool:
    """Whether a span at the top is only a part of a run whose own span was not recorded, or not yet.

    It is a step of one, or a node that every prebuilt graph has, so its name is no agent's and its input
    no task.
    """
    name = root.record.name
    if root.kind not in ("chain", None) or root.record.parent_id is None:
        return False
    return _is_step(name) or name in names.GRAPH_COMMON_NODES or name in names.PARTS_OF_AGENTS


def draft_steps(tree: SpanTree, agents: dict[Node, str]) -> list[StepDraft]:
    """A draft for each model call, and for each agent span that has none, in order of time."""
    calls = model_calls(tree)
    busy: set[Node] = set()
    for node in calls:
        above = node.agent
        while above is not None and above not in busy:
            busy.add(above)
            above = above.parent.agent if above.parent is not None else None
    actors = calls + [node for node in agents if node not in busy and _is_act(node, agents)]
    actors.sort(key=lambda node: node.position)
    return list(_Drafting(agents).drafts(actors or _stand_ins(tree, agents)))


def _stand_ins(tree: SpanTree, agents: dict[Node, str]) -> list[Node]:
    """Who acts when tools ran but no span says who called them: the agents, else each tool span itself."""
    tools = [node for node in tree.nodes if node.kind == "tool"]
    return (list(agents) or tools) if tools else []


def _is_act(node: Node, agents: dict[Node, str]) -> bool:
    """Whether an agent span without model calls did something itself."""
    stack = list(node.children)
    used_tool = False
    while stack:
        below = stack.pop()
        if below in agents:
            return False
        used_tool = used_tool or below.kind == "tool"
        stack.extend(below.children)
    return used_tool or node.failure is not None or bool(read_conversation(node.record).said)


class _Drafting:
    """Makes the drafts of one trace, in order of time."""

    def __init__(self, agents: dict[Node, str]) -> None:
        self._agents = agents
        self._memories: dict[tuple[str, bool], Memory] = {}
        self._called: dict[str, str] = {}

    def drafts(self, actors: list[Node]) -> Iterator[StepDraft]:
        for node in actors:
            agent = agent_of(node, self._agents)
            in_tool = node.kind == "llm" and node.owner is not None and node.owner.kind == "tool"
            yield self._draft(node, agent, self._memories.setdefault((agent, in_tool), Memory()))

    def _draft(self, node: Node, agent: str, memory: Memory) -> StepDraft:
        if node.kind == "tool":
            return StepDraft(node, agent)
        conversation = read_conversation(node.record)
        text, reasoning, calls, finish = join_said(conversation.said)
        draft = StepDraft(
            node=node,
            agent=agent,
            text=text,
            reasoning=reasoning,
            finish_reason=_finish_reason(node.record.attributes) or finish,
            calls=[CallDraft(call.name, call.arguments, call.id) for call in calls],
            offered=names.offers_tools(node.record.attributes),
        )
        for call in draft.calls:
            if call.id is not None:
                self._called[call.id] = call.name
        if not draft.calls and not draft.offered:
            _add_code_action(draft)
        self._hear(draft, conversation.given, memory)
        memory.say(draft)
        return draft

    def _hear(self, draft: StepDraft, given: list[ChatMessage], memory: Memory) -> None:
        before = draft if draft.node.kind == "agent" else memory.latest
        is_new = draft.node.record.attributes.get(names.NEW_INPUT) is True
        for message, result in memory.take(given, draft.node.agent, is_new=is_new):
            if result is None:
                draft.seen.append(Message(message.role, message.text, message.name))
                continue
            if before is not None:
                before.answers.append(result)
            if before is not draft:
                name = result.name or self._called.get(result.call_id or "") or _only_call(before)
                draft.seen.append(Message("tool", result.text or result.error or "", name))


def _only_call(step: StepDraft | None) -> str | None:
    return step.calls[0].name if step is not None and len(step.calls) == 1 else None


def _add_code_action(step: StepDraft) -> None:
    """The code in the answer of a code agent, when the span around the model call executed it."""
    around = step.node.parent
    if around is None or around.kind != "chain" or not _executes_code(around):
        return
    code = fenced_code(step.text)
    if code is None:
        return
    output = names.look_up(around.record.attributes, names.OUTPUT_VALUE)
    result = output if isinstance(output, str) else None
    step.calls.append(CallDraft(names.CODE_TOOL, {"code": code}, result=result, error=around.failure))


def _executes_code(node: Node) -> bool:
    """Whether this is a step of a code agent; exports without scopes have only its name, `Step 3`."""
    scope = node.record.scope
    if scope is not None:
        return scope in names.CODE_AGENT_SCOPES
    return _is_step(node.record.name)


def _is_step(name: str) -> bool:
    word, _, number = name.partition(" ")
    return word == names.CODE_STEP and number.isdecimal()


def _finish_reason(attributes: names.Attributes) -> str | None:
    value = open_json(names.look_up(attributes, names.FINISH_REASON))
    reasons = as_list(value)
    reason = as_string(reasons[0] if reasons else value)
    return reason.lower() if reason else None


def usage_of(attributes: names.Attributes) -> Usage | None:
    """Tokens and cost of one model call; None when it records neither."""
    details = as_mapping(open_json(names.look_up(attributes, names.USAGE_DETAILS)))
    usage = Usage(
        input_tokens=as_integer(_count(attributes, names.INPUT_TOKENS, details, names.INPUT_TOKEN_FIELDS)),
        output_tokens=as_integer(_count(attributes, names.OUTPUT_TOKENS, details, names.OUTPUT_TOKEN_FIELDS)),
        cached_tokens=as_integer(_count(attributes, names.CACHED_TOKENS, details, names.CACHED_TOKEN_FIELDS)),
        cost=as_number(names.look_up(attributes, names.COST)),
    )
    return None if usage == Usage() else usage


def _count(
    attributes: names.Attributes, named: names.Names, details: Mapping[str, JSON], fields: names.Names
) -> JSON:
    """A count from the attributes, else from the details."""
    found = names.look_up(attributes, named)
    return found if found is not None else names.look_up(details, fields)
