"""The type of a plan and of its steps."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["open", "active", "done"]


class PlanStep(NamedTuple):
    """One step of a plan."""

    text: str
    """What is to be done, without its number; lines nested below it included."""
    key: str
    """How the plan itself numbers or names the step; empty for a bullet."""
    owner: str | None = None
    """Who is to do it, when a field or a leading name says so."""
    tool: str | None = None
    """What it is to be done with, when a field says so."""
    state: State | None = None
    """How far it is, when the plan keeps track of that."""
    depends: tuple[str, ...] = ()
    """Keys of the steps whose results it needs."""


class Plan(NamedTuple):
    """Steps in the order in which they were written; never empty."""

    steps: tuple[PlanStep, ...]
    announced: bool
    """A heading, a field or a check list says that this is a plan; otherwise its wording does."""
    structured: bool = False
    """It came as JSON."""

    @property
    def text(self) -> str:
        """The steps' words, one step a line."""
        return "\n".join(step.text for step in self.steps)
