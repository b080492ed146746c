"""The detectors: one file, one failure. This tuple is the registry."""

from __future__ import annotations

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.detectors.context_neglect import ContextNeglect
from pisama.detectors.corruption import Corruption
from pisama.detectors.decomposition import Decomposition
from pisama.detectors.derailment import Derailment
from pisama.detectors.hallucination import Hallucination
from pisama.detectors.injection import Injection
from pisama.detectors.instruction import Instruction
from pisama.detectors.loop import Loop
from pisama.detectors.malformed_output import MalformedOutput
from pisama.detectors.overflow import Overflow
from pisama.detectors.persona_drift import PersonaDrift
from pisama.detectors.retrieval import Retrieval
from pisama.detectors.tool_error import ToolError
from pisama.detectors.tool_misuse import ToolMisuse

BUILT_IN: tuple[type[Detector], ...] = (
    Loop,
    ContextNeglect,
    Hallucination,
    Derailment,
    Instruction,
    MalformedOutput,
    PersonaDrift,
    ToolMisuse,
    ToolError,
    Decomposition,
    Retrieval,
    Overflow,
    Corruption,
    Injection,
)
"""Every detector of this package, in the order of the documentation."""

__all__ = ["BUILT_IN", "Detector", "Example", "Needs", "Signal"]
