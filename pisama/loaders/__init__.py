"""From an input to traces: opens it, finds the loader that knows it, and loads it.

Nothing here raises for bad input: what could not be read is a `LoadError` among the traces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import cast

from pisama.budget import OverBudgetError, budget
from pisama.limits import DEFAULT, Limits
from pisama.loaders.anthropic import AnthropicLoader
from pisama.loaders.base import Document, Group, Loaded, Loader, Piece
from pisama.loaders.bounded_traces import within
from pisama.loaders.bundles import Part, parts_of, with_companions
from pisama.loaders.container import Source, open_document
from pisama.loaders.conversation import ConversationLoader
from pisama.loaders.deferred import deferred, deferred_groups, fields_of, itself, may_know
from pisama.loaders.folders import find_files, says_nothing
from pisama.loaders.mini_swe_agent import MiniSweAgentLoader
from pisama.loaders.openai_chat import OpenAIChatLoader
from pisama.report import LoadError
from pisama.trace import Location, Trace

__all__ = [
    "LOADERS",
    "find_files",
    "load",
    "load_document",
    "load_members",
    "load_part",
    "loader",
    "open_document",
    "sniff",
]

LOADERS: tuple[Loader, ...] = (
    deferred("atif", "atif.AtifLoader", "schema_version"),
    deferred_groups(
        "otlp",
        "otlp.OtlpLoader",
        "resourceSpans resource_spans batches resourceLogs resource_logs resourceMetrics resource_metrics trace result",
        r"[lL][oO][gG]",
    ),
    deferred("openinference-tree", "openinference_tree.OpenInferenceTreeLoader", "spans"),
    deferred("otel-python-console", "otel_python.OtelPythonLoader", "context"),
    deferred("otel-js", "otel_js.OtelJavaScriptLoader", "_spanContext spanContext traceId"),
    deferred("jaeger", "jaeger.JaegerLoader", "data spans spanID"),
    deferred("mlflow", "mlflow.MlflowLoader", "data trace spans"),
    deferred("weave", "weave.WeaveLoader", "op_name"),
    deferred("phoenix", "phoenix.PhoenixLoader", "context.span_id data context"),
    deferred("logfire", "logfire.LogfireLoader", "rows columns span_id"),
    deferred("zipkin", "zipkin.ZipkinLoader", "traceId"),
    deferred(
        "span-attributes",
        "span_attributes.SpanAttributesLoader",
        "openinference.span.kind gen_ai.operation.name ai.operationId traceloop.span.kind",
    ),
    deferred(
        "langfuse",
        "langfuse.LangfuseLoader",
        "observations trace data traceId trace_id parentObservationId parent_observation_id",
    ),
    deferred("langsmith", "langsmith.LangSmithLoader", "runs run_type"),
    deferred("openai-agents", "openai_agents.OpenAIAgentsLoader", "data object"),
    deferred("openai-agents-state", "openai_agents_state.OpenAIAgentsStateLoader", "model_responses"),
    deferred("openai-agents-session", "openai_agents_session.OpenAIAgentsSessionLoader"),
    deferred("n8n", "n8n.N8nLoader", "data resultData"),
    deferred("flowise", "flowise.FlowiseLoader", "Execution executionData"),
    deferred(
        "dify", "dify.DifyLoader", "event total_steps node_type agent_thoughts node_executions tracing data"
    ),
    deferred("tau2", "tau2.Tau2Loader", "termination_reason tasks"),
    deferred("agentbench", "agentbench.AgentBenchLoader", "output"),
    deferred_groups(
        "claude-code", "claude_code.ClaudeCodeLoader", "sessionId leafUuid messageId cwd", r"\Aagent-|/"
    ),
    deferred("claude-code-stream", "claude_code_stream.ClaudeCodeStreamLoader", "session_id"),
    deferred("claude-code-result", "claude_code_stream.ClaudeCodeResultLoader", "session_id"),
    deferred_groups(
        "codex-rollout",
        "codex_rollout.CodexRolloutLoader",
        "payload record_type instructions",
        r"\Arollout-",
    ),
    deferred("codex-exec", "codex_exec.CodexExecLoader", "type msg"),
    deferred_groups(
        "gemini-cli-session",
        "gemini_cli.GeminiCliLoader",
        "projectHash $set $rewindTo type",
        r"/",
    ),
    deferred("gemini-cli-stream", "gemini_cli_stream.GeminiCliStreamLoader", "session_id tool_id"),
    deferred("opencode", "opencode.OpenCodeLoader", "info messageID sessionID"),
    deferred("opencode-run", "opencode.OpenCodeRunLoader", "sessionID"),
    deferred("pi-session", "pi_agent.PiLoader", "cwd parentId"),
    deferred("copilot-cli", "copilot_cli.CopilotCliLoader", "data"),
    deferred("cursor", "cursor.CursorLoader", "message tool_call permissionMode status"),
    deferred("cursor-database", "cursor_database.CursorDatabaseLoader"),
    deferred("openhands", "openhands.OpenHandsLoader", "source history"),
    deferred("openhands-sdk", "openhands_sdk.OpenHandsSdkLoader", "source execution_status"),
    deferred("swe-agent", "swe_agent.SweAgentLoader", "history trajectory attempts"),
    MiniSweAgentLoader(),
    deferred("aider", "aider.AiderLoader"),
    deferred("openai-responses", "openai_responses.OpenAIResponsesLoader", "type object response"),
    deferred("gemini", "gemini.GeminiLoader", "contents history responses parts response candidates"),
    deferred("bedrock", "bedrock.BedrockLoader", "stopReason content message"),
    deferred("langchain", "langchain.LangChainLoader", "lc type"),
    deferred("langgraph", "langgraph.LangGraphLoader", "next lc type"),
    deferred("langgraph-checkpoints", "langgraph_checkpoints.LangGraphCheckpointsLoader"),
    deferred("pydantic-ai", "pydantic_ai.PydanticAILoader", "kind"),
    deferred(
        "smolagents",
        "smolagents.SmolagentsLoader",
        "steps full_steps step_number model_output_message observations",
    ),
    deferred("smolagents-messages", "smolagents_messages.SmolagentsMessagesLoader", "role"),
    deferred("ag2", "ag2.Ag2Loader", "cost tool_responses"),
    deferred("autogen", "autogen.AutoGenLoader", "type"),
    deferred("autogen-log", "autogen_log.AutoGenLogLoader", "response tool_name payload"),
    deferred("adk", "adk.AdkLoader", "events author"),
    deferred("maf", "maf.MafLoader", "type contents"),
    deferred("agno", "agno.AgnoLoader", "runs run_id"),
    deferred("crewai", "crewai.CrewAILoader", "tasks_output task"),
    deferred("crewai-events", "crewai_events.CrewAIEventsLoader", "event_id"),
    deferred("inspect", "inspect_ai.InspectLoader", "eval epoch"),
    deferred("agentlab", "agentlab.AgentLabLoader", "n_steps cum_reward goal"),
    deferred("anthropic-sessions", "anthropic_sessions.AnthropicSessionsLoader", "processed_at"),
    deferred("sharegpt", "sharegpt.ShareGPTLoader", "conversations conversation"),
    OpenAIChatLoader(),
    AnthropicLoader(),
    ConversationLoader(),
)
"""Every loader, the most specific first. One that needs certain fields may be deferred until a document has them."""

MAX_KEYS_SHOWN = 8
"""Top-level keys named in the error about a document that nobody knows."""


def loader(name: str) -> Loader | None:
    """The loader with this id."""
    return next((candidate for candidate in LOADERS if candidate.id == name), None)


def sniff(document: Document) -> Loader | LoadError:
    """The loader that is surest that it knows the document; an error when none or two are."""
    fields = fields_of(document)
    asked = (candidate for candidate in LOADERS if may_know(candidate, fields))
    scores = [(_confidence(candidate, document), candidate) for candidate in asked]
    best = max((score for score, _ in scores), default=0.0)
    if best <= 0:
        return document.problem or _fatal(_unknown(document), document)
    winners = [candidate for score, candidate in scores if score == best]
    if len(winners) > 1:
        titles = " or ".join(winner.title for winner in winners)
        flags = " or ".join(f"--input-format {winner.id}" for winner in winners)
        return _fatal(f"this could be {titles}; say which with {flags}", document)
    return itself(winners[0])


def load_document(document: Document, input_format: str | None = None) -> Iterator[Loaded]:
    """The traces of an opened input. `input_format` is the id of a loader; without it one is found."""
    named = loader(input_format) if input_format else None
    if input_format and named is None:
        yield _fatal(f"no input format is called {input_format}; `pisama formats` lists them", document)
    elif document.is_empty():
        yield from _only_errors(document)
    elif document.members:
        # Nothing is set apart, so there is nothing but what was read.
        yield from cast("Iterator[Loaded]", load_members(document, input_format))
    else:
        chosen = named or sniff(document)
        yield from (chosen,) if isinstance(chosen, LoadError) else _load_as(chosen, document)


def load(
    source: Source, input_format: str | None = None, path: str | None = None, limits: Limits = DEFAULT
) -> Iterator[Loaded]:
    """The traces in a file or a folder (a `Path`), in bytes, in JSON text, or in a decoded value.

    A file is read together with the files beside it that continue its run.
    """

    def opening(file: Path) -> Callable[[], Document | LoadError]:
        return lambda: open_document(file, limits=limits)

    if isinstance(source, Path) and path is None:
        loaders = LOADERS if input_format is None else tuple(filter(None, (loader(input_format),)))
        together = with_companions(source, loaders, opening, limits) if source.is_file() else None
        if together is not None:
            yield from _load_as(together[1], together[0])
            return
    document = open_document(source, path, limits)
    if isinstance(document, LoadError):
        yield document
    else:
        yield from load_document(document, input_format)


def load_members(
    document: Document,
    input_format: str | None = None,
    apart: Callable[[Part], Piece | Group | None] = lambda _: None,
) -> Iterator[Loaded | Piece | Group]:
    """What the files of a folder or an archive hold, one input at a time.

    `apart` says of a part whether it is to be read by itself and as what; such a part is not opened here.
    """
    named = loader(input_format) if input_format else None
    found, cut = False, document.growing
    for part in parts_of(document, (named,) if named else LOADERS, _confidence):
        piece = apart(part)
        items: Iterable[Loaded | Piece | Group] = (piece,) if piece else load_part(part, input_format)
        for item in items:
            found = True
            yield item
        cut = cut and part.loader is None
    if cut:
        yield LoadError("the archive is cut off; what follows is missing", Location(document.path))
    if not found:
        yield _fatal(_unknown(document), document)


def load_part(part: Part, input_format: str | None) -> Iterator[Loaded]:
    """What one input of a folder or an archive holds."""
    opened = part.open()
    if isinstance(opened, LoadError):
        yield opened
    elif part.loader is not None:
        yield from _load_as(part.loader, opened)
    elif input_format is None and says_nothing(part.name) and isinstance(sniff(opened), LoadError):
        return
    else:
        yield from load_document(opened, input_format)


def _load_as(chosen: Loader, document: Document) -> Iterator[Loaded]:
    found = False
    for item in chain(_guarded(chosen, document), document.lost):
        found = True
        yield from within(item, document.limits) if isinstance(item, Trace) else (item,)
    if not found:
        yield _fatal(f"no trace in it, read as {chosen.title}", document)


def _confidence(candidate: Loader, document: Document) -> float:
    try:
        return candidate.sniff(document)
    except Exception:  # noqa: BLE001
        # A loader must not raise; one that does cannot say that it knows the document.
        return 0.0


def _guarded(chosen: Loader, document: Document) -> Iterator[Loaded]:
    """What the loader yields. A loader must not raise; if one does, other inputs are still read."""
    seconds = document.limits.seconds
    try:
        loaded = iter(chosen.load(document))
        while True:
            with budget(seconds):
                item = next(loaded, None)
            if item is None:
                return
            yield item
    except OverBudgetError:
        reason = f"no further trace was read within {seconds:,g} seconds ({document.limits.raised('seconds')}); the rest was left"
        yield LoadError(reason, Location(document.path))
    except Exception as error:  # noqa: BLE001
        problem = f"{type(error).__name__}: {error}"
        yield LoadError(
            f"the reader of {chosen.title} failed, which is its fault: {problem}", Location(document.path)
        )


def _only_errors(document: Document) -> Iterator[LoadError]:
    """For a document without a single readable record."""
    found = False
    for item in document.records():
        if isinstance(item, LoadError):
            found = True
            yield item
    if not found:
        yield _fatal("no JSON value in it", document)


def _unknown(document: Document) -> str:
    name_it = "name its format with --input-format; `pisama formats` lists them"
    if document.raw is not None:
        return f"binary data of no known format; {name_it}"
    if document.tables:
        return f"a database of no known format (tables: {_some(document.tables)})"
    if document.members:
        return f"no trace in these files ({_some(document.members)})"
    if document.text is not None:
        return f"text of no known format; {name_it}"
    return f"JSON of no known shape ({_shape(document)}); {name_it}"


def _shape(document: Document) -> str:
    value = document.sample[0]
    place = "top level"
    if isinstance(value, list):
        if not value:
            return "an empty list"
        value, place = value[0], "first item"
    if not isinstance(value, dict):
        return f"{place}: a {_KINDS.get(type(value).__name__, 'list')}"
    if not value:
        return f"{place}: an empty object"
    return f"{place} keys: {_some(value)}"


def _some(names: Collection[str]) -> str:
    shown = ", ".join(name[:40] for name in islice(names, MAX_KEYS_SHOWN))
    return f"{shown}, …" if len(names) > MAX_KEYS_SHOWN else shown


_KINDS = {"str": "string", "int": "number", "float": "number", "bool": "truth value", "NoneType": "null"}


def _fatal(reason: str, document: Document) -> LoadError:
    return LoadError(reason, Location(document.path), fatal=True)
