"""The settings for docs/config.md, and the JSON Schemas of the settings and of the JSON report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel

from pisama.config import Config, Suppression, Watching
from pisama.detectors.base import Detector
from pisama.explained import fields_explained
from pisama.limits import DEFAULT, NAMES, SIZES, Limits
from pisama.output.as_json import ReportShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNSET = "not set"


def report_schema() -> dict[str, Any]:
    """JSON Schema of what `--format json` writes."""
    return {
        "$schema": DIALECT,
        **ReportShape.model_json_schema(mode="serialization"),
        "title": "Report of pisama, schema 1",
    }


def config_schema(kinds: Iterable[type[Detector]]) -> dict[str, Any]:
    """JSON Schema of `pisama.toml`, and of the table `tool.pisama` of `pyproject.toml`."""
    schema = Config.model_json_schema()
    for no_setting in ("folder", "base_url"):
        schema["properties"].pop(no_setting)
    _explain(schema, Config)
    for cls in (Suppression, Watching, Limits):
        _explain(schema["$defs"][cls.__name__], cls)
    schema["$defs"]["Limits"] |= {"additionalProperties": False}
    for name in SIZES:
        schema["$defs"]["Limits"]["properties"][name] |= {"type": ["integer", "string"]}
    detectors = {}
    for kind in kinds:
        options = kind.model_json_schema()
        _explain(options, kind)
        detectors[kind.id] = {**options, "title": kind.id, "description": kind.title()}
    schema["properties"]["options"] |= {
        "properties": detectors,
        "additionalProperties": {
            "type": "object",
            "description": "Options of a detector of another package.",
        },
    }
    return {"$schema": DIALECT, **schema, "title": "Settings of pisama"}


def _explain(schema: dict[str, Any], cls: type) -> None:
    explained = fields_explained(cls)
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        if name in explained:
            field["description"] = " ".join(explained[name].split())


def config_page(kinds: Iterable[type[Detector]]) -> str:
    """Every setting and every option of a detector, as a Markdown page."""
    parts = [
        _INTRODUCTION,
        "## Settings",
        _settings(),
        "## Suppressions",
        _SUPPRESSIONS,
        _fields(Suppression),
        "## Limits",
        _LIMITS,
        _limits(),
        "## Watching",
        _WATCHING,
        _fields(Watching),
    ]
    parts += ["## Options of detectors", _OPTIONS]
    for kind in kinds:
        if kind.model_fields:
            parts += [f"### {kind.id}", _fields(kind)]
    return "\n\n".join(parts) + "\n"


def _settings() -> str:
    explained = fields_explained(Config)
    rows = ["| setting | default | flag | environment | |", "|---|---|---|---|---|"]
    for name, field in Config.model_fields.items():
        if field.exclude:
            continue
        flag, environment = _DOORS.get(name, (f"--{name.replace('_', '-')}", f"PISAMA_{name.upper()}"))
        cells = (
            f"`{name}`",
            _default(field.get_default(call_default_factory=True)),
            f"`{flag}`" if flag else "",
            f"`{environment}`" if environment else "",
            " ".join(explained[name].split()),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _fields(cls: type[BaseModel]) -> str:
    explained = fields_explained(cls)
    rows = ["| | type | default | |", "|---|---|---|---|"]
    for name, field in cls.model_fields.items():
        kinds = {field.annotation, *get_args(field.annotation)}
        kind = "number" if float in kinds else "integer" if int in kinds else "text"
        default = "required" if field.is_required() else _default(field.default)
        meaning = " ".join(explained.get(name, "").split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {default} | {meaning} |")
    return "\n".join(rows)


def _limits() -> str:
    explained = fields_explained(Limits)
    rows = (
        f"| `{name}` | {_default(DEFAULT.written(name))} | {' '.join(explained[name].split())} |"
        for name in NAMES
    )
    return "\n".join(("| | default | |", "|---|---|---|", *rows))


def _default(value: object) -> str:
    if value is None:
        return _UNSET
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, Limits):
        return "see below"
    return "none" if value in (frozenset(), (), {}, Watching()) else f"`{value}`"


_DOORS = {
    "plugins": ("--no-plugins", "PISAMA_PLUGINS"),
    "cache": ("--no-cache", "PISAMA_CACHE"),
    "suppress": ("", ""),
    "limits": ("--limit text=256MB", "PISAMA_LIMITS__TEXT"),
    "watch": ("--max-steps 200", "PISAMA_WATCH__MAX_STEPS"),
    "options": ("--option loop.min_repeats=4", "PISAMA_OPTIONS__LOOP__MIN_REPEATS"),
}
"""The flag and the name in the environment where they do not follow from the name."""

_INTRODUCTION = """\
# Configuration

Settings stand in `pisama.toml`, or in the table `[tool.pisama]` of `pyproject.toml`. The nearest file counts: that of the
working directory, else of the folder above it, and so on; in one folder `pisama.toml` comes first. `--config FILE` or
`PISAMA_CONFIG` name another one, `--isolated` leaves files and the environment out.

A flag goes before the environment, the environment before the file, the file before the default. A name that is not
known is an error with a suggestion, in a file and in the environment. `pisama analyze --show-config` prints the settings
in force and where each comes from.

```toml
#:schema docs/config.schema.json
min_confidence = 0.6
fail_on = "medium"
ignore = ["persona_drift"]
baseline = ".pisama-baseline.json"

[options.loop]
min_repeats = 4

[[suppress]]
detector = "tool_error"
path = "traces/legacy/**"
reason = "The old service is switched off in May."
```

Lists in the environment have commas between their items. The path of a baseline is relative to the folder of the file
that names it. [config.schema.json](config.schema.json) is the JSON Schema of these settings, for editors, and
[report.schema.json](report.schema.json) that of `--format json`."""

_SUPPRESSIONS = """\
An issue that a suppression names is left out of the issues and counted as suppressed; SARIF has it with its reason. The
reason is required. `pisama analyze --format json` shows the fingerprint of an issue."""

_LIMITS = """\
`[limits]` sets them in a file: `file = "2GB"`. `--limit NAME=VALUE` sets one for a command, and `Config(limits=Limits(file=2 *
1024**3))` or `pisama.load(source, limits=Limits(…))` in a program. KB, MB and GB are powers of 1024. What is beyond a limit is
an error that names its place and the limit; the rest is read, and the exit code is 3."""

_WATCHING = """\
`[watch]` sets them in a file, flags of `pisama watch` for one command. Where it saves, and what it follows, is said with
each command."""

_OPTIONS = """\
`[options.ID]` sets them in a file. Options of detectors from other packages work the same way; `pisama detectors ID`
lists them."""
