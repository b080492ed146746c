"""What an analysis is told: which detectors, with which options, and what to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pisama.issue import Level

DEFAULT_MIN_CONFIDENCE = 0.4


class Config(BaseModel):
    """Settings of one analysis; every field has a flag of the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    select: frozenset[str] | None = None
    """Run only these detectors."""
    ignore: frozenset[str] = frozenset()
    """Do not run these detectors."""
    min_severity: Level = Level.LOW
    """Issues below this level are counted, not shown."""
    min_confidence: Annotated[float, Field(ge=0, le=1)] = DEFAULT_MIN_CONFIDENCE
    """Issues below this confidence are counted, not shown."""
    plugins: bool = True
    """Whether detectors of other packages (entry point group `pisama.detectors`) run too."""
    options: Mapping[str, Mapping[str, JsonValue]] = {}
    """Options of detectors, by detector id."""
