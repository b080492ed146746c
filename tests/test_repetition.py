"""Repetition: runs of equal states, acts that differ only in wording, outputs said again, and what they cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pisama.features import features
from pisama.repetition import Run, recorded_tokens, repeated_outputs, runs, sequences, waste
from pisama.stalls import measures
from pisama.transcript import parse
from tests.hanging import no_hang


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("aaa", [Run(0, 1, 3)]),
        ("aab", []),
        ("xababab", [Run(1, 2, 6)]),
        ("abababx", [Run(0, 2, 6)]),
        ("ababa", []),
        ("abcabcabcab", [Run(0, 3, 11)]),
        ("aabaabaab", [Run(0, 3, 9)]),
        ("aaabbb", [Run(0, 1, 3), Run(3, 1, 3)]),
        ("abcdef", []),
        ("", []),
    ],
)
def test_runs_are_found_with_their_period_and_length(states: str, expected: list[Run]) -> None:
    assert list(runs([ord(state) for state in states], max_period=12, min_laps=3)) == expected


@given(some.lists(some.integers(0, 3), max_size=60), some.integers(2, 4), some.integers(1, 6))
def test_every_run_repeats_its_block_and_none_overlap(states: list[int], laps: int, longest: int) -> None:
    covered: set[int] = set()
    for run in runs(states, longest, laps):
        block = states[run.start : run.start + run.period]
        assert run.laps >= laps
        assert run.period <= longest
        assert all(states[run.start + offset] == block[offset % run.period] for offset in range(run.length))
        items = set(range(run.start, run.start + run.length))
        assert not items & covered
        covered |= items


@given(some.lists(some.integers(0, 2), max_size=40))
def test_no_repetition_of_a_single_state_is_missed(states: list[int]) -> None:
    found = {(run.start, run.length) for run in runs(states, 1, 3)}
    expected = set()
    begin = 0
    for end in range(1, len(states) + 1):
        if end == len(states) or states[end] != states[begin]:
            if end - begin >= 3:
                expected.add((begin, end - begin))
            begin = end
    assert found == expected


def test_a_hundred_thousand_states_take_a_moment() -> None:
    states = [bin(number).count("1") % 2 for number in range(100_000)]
    with no_hang():
        assert list(runs(states, max_period=12, min_laps=3)) == []


def _acts(transcript: str) -> dict[str, list[int]]:
    trace = parse(transcript)
    return {
        agent: [number for _, number in sequence]
        for agent, sequence in sequences(trace, features(trace).calls).items()
    }


def test_arguments_in_another_order_and_case_are_the_same_act() -> None:
    acts = _acts("""
        task: x
        agent: find(name="Ada Lovelace", year=1843) -> nothing known
        agent: find(year=1843, name="ada lovelace") -> nothing known
        """)
    assert len(set(acts["agent"])) == 1


def test_another_number_or_another_path_is_another_act() -> None:
    acts = _acts("""
        task: x
        agent: read(path="/a/very/long/path/to/some/file/one.py", page=1) -> empty file
        agent: read(path="/a/very/long/path/to/some/file/two.py", page=1) -> empty file
        agent: read(path="/a/very/long/path/to/some/file/two.py", page=2) -> empty file
        """)
    assert len(set(acts["agent"])) == 3


def test_errors_that_only_repeat_the_arguments_are_the_same() -> None:
    acts = _acts("""
        task: x
        agent: scroll(to="") -> error: scroll failed with '': unexpected argument
        agent: scroll(to={}) -> error: scroll failed with {}: unexpected argument
        """)
    assert len(set(acts["agent"])) == 1


def test_two_agents_never_share_an_act() -> None:
    acts = _acts("""
        task: x
        one: get(id=1) -> a
        two: get(id=1) -> a
        """)
    assert set(acts["one"]).isdisjoint(acts["two"])


def test_a_read_after_new_words_of_the_user_is_a_new_act_but_a_failure_is_not() -> None:
    acts = _acts("""
        task: x
        user: first question
        agent: get(id=1) -> a
        agent: pay(id=1) -> error: declined
        user: second question
        agent: get(id=1) -> a
        agent: pay(id=1) -> error: declined
        """)["agent"]
    assert (acts[0] == acts[2], acts[1] == acts[3]) == (False, True)


def test_waste_counts_a_step_only_when_all_its_calls_were_needless() -> None:
    trace = parse("""
        task: x
        agent [tokens=100/10 cost=0.5]: One.
          get(id=1) -> a
        agent [tokens=200/20 cost=0.25]: Two.
          get(id=1) -> a
          get(id=2) -> b
        agent [tokens=300/30 cost=0.25]: Three.
          get(id=1) -> a
        """)
    table = features(trace)
    loss = waste(table, [table.calls[1], table.calls[3]], recorded_tokens(trace))
    assert (loss.calls, loss.tokens, loss.cost, loss.share) == (2, 330, 0.25, 0.5)
    assert str(loss) == "2 needless calls, 330 tokens, $0.2500"


def test_outputs_are_compared_without_times_and_across_an_answer_in_between() -> None:
    trace = parse("""
        task: x
        agent: The archive of letters was opened 3 seconds ago and shows page one of one with no sketch, stamp, or seal inside.
        agent: Let me rather consult the register of births kept by the parish between the wars for a trace of him.
        agent: The archive of letters was opened 9 seconds ago and shows page one of one with no sketch, stamp, or seal inside.
        """)
    assert [[step.index for step in steps] for steps in repeated_outputs(trace, 0.75)] == [[0, 2], [1]]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("epoch 3: val_loss=0.52, accuracy: 0.81", (("accuracy", "0.81"), ("val_loss", "0.52"))),
        ("3 failed, 9 passed", (("failed", "3"),)),
        ("0 failed, 12 passed", ()),
        ("accuracy 100 %", ()),
        ("The committee met 3 times.", ()),
    ],
)
def test_measures_are_those_that_could_still_improve(
    report: str, expected: tuple[tuple[str, str], ...]
) -> None:
    assert measures(report) == expected
