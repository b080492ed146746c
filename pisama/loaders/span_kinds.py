"""What a span is, in the words of each span dialect: a model call, a tool, an agent, a step in between.

Sources: as those of `pisama.loaders.names`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pisama.loaders.names import ADK_REQUEST, AGENT_RUN, ALL_MESSAGES, Attributes, look_up

_OPENINFERENCE: Mapping[str, str] = {
    "AGENT": "agent",
    "CHAIN": "chain",
    "LLM": "llm",
    "TOOL": "tool",
    "RETRIEVER": "retriever",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "PROMPT": "prompt",
}
_OPERATIONS: Mapping[str, str] = {
    "chat": "llm",
    "text_completion": "llm",
    "completion": "llm",
    "generate_content": "llm",
    "responses": "llm",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "invoke_agent": "agent",
    "invoke_workflow": "workflow",
    "create_agent": "create_agent",
    "retrieval": "retriever",
    "llm_call": "llm",
    "tool_call": "tool",
    "agent_call": "agent",
}
_LANGFUSE: Mapping[str, str] = {
    "generation": "llm",
    "agent": "agent",
    "tool": "tool",
    "chain": "chain",
    "retriever": "retriever",
    "embedding": "embedding",
    "evaluator": "evaluator",
    "guardrail": "guardrail",
}
_MLFLOW: Mapping[str, str] = {
    "CHAT_MODEL": "llm",
    "LLM": "llm",
    "AGENT": "agent",
    "TOOL": "tool",
    "CHAIN": "chain",
    "WORKFLOW": "workflow",
    "TASK": "chain",
    "RETRIEVER": "retriever",
    "EMBEDDING": "embedding",
    "RERANKER": "reranker",
    "PARSER": "parser",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluator",
    "MEMORY": "memory",
}
_VERCEL: Mapping[str, str] = {
    "ai.generateText": "agent",
    "ai.streamText": "agent",
    "ai.generateObject": "agent",
    "ai.streamObject": "agent",
    "ai.generateText.doGenerate": "llm",
    "ai.streamText.doStream": "llm",
    "ai.generateObject.doGenerate": "llm",
    "ai.streamObject.doStream": "llm",
    "ai.toolCall": "tool",
    "ai.embed": "embedding",
    "ai.embed.doEmbed": "embedding",
    "ai.embedMany": "embedding",
    "ai.embedMany.doEmbed": "embedding",
}
_UNKNOWN_KINDS = frozenset(("UNKNOWN", "span", "event"))
"""What emitters write where they know no kind."""
_TRACELOOP: Mapping[str, str] = {"workflow": "workflow", "task": "chain", "agent": "agent", "tool": "tool"}
_SPAN_NAMES: Mapping[str, str] = {
    "agent run": "agent",
    "running tools": "chain",
    "running tool": "tool",
    "invocation": "workflow",
    "call_llm": "llm",
}
_KIND_ATTRIBUTES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("openinference.span.kind", _OPENINFERENCE),
    ("ai.operationId", _VERCEL),
    ("gen_ai.operation.name", _OPERATIONS),
    ("traceloop.span.kind", _TRACELOOP),
    ("langfuse.observation.type", _LANGFUSE),
    ("mlflow.spanType", _MLFLOW),
    ("llm.request.type", _OPERATIONS),
)
_PREPARES = "._prepare_chat_with_tools"
"""LlamaIndex's step before a model call, which its instrumentor gives the kind of a model call too."""
_MERGED_TOOLS = "(merged tools)"
"""ADK follows the spans of tools that ran side by side with one for all of their answers together."""


def kind_of(name: str, attributes: Attributes, said: str | None = None) -> str | None:
    """What a span is: `agent`, `llm`, `tool`, `chain`, `workflow` …; None when nothing says so.

    `said` is the kind the file format itself records beside the attributes, if it does.
    """
    if said is not None and said.upper() in _OPENINFERENCE:
        return _OPENINFERENCE[said.upper()]
    if attributes.get("gen_ai.tool.name") == _MERGED_TOOLS or name.endswith(_PREPARES):
        return "chain"
    for attribute, kinds in _KIND_ATTRIBUTES:
        value = attributes.get(attribute)
        if isinstance(value, str) and value:
            value = value.strip('"')
            kind = kinds.get(value) or kinds.get(value.upper()) or kinds.get(value.lower())
            if kind is not None or value not in _UNKNOWN_KINDS:
                return kind or "chain"
    if name.startswith(AGENT_RUN):
        return "agent"
    return _SPAN_NAMES.get(name) or _kind_by_content(attributes)


def _kind_by_content(attributes: Attributes) -> str | None:
    if attributes.get(ADK_REQUEST) not in (None, "", "{}"):
        return "llm"
    if "gen_ai.prompt.0.role" in attributes or "llm.output_messages.0.message.role" in attributes:
        return "llm"
    if "gen_ai.tool.name" in attributes and "gen_ai.tool.call.id" in attributes:
        return "tool"
    if "agent_name" in attributes and look_up(attributes, ALL_MESSAGES) is not None:
        return "agent"
    return None
