"""Instrumenting Python commands by the mechanism of the OpenTelemetry project, where it is installed.

`opentelemetry-instrument` puts a folder with a `sitecustomize` module on `PYTHONPATH`; that module loads the
distribution and every installed instrumentor before the program starts. The same is done here, for the
instrumentors of model calls and agents alone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

SECONDS = 10
"""How long the command's interpreter may take to say what is installed."""
_PYTHON = re.compile(r"python(?:\d+(?:\.\d+)?)?(?:\.exe)?\Z")
_OF_AGENTS = re.compile(
    r"openinference-instrumentation-|opentelemetry-instrumentation-(?:openai|anthropic|google-genai|vertexai|genai|"
    r"langchain|llama|crewai|bedrock|mistral|cohere|groq|ollama|openai-agents|claude-agent)",
)
_GROUP = "opentelemetry_instrumentor"
_HTTP = "otlp_proto_http"
"""Name of the exporter among the entry points of an SDK."""
_QUESTION = """
import json
from importlib.metadata import entry_points
try:
    import opentelemetry.distro
    import opentelemetry.instrumentation.auto_instrumentation as mechanism
    folder = mechanism.__path__[0]
except ImportError:
    folder = None
found = [(entry.name, entry.dist.name.lower()) for entry in entry_points(group="opentelemetry_instrumentor")]
exporters = [entry.name for entry in entry_points(group="opentelemetry_traces_exporter")]
print(json.dumps([folder, found, exporters]))
"""


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """What is set for a command so that it records itself."""

    variables: Mapping[str, str]
    told: str
    """What was done, or why nothing was, in one line."""
    can_export: bool = True
    """False where the command's OpenTelemetry has exporters, and none for OTLP over HTTP: an SDK that is asked for one
    that it does not have ends the program."""


def instrument(command: Sequence[str], environment: Mapping[str, str]) -> Instrumentation:
    """What can be done for this command. Asks its interpreter what is installed beside it."""
    interpreter = interpreter_of(command, environment) if command else None
    if interpreter is None:
        return Instrumentation({}, "instrumentation of Python: the command is no Python program")
    folder, entries, exporters = _installed(interpreter, environment)
    if exporters and _HTTP not in exporters:
        return Instrumentation(
            {}, "OTLP: opentelemetry-exporter-otlp-proto-http is not installed beside it", can_export=False
        )
    useful = [name for name, distribution in entries if _OF_AGENTS.match(distribution)]
    if folder is None:
        return Instrumentation(
            {}, "instrumentation of Python: opentelemetry-distro is not installed beside it"
        )
    if not useful:
        return Instrumentation(
            {}, "instrumentation of Python: no instrumentor of agents or models is installed"
        )
    path = os.pathsep.join(filter(None, (folder, environment.get("PYTHONPATH"))))
    others = sorted({name for name, _ in entries} - set(useful))
    off = ",".join(filter(None, (environment.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"), *others)))
    variables = {"PYTHONPATH": path}
    if off:
        variables["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = off
    return Instrumentation(variables, f"instrumentation of Python: {', '.join(useful)}")


def interpreter_of(command: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """The Python that runs the command: itself, or the one its first line names; None for another program."""
    found = shutil.which(command[0], path=environment.get("PATH"))
    if found is None:
        return None
    if _PYTHON.match(Path(found).name):
        return Path(found)
    try:
        with Path(found).open("rb") as file:
            first = file.readline(512)
    except OSError:
        return None
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    if words[:1] and Path(words[0]).name == "env":
        named = shutil.which(words[1], path=environment.get("PATH")) if len(words) > 1 else None
        words = [named] if named else []
    return Path(words[0]) if words and _PYTHON.match(Path(words[0]).name) else None


_Installed: TypeAlias = tuple[str | None, list[tuple[str, str]], list[str]]


def _installed(interpreter: Path, environment: Mapping[str, str]) -> _Installed:
    """The folder of the mechanism, the instrumentors with their distributions, and the exporters of spans."""
    if interpreter.absolute().parent == Path(sys.executable).absolute().parent:
        return _beside_us()
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter that the user runs anyway
            [interpreter, "-c", _QUESTION],
            env=dict(environment),
            capture_output=True,
            timeout=SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        folder, found, exporters = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None, [], []
    return folder, [(name, distribution) for name, distribution in found], exporters


def _beside_us() -> _Installed:
    """The same, where the command runs in our own environment."""
    exporters = [entry.name for entry in entry_points(group="opentelemetry_traces_exporter")]
    if find_spec("opentelemetry.distro") is None:
        return None, [], exporters
    mechanism = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    folders = list(mechanism.submodule_search_locations or ()) if mechanism is not None else []
    found = [(entry.name, entry.dist.name.lower()) for entry in entry_points(group=_GROUP) if entry.dist]
    return next(iter(folders), None), found, exporters
