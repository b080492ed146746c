"""The detectors: one file, one failure. This tuple is the registry."""

from __future__ import annotations

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.detectors.completion import Completion
from pisama.detectors.context_neglect import ContextNeglect
from pisama.detectors.coordination import Coordination
from pisama.detectors.corruption import Corruption
from pisama.detectors.decomposition import Decomposition
from pisama.detectors.derailment import Derailment
from pisama.detectors.grounding import Grounding
from pisama.detectors.hallucination import Hallucination
from pisama.detectors.injection import Injection
from pisama.detectors.instruction import Instruction
from pisama.detectors.loop import Loop
from pisama.detectors.malformed_output import MalformedOutput
from pisama.detectors.overflow import Overflow
from pisama.detectors.persona_drift import PersonaDrift
from pisama.detectors.retrieval import Retrieval
from pisama.detectors.specification import Specification
from pisama.detectors.tool_error import ToolError
from pisama.detectors.tool_misuse import ToolMisuse
from pisama.detectors.unexecuted_action import UnexecutedAction
from pisama.detectors.withholding import Withholding

BUILT_IN: tuple[type[Detector], ...] = (
    Loop,
    ContextNeglect,
    Specification,
    Hallucination,
    Grounding,
    Derailment,
    Instruction,
    MalformedOutput,
    PersonaDrift,
    Completion,
    ToolMisuse,
    ToolError,
    Decomposition,
    UnexecutedAction,
    Coordination,
    Withholding,
    Retrieval,
    Overflow,
    Corruption,
    Injection,
)
"""Every detector of this package, in the order of the documentation."""

__all__ = ["BUILT_IN", "Detector", "Example", "Needs", "Signal"]
