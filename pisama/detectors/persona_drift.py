"""Persona drift: an agent steps out of the role it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.issue import Evidence, Issue
from pisama.out_of_role import Departure, departures
from pisama.text import quote
from pisama.trace import Trace


class PersonaDrift(Detector):
    """The agent leaves the role it was given.

    ## Why it is a failure

    Roles divide responsibility. An agent that does what its role excludes bypasses a control, and one that
    writes other parties' lines itself works on words nobody said.

    ## What it does not flag

    Role changes announced by a handoff, quoting or summing up what another agent said, dialogues that the task
    asked for, labels such as `Note:`, and few-shot formats in prompts.

    ## How to fix it

    Stop the model at other parties' labels (stop sequences), take tools that the role excludes out of its list,
    and restate the role in one sentence at the end of the prompt.
    """

    id = "persona_drift"
    needs = frozenset({Needs.STEPS})
    tags = ("mast:FM-1.2",)
    signals: ClassVar[Mapping[str, Signal]] = {
        "speaks_for_agent": Signal("an agent writes another agent's turn", 45, 0.55),
        "invents_turn": Signal("an agent writes the user's words or a tool's result itself", 50, 0.6),
        "excluded_act": Signal("an agent does what its role excludes", 55, 0.6),
        "voice": Signal("an agent drops the character it must keep", 40, 0.7),
    }

    max_evidence: Annotated[int, Field(ge=1)] = 6
    """Steps shown for one drift; the others are only counted."""

    quiet = (
        Example(
            "a moderator who sums up what others said",
            """
            writer: The draft is ready.
            critic: It is too long.
            moderator: The writer has finished, and the critic finds it too long.
            """,
        ),
        Example(
            "a handoff that announces the change",
            """
            planner -> coder: Please write the code.
            coder: Here it is.
            """,
        ),
        Example(
            "a dialogue that the task asked for",
            """
            task: Write a short dialogue between a user and a clerk.
            author: User: Do you sell lamps?\\nClerk: We do.
            """,
        ),
        Example(
            "an act the role allows",
            """
            system: You are a reviewer. You must not edit files.
            reviewer: read_file(path="a.py") -> x = 1
            """,
        ),
    )
    fires = (
        Example(
            "a reviewer who edits",
            """
            system: You are a reviewer. You must not edit files.
            reviewer: edit_file(path="a.py", text="x = 2") -> ok
            """,
            at=(0,),
        ),
        Example(
            "an agent that invents the observation",
            """
            task: What is the weather in Oslo?
            helper: Thought: I check.\\nAction: weather(Oslo)\\nObservation: It is 20 degrees and sunny.\\nIt is sunny.
            """,
            at=(0,),
        ),
        Example(
            "an agent that writes the turns of two others",
            """
            writer: The draft is ready.
            critic: It is too long.
            moderator: Let us go on.\\nwriter: I have cut it.\\ncritic: Now it is fine.
            """,
            at=(2,),
        ),
        Example(
            "out of character",
            """
            system: You are Captain Nemo. Always stay in character.
            user: What do you eat?
            nemo: As an AI language model, I do not eat.
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each step against the roles of its agent and of the others."""
        found: dict[tuple[str, str, str], list[Departure]] = {}
        for departure in departures(trace):
            which = departure.kind, departure.step.agent, departure.subject
            found.setdefault(which, []).append(departure)
        for places in found.values():
            yield self._report(trace, places)

    def _report(self, trace: Trace, places: Sequence[Departure]) -> Issue:
        """The same departure of one agent, in all its places."""
        kind, step, _, subject, call, rule = places[0]
        again = f", in {len(places)} steps" if len(places) > 1 else ""
        told = f" although its role says “{quote(rule, width=100)}”" if rule else ""
        return self.issue(
            trace,
            kind,
            step,
            f"{step.agent} {_PHRASES[kind].format(subject=subject)}{told}{again}.",
            evidence=tuple(
                Evidence(place.shown, place.step.index, place.call) for place in places[: self.max_evidence]
            ),
            recommendation=_REMEDIES[kind].format(subject=subject),
            about=(kind, step.agent, subject),
            call=call,
        )


_PHRASES = {
    "speaks_for_agent": "wrote the turn of {subject} itself",
    "invents_turn": "wrote a turn of “{subject}” itself",
    "excluded_act": "called {subject}",
    "voice": "spoke of itself as a language model instead of staying in character",
}
_REMEDIES = {
    "speaks_for_agent": "Add “{subject}:” to the agent's stop sequences and tell it to hand over instead.",
    "invents_turn": "Add “{subject}:” to the stop sequences, so that the real one is waited for.",
    "excluded_act": "Take {subject} out of this agent's tools; a rule in the prompt alone does not hold.",
    "voice": "Restate the persona at the end of the prompt and give one example of an awkward question in character.",
}
