"""The table of attribute names: what each span dialect calls the same thing; kinds of spans are in `span_kinds.py`.

Sources: the OpenTelemetry GenAI semantic conventions (current and earlier spellings), OpenInference,
OpenLLMetry (`traceloop.*`), and what single frameworks add to them. Names earlier in a tuple win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from pisama.loaders.values import as_mapping, as_string, open_json
from pisama.patterns import lazy
from pisama.trace import JSON

Attributes: TypeAlias = Mapping[str, JSON]
Names: TypeAlias = tuple[str, ...]

AGENT_NAME: Names = ("gen_ai.agent.name", "agent.name", "agent_name", "ai.telemetry.functionId")
AGENT_SPAN_NAME: Names = (*AGENT_NAME, "graph.node.id")
MODEL: Names = (
    "gen_ai.response.model",
    "llm.model_name",
    "gen_ai.request.model",
    "model_name",
    "ai.response.model",
    "ai.model.id",
    "langfuse.observation.model.name",
    "mlflow.llm.model",
)
INPUT_TOKENS: Names = (
    "gen_ai.usage.input_tokens",
    "llm.token_count.prompt",
    "gen_ai.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
)
OUTPUT_TOKENS: Names = (
    "gen_ai.usage.output_tokens",
    "llm.token_count.completion",
    "gen_ai.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
CACHED_TOKENS: Names = (
    "gen_ai.usage.cache_read.input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "ai.usage.cachedInputTokens",
)
USAGE_DETAILS: Names = ("langfuse.observation.usage_details", "mlflow.chat.tokenUsage")
"""An object of token counts, or JSON text of one, with the names listed below."""
INPUT_TOKEN_FIELDS: Names = ("input_tokens", "prompt_tokens", "input")
OUTPUT_TOKEN_FIELDS: Names = ("output_tokens", "completion_tokens", "output")
CACHED_TOKEN_FIELDS: Names = ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read")
COST: Names = ("gen_ai.usage.cost", "llm.cost.total", "operation.cost", "gen_ai.usage.total_cost")
FINISH_REASON: Names = (
    "gen_ai.response.finish_reasons",
    "llm.finish_reason",
    "llm.response.finish_reason",
    "ai.response.finishReason",
)

TOOL_NAME: Names = (
    "gen_ai.tool.name",
    "tool.name",
    "ai.toolCall.name",
    "traceloop.entity.name",
    "tool_name",
)
TOOL_CALL_ID: Names = (
    "gen_ai.tool.call.id",
    "gen_ai.tool.call_id",
    "tool_call.id",
    "tool.call_id",
    "tool.id",
    "ai.toolCall.id",
)
TOOL_ARGUMENTS: Names = (
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "gcp.vertex.agent.tool_call_args",
    "ai.toolCall.args",
    "ai.toolCall.input",
    "input.value",
    "traceloop.entity.input",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "arguments",
    "input",
)
ADK_ANSWER = "gcp.vertex.agent.tool_response"
"""The object that ADK made of what a tool returned."""
TOOL_RESULT: Names = (
    "gen_ai.tool.call.result",
    "tool_response",
    ADK_ANSWER,
    "ai.toolCall.result",
    "ai.toolCall.output",
    "output.value",
    "traceloop.entity.output",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "output",
)
TOOL_DESCRIPTION: Names = ("gen_ai.tool.description", "tool.description")
TOOL_SCHEMA: Names = ("gen_ai.tool.json_schema", "tool.json_schema", "tool.parameters")
TOOL_STATUS = "gen_ai.tool.status"
LEVEL = "langfuse.observation.level"
STATUS_MESSAGE: Names = ("langfuse.observation.status_message", "otel.status_description")
ERROR_TYPE = "error.type"

TOOL_DEFINITIONS: Names = (
    "gen_ai.tool.definitions",
    "gen_ai.request.tools",
    "tool_definitions",
    "ai.prompt.tools",
    "mlflow.chat.tools",
)
"""A JSON list of definitions; `TOOL_DEFINITION_PREFIXES` are the flattened spellings."""
TOOL_DEFINITION_PREFIXES: Names = ("llm.tools.", "llm.request.functions.")
REQUEST_PARAMETERS = "model_request_parameters"
"""pydantic-ai before it followed the conventions: an object with `function_tools`, `output_tools`."""
TOOL_NAMES: Names = ("smolagents.tools_names", "gen_ai.agent.tools")
"""Only the names of what an agent was offered."""
MANAGED_AGENT_PREFIX = "smolagents.managed_agents."

INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
MESSAGE_EVENTS: Names = ("events", "all_messages_events")
"""JSON lists of per-message events kept in an attribute."""
EVENT_ROLES: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
"""Events, of spans or in logs, that are one message each."""
INFERENCE_DETAILS = "gen_ai.client.inference.operation.details"
"""The event that has all messages of a model call."""
MESSAGE_EVENT_NAMES = frozenset((*EVENT_ROLES, INFERENCE_DETAILS))
ALL_MESSAGES: Names = ("pydantic_ai.all_messages", "all_messages_events")
INPUT_PREFIXES: Names = ("llm.input_messages.", "gen_ai.prompt.", "llm.prompts.")
OUTPUT_PREFIXES: Names = ("llm.output_messages.", "gen_ai.completion.", "llm.completions.")
ADK_REQUEST = "gcp.vertex.agent.llm_request"
"""Request of a model call of ADK 1; `{}` on spans of tools."""
PROMPT_MESSAGES: Names = ("gen_ai.prompt", "ai.prompt.messages", "ai.prompt", ADK_REQUEST)
"""All messages given to a model call as one JSON text."""
COMPLETION: Names = ("gen_ai.completion", "gcp.vertex.agent.llm_response")
"""All a model call answered as one JSON text."""
RESPONSE_TEXT: Names = ("ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object")
RESPONSE_REASONING: Names = ("ai.response.reasoning",)
RESPONSE_CALLS: Names = ("ai.response.toolCalls", "ai.result.toolCalls")
INPUT_VALUE: Names = (
    "input.value",
    "traceloop.entity.input",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "input",
)
OUTPUT_VALUE: Names = (
    "output.value",
    "traceloop.entity.output",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "output",
)
REQUEST_VALUE: Names = ("langfuse.observation.input", ADK_REQUEST)
"""The request of a model call as its client made it, with the tools it offered."""
FINAL_RESULT: Names = ("final_result",)

SESSION: Names = (
    "session.id",
    "gen_ai.conversation.id",
    "traceloop.association.properties.thread_id",
    "langfuse.session.id",
    "ai.telemetry.metadata.sessionId",
    "mlflow.trace.session",
)
WATCH_SCOPE = "pisama.watch"
"""Scope of the spans that `pisama watch` makes of calls it saw on their way to a provider."""
NEW_INPUT = "pisama.input.new"
"""True where the input messages are only those that the agent had not been given before."""
SPAN_TYPE = "logfire.span_type"
PENDING = "pending_span"
PENDING_PARENT = "logfire.pending_parent_id"
WORKFLOW_NAME: Names = ("gen_ai.workflow.name", "traceloop.workflow.name")
GRAPH_NAMESPACE = "langgraph_checkpoint_ns"
GRAPH_AGENT = "lc_agent_name"
GRAPH_METADATA = "metadata"
GRAPH_PROPERTIES = "traceloop.association.properties."
GRAPH_COMMON_NODES = frozenset(
    {"agent", "model", "call_model", "tools", "llm", "chatbot", "model_request", "__start__"}
)
"""Nodes that prebuilt graphs have inside one agent; the agent is what encloses them."""
PARTS_OF_AGENTS = frozenset({"execute_event_loop_cycle"})
"""Names of spans that an instrumentor puts between every agent and its model calls."""

FINAL_ANSWER_TOOLS = frozenset({"final_answer", "final_result", "final_output"})
FINAL_ANSWER_ARGUMENTS: Names = ("answer", "result", "response", "output", "final_answer")
CODE_TOOL = "python_interpreter"
CODE_AGENT_SCOPES = frozenset({"openinference.instrumentation.smolagents"})
"""Instrumentors whose step spans execute the fenced code of the model's answer."""
CODE_STEP = "Step"
HANDOFF_PREFIXES: Names = ("handoff to ", "transfer_to_", "handoff_to_", "delegate_to_")
AGENT_RUN = "agent_run ["
"""How ADK 1 names the span of an agent: `agent_run [name]`."""
_PLACEHOLDER = lazy(r"\{[^{}]{0,200}\}")
_NAME_SUFFIXES: Names = (
    ".run",
    "._execute_core",
    ".on_messages_stream",
    ".on_messages",
    ".workflow",
    ".agent",
    ".task",
    ".tool",
    ".kickoff",
    ".run_stream",
    " run",
)


