"""From an input to traces: opens it, finds the loader that knows it, and loads it.

Nothing here raises for bad input: what could not be read is a `LoadError` among the traces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import cast

from pisama.loaders.adk import AdkLoader
from pisama.loaders.ag2 import Ag2Loader
from pisama.loaders.agentbench import AgentBenchLoader
from pisama.loaders.agentlab import AgentLabLoader
from pisama.loaders.agno import AgnoLoader
from pisama.loaders.aider import AiderLoader
from pisama.loaders.anthropic import AnthropicLoader
from pisama.loaders.anthropic_sessions import AnthropicSessionsLoader
from pisama.loaders.atif import AtifLoader
from pisama.loaders.autogen import AutoGenLoader
from pisama.loaders.autogen_log import AutoGenLogLoader
from pisama.loaders.base import Document, Group, Loaded, Loader, Piece
from pisama.loaders.bedrock import BedrockLoader
from pisama.loaders.bundles import Part, parts_of, with_companions
from pisama.loaders.claude_code import ClaudeCodeLoader
from pisama.loaders.claude_code_stream import ClaudeCodeResultLoader, ClaudeCodeStreamLoader
from pisama.loaders.codex_exec import CodexExecLoader
from pisama.loaders.codex_rollout import CodexRolloutLoader
from pisama.loaders.container import Source, open_document
from pisama.loaders.conversation import ConversationLoader
from pisama.loaders.copilot_cli import CopilotCliLoader
from pisama.loaders.crewai import CrewAILoader
from pisama.loaders.crewai_events import CrewAIEventsLoader
from pisama.loaders.cursor import CursorLoader
from pisama.loaders.cursor_database import CursorDatabaseLoader
from pisama.loaders.dify import DifyLoader
from pisama.loaders.flowise import FlowiseLoader
from pisama.loaders.folders import find_files, says_nothing
from pisama.loaders.gemini import GeminiLoader
from pisama.loaders.gemini_cli import GeminiCliLoader
from pisama.loaders.gemini_cli_stream import GeminiCliStreamLoader
from pisama.loaders.inspect_ai import InspectLoader
from pisama.loaders.jaeger import JaegerLoader
from pisama.loaders.langchain import LangChainLoader
from pisama.loaders.langfuse import LangfuseLoader
from pisama.loaders.langgraph import LangGraphLoader
from pisama.loaders.langgraph_checkpoints import LangGraphCheckpointsLoader
from pisama.loaders.langsmith import LangSmithLoader
from pisama.loaders.logfire import LogfireLoader
from pisama.loaders.maf import MafLoader
from pisama.loaders.mini_swe_agent import MiniSweAgentLoader
from pisama.loaders.mlflow import MlflowLoader
from pisama.loaders.n8n import N8nLoader
from pisama.loaders.openai_agents import OpenAIAgentsLoader
from pisama.loaders.openai_agents_session import OpenAIAgentsSessionLoader
from pisama.loaders.openai_agents_state import OpenAIAgentsStateLoader
from pisama.loaders.openai_chat import OpenAIChatLoader
from pisama.loaders.openai_responses import OpenAIResponsesLoader
from pisama.loaders.opencode import OpenCodeLoader, OpenCodeRunLoader
from pisama.loaders.openhands import OpenHandsLoader
from pisama.loaders.openhands_sdk import OpenHandsSdkLoader
from pisama.loaders.openinference_tree import OpenInferenceTreeLoader
from pisama.loaders.otel_js import OtelJavaScriptLoader
from pisama.loaders.otel_python import OtelPythonLoader
from pisama.loaders.otlp import OtlpLoader
from pisama.loaders.phoenix import PhoenixLoader
from pisama.loaders.pi_agent import PiLoader
from pisama.loaders.pydantic_ai import PydanticAILoader
from pisama.loaders.smolagents import SmolagentsLoader
from pisama.loaders.smolagents_messages import SmolagentsMessagesLoader
from pisama.loaders.span_attributes import SpanAttributesLoader
from pisama.loaders.swe_agent import SweAgentLoader
from pisama.loaders.tau2 import Tau2Loader
from pisama.loaders.weave import WeaveLoader
from pisama.loaders.zipkin import ZipkinLoader
from pisama.report import LoadError
from pisama.trace import Location

__all__ = [
    "LOADERS",
    "find_files",
    "load",
    "load_document",
    "load_members",
    "load_part",
    "load_path",
    "loader",
    "open_document",
    "sniff",
]

LOADERS: tuple[Loader, ...] = (
    AtifLoader(),
    OtlpLoader(),
    OpenInferenceTreeLoader(),
    OtelPythonLoader(),
    OtelJavaScriptLoader(),
    JaegerLoader(),
    MlflowLoader(),
    WeaveLoader(),
    PhoenixLoader(),
    LogfireLoader(),
    ZipkinLoader(),
    SpanAttributesLoader(),
    LangfuseLoader(),
    LangSmithLoader(),
    OpenAIAgentsLoader(),
    OpenAIAgentsStateLoader(),
    OpenAIAgentsSessionLoader(),
    N8nLoader(),
    FlowiseLoader(),
    DifyLoader(),
    Tau2Loader(),
    AgentBenchLoader(),
    ClaudeCodeLoader(),
    ClaudeCodeStreamLoader(),
    ClaudeCodeResultLoader(),
    CodexRolloutLoader(),
    CodexExecLoader(),
    GeminiCliLoader(),
    GeminiCliStreamLoader(),
    OpenCodeLoader(),
    OpenCodeRunLoader(),
    PiLoader(),
    CopilotCliLoader(),
    CursorLoader(),
    CursorDatabaseLoader(),
    OpenHandsLoader(),
    OpenHandsSdkLoader(),
    SweAgentLoader(),
    MiniSweAgentLoader(),
    AiderLoader(),
    OpenAIResponsesLoader(),
    GeminiLoader(),
    BedrockLoader(),
    LangChainLoader(),
    LangGraphLoader(),
    LangGraphCheckpointsLoader(),
    PydanticAILoader(),
    SmolagentsLoader(),
    SmolagentsMessagesLoader(),
    Ag2Loader(),
    AutoGenLoader(),
    AutoGenLogLoader(),
    AdkLoader(),
    MafLoader(),
    AgnoLoader(),
    CrewAILoader(),
    CrewAIEventsLoader(),
    InspectLoader(),
    AgentLabLoader(),
    AnthropicSessionsLoader(),
    OpenAIChatLoader(),
    AnthropicLoader(),
    ConversationLoader(),
)
"""Every loader, the most specific first."""

MAX_KEYS_SHOWN = 8
"""Top-level keys named in the error about a document that nobody knows."""


def loader(name: str) -> Loader | None:
    """The loader with this id."""
    return next((candidate for candidate in LOADERS if candidate.id == name), None)


def sniff(document: Document) -> Loader | LoadError:
    """The loader that is surest that it knows the document; an error when none or two are."""
    scores = [(_confidence(candidate, document), candidate) for candidate in LOADERS]
    best = max((score for score, _ in scores), default=0.0)
    if best <= 0:
        return document.problem or _fatal(_unknown(document), document)
    winners = [candidate for score, candidate in scores if score == best]
    if len(winners) > 1:
        titles = " or ".join(winner.title for winner in winners)
        flags = " or ".join(f"--input-format {winner.id}" for winner in winners)
        return _fatal(f"this could be {titles}; say which with {flags}", document)
    return winners[0]


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


def load(source: Source, input_format: str | None = None, path: str | None = None) -> Iterator[Loaded]:
    """The traces in a file or a folder (a `Path`), in bytes, in JSON text, or in a decoded value.

    A file is read together with the files beside it that continue its run.
    """
    if isinstance(source, Path) and path is None:
        loaders = LOADERS if input_format is None else tuple(filter(None, (loader(input_format),)))
        together = with_companions(source, loaders, _opening) if source.is_file() else None
        if together is not None:
            yield from _load_as(together[1], together[0])
            return
    document = open_document(source, path)
    if isinstance(document, LoadError):
        yield document
    else:
        yield from load_document(document, input_format)


def load_path(path: Path, input_format: str | None = None) -> Iterator[Loaded]:
    """The traces in one file, or in the files of a folder."""
    return load(path, input_format)


def _opening(path: Path) -> Callable[[], Document | LoadError]:
    return lambda: open_document(path)


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
    for item in _guarded(chosen, document):
        found = True
        yield item
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
    try:
        yield from chosen.load(document)
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
