"""Says what went wrong in a run of an LLM agent: what failed, where, how sure it is, what to change.

>>> import pisama
>>> report = pisama.analyze("trace.json")
>>> [issue.type for issue in report.issues]
['hallucination', 'loop']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pisama.version import __version__

if TYPE_CHECKING:
    from pisama.api import Loaded, analyze, load
    from pisama.config import Config, ConfigError, Suppression
    from pisama.detectors.base import Detector, Example, Needs, Signal
    from pisama.issue import Evidence, Issue, Level
    from pisama.limits import Limits
    from pisama.report import InterruptedAnalysisError, LoadError, ModelUsage, Report, TraceReport
    from pisama.settings import load_config
    from pisama.trace import Step, ToolCall, Trace

_HOMES = {
    "analyze": "api",
    "load": "api",
    "Loaded": "api",
    "Config": "config",
    "ConfigError": "config",
    "Suppression": "config",
    "load_config": "settings",
    "Detector": "detectors.base",
    "Example": "detectors.base",
    "Needs": "detectors.base",
    "Signal": "detectors.base",
    "Evidence": "issue",
    "Issue": "issue",
    "Level": "issue",
    "Limits": "limits",
    "InterruptedAnalysisError": "report",
    "LoadError": "report",
    "ModelUsage": "report",
    "Report": "report",
    "TraceReport": "report",
    "Step": "trace",
    "ToolCall": "trace",
    "Trace": "trace",
}


def __getattr__(name: str) -> object:
    # Imported when first used, so that `pisama --help` does not wait for what it does not need.
    if name not in _HOMES:
        raise AttributeError(f"module 'pisama' has no attribute {name!r}")
    return getattr(import_module(f"pisama.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Config",
    "ConfigError",
    "Detector",
    "Evidence",
    "Example",
    "InterruptedAnalysisError",
    "Issue",
    "Level",
    "Limits",
    "LoadError",
    "Loaded",
    "ModelUsage",
    "Needs",
    "Report",
    "Signal",
    "Step",
    "Suppression",
    "ToolCall",
    "Trace",
    "TraceReport",
    "__version__",
    "analyze",
    "load",
    "load_config",
]