def look_up(attributes: Attributes, names: Names) -> JSON:
    """The first of these attributes that is recorded and neither null nor empty text."""
    for name in names:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def says_failed(attributes: Attributes) -> bool:
    """Whether an attribute marks the span as failed where its status does not."""
    return attributes.get(TOOL_STATUS) == "error" or attributes.get(LEVEL) == "ERROR"


def offers_tools(attributes: Attributes) -> bool:
    """Whether a model call records that it was given tools."""
    if look_up(attributes, (*TOOL_DEFINITIONS, REQUEST_PARAMETERS)) is not None:
        return True
    if any(name.startswith(TOOL_DEFINITION_PREFIXES) for name in attributes):
        return True
    return bool(as_mapping(open_json(look_up(attributes, REQUEST_VALUE))).get("tools"))


def managed_agents(attributes: Attributes) -> Iterator[str]:
    """The names of the sub-agents that an agent span lists."""
    for name, value in attributes.items():
        if name.startswith(MANAGED_AGENT_PREFIX) and name.endswith(".name") and isinstance(value, str):
            yield value


def plain_name(name: str) -> str:
    """A span's name without what instrumentors put around the name of the agent, tool or task."""
    if "{" in name:
        # Logfire names spans by the template of their message.
        name = " ".join(_PLACEHOLDER.sub("", name).split()) or name
    for prefix in ("invoke_agent ", "execute_tool ", "create_agent "):
        name = name.removeprefix(prefix)
    for suffix in _NAME_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    if name.startswith(AGENT_RUN) and name.endswith("]"):
        return name[len(AGENT_RUN) : -1] or name
    return name


def handoff_target(name: str) -> str | None:
    """The agent that a call of this name hands over to, as its name is spelled in tool names."""
    for prefix in HANDOFF_PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :].strip().lower().replace(" ", "_") or None
    return None


def agent_of_graph(attributes: Attributes) -> str | None:
    """The agent that a node of a LangGraph belongs to.

    A subgraph is an agent and so is a node of the outer graph, unless it is one of the nodes that
    every prebuilt agent has.
    """
    metadata = attributes.get(GRAPH_METADATA)
    if isinstance(metadata, str) and "langgraph" in metadata:
        metadata = open_json(metadata)
    record = as_mapping(metadata)
    named = as_string(record.get(GRAPH_AGENT) or attributes.get(GRAPH_PROPERTIES + GRAPH_AGENT))
    if named is not None:
        return named
    namespace = record.get(GRAPH_NAMESPACE) or attributes.get(GRAPH_PROPERTIES + GRAPH_NAMESPACE)
    if not isinstance(namespace, str) or not namespace:
        return None
    nodes = [part.partition(":")[0] for part in namespace.split("|")]
    outer = nodes[-2] if len(nodes) > 1 else nodes[-1]
    return None if outer in GRAPH_COMMON_NODES else outer
