"""What kind of span this is: a short ordered list over its signs, and the shares of categories of each kind.

The first kind whose signs a span has is its kind. A sign in a kind may be one of several ("a|b");
all of a kind's must be there. The list says in a page what the benchmark's labels hang on, and holds against
a sample of 71 traces what a model with more freedom loses to chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.trail.spans import Candidate

Matrix: TypeAlias = npt.NDArray[np.float64]
"""Labels of spans, 0 or 1, or shares of labels. Shape (spans, labels) or (kinds, labels)."""

SMOOTHING = 2.0
"""Weight, in spans, of the share among all spans in the share of a kind."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "call: answer of the only agent": ("tool answer, only agent",),
    "call: last of a run of wrong arguments": (
        "tool",
        "tool: failed: arguments",
        "tool: last failure of a run",
    ),
    "call: in a run of wrong arguments": ("tool", "tool: failed: arguments", "tool: in a run of failures"),
    "call: wrong arguments": ("tool", "tool: failed: arguments"),
    "call: failed": ("tool", "tool: failed"),
    "call: searched again": ("tool", "tool: searched for nearly the same|tool: searched after a failure"),
    "call: searched": ("tool", "tool: searched"),
    "call": ("tool",),
    "act on a plan without tools": ("issue decomposition.no_tool",),
    "answer that claims a retrieval": ("issue hallucination.retrieval_claimed",),
    "answer without a basis": ("issue without basis|issue grounding.answer",),
    "guess": ("issue hallucination.guessed|issue hallucination.simulated",),
    "request for a file that was missing": ("issue tool_error.missing_again",),
    "step after a text was taken for a list": ("after issue tool_misuse.letters",),
    "failing program after a failing one": ("after a failure: program", "failed: program"),
    "step after a failing program": ("after a failure: program",),
    "request that was only printed": ("issue unexecuted_action.printed|evidence unexecuted_action.printed",),
    "wrong arguments again": ("failed: arguments", "after a failure: arguments"),
    "wrong arguments": ("failed: arguments",),
    "step after wrong arguments": ("after a failure: arguments",),
    "step after another failure": ("after a failure: other",),
    "step after nothing was found": ("after a failure: nothing found",),
    "nothing was found": ("failed: nothing found",),
    "second program of the only agent": ("program 2, only agent",),
    "more at once than allowed": (
        "evidence instruction.too_much_at_once|issue instruction.too_much_at_once",
    ),
    "program of the only agent": ("part program, only agent",),
    "program": ("part program",),
    "surrender": ("issue instruction.surrender|evidence instruction.surrender",),
    "plan of the main agent": ("part opening 2", "main agent"),
    "plan of a manager": ("part opening 2", "manager"),
    "plan of a delegate": ("part opening 2",),
    "opening": ("part opening 1",),
    "second pause": ("part pause 2",),
    "pause": ("part pause 1",),
    "answer of the main agent": ("part answer, main agent",),
    "answer of a manager": ("part answer, manager",),
    "answer": ("part answer",),
    "end": ("part end",),
    "searched again": ("searched for nearly the same",),
    "searched": ("searched",),
    "anything else": (),
}

_NAMES = tuple(KINDS)
_RULES = tuple(tuple(frozenset(either.split("|")) for either in rule) for rule in KINDS.values())


def kind_of(candidate: Candidate) -> int:
    """Position in `KINDS` of the span's kind."""
    return next(
        number for number, rule in enumerate(_RULES) if all(either & candidate.signs for either in rule)
    )


def kind_shares(kinds: Sequence[int], labels: Matrix) -> Matrix:
    """The smoothed share of each label among the spans of each kind. Shape (kinds, labels)."""
    hits, seen = _counted(kinds, labels)
    return _smoothed(hits, seen, hits.sum(axis=0) / max(1, len(kinds)))


def shares_without_own(kinds: Sequence[int], labels: Matrix, traces: Sequence[int]) -> Matrix:
    """For every span the shares of its kind among the spans of other traces. Shape (spans, labels)."""
    hits, seen = _counted(kinds, labels)
    overall = hits.sum(axis=0) / max(1, len(kinds))
    given, listed, owner = np.zeros(labels.shape), np.asarray(kinds), np.asarray(traces)
    for trace in np.unique(owner):
        own = owner == trace
        own_hits, own_seen = _counted(listed[own].tolist(), labels[own])
        given[own] = _smoothed(hits - own_hits, seen - own_seen, overall)[listed[own]]
    return given


def _counted(kinds: Sequence[int], labels: Matrix) -> tuple[Matrix, Matrix]:
    hits, seen = np.zeros((len(_NAMES), labels.shape[1])), np.zeros((len(_NAMES), 1))
    np.add.at(hits, list(kinds), labels)
    np.add.at(seen, list(kinds), 1)
    return hits, seen


def _smoothed(hits: Matrix, seen: Matrix, overall: Matrix) -> Matrix:
    given: Matrix = (hits + SMOOTHING * overall) / (seen + SMOOTHING)
    return given
