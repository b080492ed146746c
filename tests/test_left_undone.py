"""What a run that came to an end had still to do."""

from __future__ import annotations

import pytest

from pisama.features import features
from pisama.left_undone import left_undone
from pisama.transcript import parse


def _found(transcript: str) -> list[tuple[str, tuple[str, ...]]]:
    trace = parse(transcript)
    return [(found.signal, found.about) for found in left_undone(trace, features(trace), max_attempts=2)]


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("It is done.", [("open_items", ("Write the tests",))]),
        ("- [x] Read the code\\n- [x] Write the tests\\n- [ ] Report the result", []),
        ("I was unable to find the tests.", []),
    ],
)
def test_the_last_list_in_the_agents_words_is_held_against_the_end(
    end: str, found: list[tuple[str, tuple[str, ...]]]
) -> None:
    items = "- [x] Read the code\\n- [ ] Write the tests\\n- [ ] Report the result"
    assert _found(f"task: Improve it.\nagent: My list:\\n{items}\nagent: {end}") == found


@pytest.mark.parametrize(
    ("result", "gave_up"), [(" -> No results found.", True), ("", False)], ids=["recorded", "not recorded"]
)
def test_attempts_whose_results_were_not_recorded_do_not_tell_who_gave_up(result: str, gave_up: bool) -> None:
    run = f"""
        task: Find the opening year of the museum.
        tools: search(query), open_page(url)
        agent: search(query="museum opening year"){result}
        agent: I was unable to find the opening year.
        """
    assert _found(run) == ([("gave_up", ("unable to find the open",))] if gave_up else [])
