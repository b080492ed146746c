"""What an analysis is told: which detectors, with which options, and what to show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from pisama.issue import Level, Tier
from pisama.limits import DEFAULT, Limits

DEFAULT_MIN_CONFIDENCE = 0.4


class ConfigError(ValueError):
    """A setting that cannot be followed; the message says which and why, in one line."""


class Suppression(BaseModel):
    """Issues that are left out on purpose. All that is said of them must hold: detector, path and fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    detector: str | None = None
    """Id of a detector, or one signal of it: `loop`, `loop.identical`."""
    path: str | None = None
    """Pattern for the trace file. `*` stands for any part of a name, `**` for any folders. Without a slash it is
    compared with the name of the file, otherwise with its path from the folder of the configuration."""
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    """Fingerprint of one issue."""
    reason: Annotated[str, Field(min_length=1)]
    """Why; it is shown with the issue."""

    @model_validator(mode="after")
    def _says_what(self) -> Suppression:
        if self.detector is None and self.path is None and self.fingerprint is None:
            raise ValueError("says neither detector nor path nor fingerprint")
        return self


class Watching(BaseModel):
    """When `pisama watch` stops the command it runs; None never."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    stop_on: str | None = None
    """A level, or the id of a detector: an issue at or above the one, or of the other, stops the command."""
    max_cost: Annotated[float | None, Field(ge=0)] = None
    """USD that its calls of models may cost."""
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    """Tokens that they may use."""
    max_steps: Annotated[int | None, Field(ge=1)] = None
    """How many there may be."""
    timeout: Annotated[float | None, Field(ge=0)] = None
    """Seconds that it may take."""


class Config(BaseModel):
    """Settings of one analysis. `pisama.toml`, the environment and flags of the same names fill it."""

    # `use_attribute_docstrings` would parse the source at each start: see `pisama.explained`. What checks settings is
    # built when there are some.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    select: frozenset[str] | None = None
    """Run only these detectors."""
    ignore: frozenset[str] = frozenset()
    """Do not run these detectors."""
    min_severity: Level = Level.LOW
    """Issues below this level are counted, not shown."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = DEFAULT_MIN_CONFIDENCE
    """Issues below this confidence are counted, not shown."""
    fail_on: Level = Level.HIGH
    """A command, or a test, fails when an issue is at or above this level."""
    detector_seconds: Annotated[float, Field(gt=0)] = 60
    """Processor time that a detector may use on one trace; then it is reported as skipped, with what it found so far."""
    plugins: bool = True
    """Whether detectors of other packages (entry point group `pisama.detectors`) run too."""
    baseline: Path | None = None
    """File written by `pisama baseline`; the issues in it are left out."""
    suppress: tuple[Suppression, ...] = ()
    """Issues that are left out on purpose, each with its reason."""
    options: Mapping[str, Mapping[str, JsonValue]] = {}
    """Options of detectors, by detector id; `pisama detectors ID` lists them."""
    model: str | None = None
    """The model that `--attribute` asks, as PROVIDER:NAME."""
    base_url: str | None = None
    """Where that model is served, when not by its provider. Not in a file, since the key of the provider goes there."""
    tier: Tier = "heuristic"
    """With `llm` the model that is asked may also add issues of kinds that no detector knows."""
    escalate: Literal["always", "unsure", "never"] = "unsure"
    """Which runs it is asked about: `unsure` are failed ones where the answer without a model has a confidence
    below 0.45."""
    max_cost: Annotated[float, Field(ge=0)] = 1.0
    """USD that calls of the model may cost together, by published prices; the rest goes without a model."""
    max_traces: Annotated[int, Field(ge=0)] | None = None
    """The model is called for at most so many traces; the rest goes without it."""
    judge_timeout: Annotated[float, Field(gt=0)] = 180.0
    """Seconds that one answer of the model may take, repeated calls included."""
    stream: bool = False
    """Whether its answers are taken as a stream, for servers and gateways that close a connection which is quiet."""
    cache: bool = True
    """Whether answers of the model are kept on disk, and used again for the same question."""
    limits: Limits = DEFAULT
    """How much is read at most."""
    watch: Watching = Watching.model_construct()
    """When `pisama watch` stops the command it runs."""
    folder: Annotated[Path | None, Field(exclude=True)] = None
    """What the paths of suppressions are relative to; None is the working directory. No setting of its own: it is
    the folder of the file that the settings came from."""
