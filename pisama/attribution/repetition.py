"""Signs of repetition: of words, of results, of instructions, and what became of a result."""

from __future__ import annotations

from pisama.attribution.columns import Columns, flags, nearest
from pisama.attribution.deeds import result_stems, same_result, used
from pisama.attribution.run import Run, likeness, share

_BACK = 12
"""Steps looked back on for repetition."""


def repetition(run: Run) -> Columns:
    """How much each step repeats, is asked again, and brings what was asked for."""
    given = [step.recipient is not None for step in run.steps]
    instruction = nearest(given)
    next_one = [
        len(given) - 1 - position if position is not None else None
        for position in reversed(nearest(reversed(given)))
    ]
    instructions = [position for position, flag in enumerate(given) if flag]
    earlier = dict(
        zip(instructions, ([*instructions[max(0, n - 8) : n]] for n in range(len(instructions))), strict=True)
    )
    return {
        "repeats": [
            max(
                (likeness(stems, other) for other in run.stems[max(0, position - _BACK) : position]),
                default=0.0,
            )
            for position, stems in enumerate(run.stems)
        ],
        "same_result": flags(same_result(run)),
        "asked_again": [
            likeness(run.stems[one], run.stems[two])
            if one is not None and two is not None and not gives
            else 0.0
            for one, two, gives in zip(instruction, next_one, given, strict=True)
        ],
        "repeats_instruction": [
            max(
                (likeness(run.stems[position], run.stems[each]) for each in earlier.get(position, ())),
                default=0.0,
            )
            for position in range(len(given))
        ],
        "result_on_topic": [
            share(run.stems[one], result_stems(run, position))
            if one is not None and run.calls[position]
            else 0.5
            for position, one in enumerate(instruction)
        ],
        "result_used": [used(run, position) for position in range(len(run.steps))],
    }
