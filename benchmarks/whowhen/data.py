"""Reading Who&When: the conversation without the labels, and the labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.data import DataMissingError, as_object, as_objects, as_text, read_json
from pisama.trace import JSON

SUBSETS = ("Algorithm-Generated", "Hand-Crafted")
_ANSWERS = ("mistake_agent", "mistake_step", "mistake_reason", "ground_truth", "is_correct", "is_corrected")
"""What a run could not know: the labels and the right answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """One failed conversation and its label."""

    id: str
    subset: str
    blind: dict[str, JSON]
    """The record without labels and without the right answer."""
    speakers: tuple[str, ...]
    """Who wrote each message, by position."""
    agent: str
    """Gold: who made the decisive mistake."""
    step: int
    """Gold: position of the message that holds it."""


def find_cases(data: Path) -> list[Case]:
    """Every case, ordered by subset and id. Raises `DataMissingError`."""
    found: list[Case] = []
    for subset in SUBSETS:
        folder = data / subset
        paths = sorted(folder.glob("*.json"), key=lambda path: (len(path.stem), path.stem))
        if not paths:
            raise DataMissingError(f"no cases in {folder}; Who&When has the folders {' and '.join(SUBSETS)}")
        found.extend(_case(path, subset) for path in paths)
    return found


def _case(path: Path, subset: str) -> Case:
    record = as_object(read_json(path))
    step = as_text(record.get("mistake_step")) or str(record.get("mistake_step"))
    if not step.strip().isdigit():
        raise DataMissingError(f"{path} has no mistake_step")
    return Case(
        id=f"{subset}/{path.stem}",
        subset=subset,
        blind={key: value for key, value in record.items() if key not in _ANSWERS},
        speakers=tuple(_speaker(item) for item in as_objects(record.get("history"))),
        agent=as_text(record.get("mistake_agent")),
        step=int(step),
    )


def _speaker(message: dict[str, JSON]) -> str:
    """The name, or the role up to the parenthesis that tells whom it addresses."""
    return as_text(message.get("name")) or as_text(message.get("role")).split(" (", 1)[0]
