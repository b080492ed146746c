"""The commands, through the real door, on tiny data made by this project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attribution.judging import environment
from tests.benchmarks.made_data import LEAK, make_labelled_runs, make_trail, make_whowhen
from tests.watch.provider import serving

ROOT = Path(__file__).parent.parent.parent
MODULES = ("trail", "whowhen", "healthy", "injection", "calibrate")


def run(
    module: str, *arguments: object, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_folder_is_one_clear_error(module: str, tmp_path: Path) -> None:
    done = run(module, tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "nowhere" in done.stderr


def test_help_names_the_data_it_wants() -> None:
    done = run("trail", "--help")
    assert done.returncode == 0
    assert "annotations" in done.stdout


@pytest.mark.parametrize("upstream", [False, True])
def test_trail_is_read_in_both_layouts_and_predicted_in_its_own_form(
    tmp_path: Path, *, upstream: bool
) -> None:
    data = make_trail(tmp_path / "data", upstream=upstream)
    done = run("trail", data, "--json", tmp_path / "figures.json", "--predictions", tmp_path / "predicted")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pair precision" in done.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["headline"] == "shipped table"
    validated = figures["figures"]["cross-validated by trace"]["together"]
    # The label on no span of the trace costs the two traces that carry it a third.
    assert validated["traces"] == 6
    assert validated["joint_accuracy"]["value"] == pytest.approx((4 + 2 * 2 / 3) / 6, abs=1e-4)
    written = sorted((tmp_path / "predicted").glob("*.json"))
    assert [path.stem for path in written] == [
        f"{split}-{n}" for split in ("gaia", "swe_bench") for n in range(3)
    ]
    assert all(set(json.loads(path.read_text())) == {"errors", "scores"} for path in written)
    assert LEAK not in "".join(path.read_text() for path in written)


def test_the_oracle_protocol_shows_its_false_fires(tmp_path: Path) -> None:
    data = make_trail(tmp_path / "data")
    done = run("trail", data, "--protocol", "oracle", "--json", tmp_path / "figures.json")
    assert (done.returncode, done.stderr) == (0, "")
    together = json.loads((tmp_path / "figures.json").read_text())["together"]
    assert together["asked"] == 14
    assert together["balanced_accuracy"] == pytest.approx(
        (together["recall"] + 1 - together["false_fire_rate"]) / 2, abs=1e-4
    )


def test_the_same_traces_give_the_same_figures(tmp_path: Path) -> None:
    data = make_trail(tmp_path / "data")
    for name in ("one.json", "two.json"):
        assert run("trail", data, "--json", tmp_path / name).returncode == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_whowhen_is_answered_without_its_labels(tmp_path: Path) -> None:
    data = make_whowhen(tmp_path / "data")
    done = run(
        "whowhen", data, "--json", tmp_path / "figures.json", "--predictions", tmp_path / "answers.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    together = json.loads((tmp_path / "figures.json").read_text())["figures"]["together"]
    assert together["last speaker"]["step"]["value"] == 0.5
    assert set(json.loads((tmp_path / "answers.json").read_text())) == {
        "Algorithm-Generated/1",
        "Hand-Crafted/1",
    }
    assert LEAK not in (tmp_path / "answers.json").read_text()


def test_a_model_is_asked_who_and_when_and_an_unfinished_run_goes_on(tmp_path: Path) -> None:
    data = make_whowhen(tmp_path / "data")
    right = {"reason": "It counted.", "step": 1, "agent": "Counter", "confidence": 0.9}
    with serving({"name": "answer", "arguments": right}) as provider:
        asking = (data, "--model", "anthropic:claude-sonnet-5", "--base-url", provider.url)
        env = environment(tmp_path / "cache")
        planned = run("whowhen", *asking, "--dry-run", env=env)
        assert "2 calls for 2 of 2 traces" in planned.stdout
        assert provider.requests == []
        first = run("whowhen", *asking, "--max-traces", "1", env=env)
        assert first.stderr == "1 of 2 without anthropic:claude-sonnet-5: max_traces is 1\n"
        assert "1 of 2 cases answered" in " ".join(first.stdout.split())
        assert len(provider.requests) == 1
        done = run("whowhen", *asking, "--json", tmp_path / "figures.json", env=env)
        # The run of the other subset has no step 1 of Counter, so it is asked about twice, in vain.
        assert len(provider.requests) == 3
    assert LEAK not in json.dumps(provider.requests)
    found = json.loads((tmp_path / "figures.json").read_text())
    assert (found["answered"], found["cases"], found["usage"]["calls"], found["usage"]["cached"]) == (
        1,
        2,
        3,
        1,
    )
    assert found["cost_per_case"] == pytest.approx(3 * 0.0002)
    told = found["figures"]["Algorithm-Generated"]
    assert told["the model, where it answered"]["step"]["value"] == 1
    assert "the model, where it answered" not in found["figures"]["Hand-Crafted"]
    assert "0.000600 USD a case" in " ".join(done.stdout.split())


def test_the_weights_of_who_and_when_are_fitted_to_the_same_bytes(tmp_path: Path) -> None:
    data = make_whowhen(tmp_path / "data", repeats=6)
    written = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in written:
        done = run("whowhen", data, "--fit", "--weights", path, "--shuffles", "0")
        assert (done.returncode, done.stderr) == (0, "")
    assert written[0].read_bytes() == written[1].read_bytes()
    weights = json.loads(written[0].read_text())
    assert set(weights) == {"fitted_on", "led", "unled"}
    assert any(weights["unled"]["weights"].values())


def test_who_and_when_is_cross_validated_with_and_without_signs_of_order(tmp_path: Path) -> None:
    data = make_whowhen(tmp_path / "data", repeats=12)
    done = run("whowhen", data, "--shuffles", "1", "--json", tmp_path / "figures.json")
    assert (done.returncode, done.stderr) == (0, "")
    figures = json.loads((tmp_path / "figures.json").read_text())
    told = figures["figures"]["Algorithm-Generated"]
    # Every case is the same run, so what was fitted on the others finds the step.
    for system in ("pisama, cross-validated", "the same without signs of order"):
        assert (told[system]["agent"]["value"], told[system]["step"]["value"]) == (1.0, 1.0)
    assert told["a message at random"]["step"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert sum(each["cases"] for each in figures["confidence"]) == 24


def test_weights_without_a_labelled_step_are_one_clear_error(tmp_path: Path) -> None:
    data = make_whowhen(tmp_path / "data", step="77")
    done = run("whowhen", data, "--fit", "--weights", tmp_path / "weights.json", "--shuffles", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no run has a labelled step\n"
    assert not (tmp_path / "weights.json").exists()


def test_the_gate_opens_within_the_limits_and_closes_over_them(tmp_path: Path) -> None:
    data = make_labelled_runs(tmp_path / "data")
    done = run(
        "healthy", data, "--max-high", "1", "--max-medium-detector", "1", "--json", tmp_path / "figures.json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    together = json.loads((tmp_path / "figures.json").read_text())["runs"]["together"]["low"]
    assert (together["right_runs"], together["wrong_runs"]) == (2, 2)
    closed = run("healthy", data, "--max-high", "-0.01", "--max-medium-detector", "1")
    assert closed.returncode == 1
    assert "of right runs have an issue at or above high; the limit is -1.0%" in closed.stdout


def test_an_obeyed_order_is_found_on_the_unsafe_run_only(tmp_path: Path) -> None:
    data = make_labelled_runs(tmp_path / "data")
    done = run("injection", data, "--json", tmp_path / "figures.json")
    assert (done.returncode, done.stderr) == (0, "")
    groups = json.loads((tmp_path / "figures.json").read_text())["groups"]
    assert groups["unsafe, prompt injection"]["high"]["fired"] == 1
    assert groups["safe, all"]["low"]["fired"] == 0


def test_confidences_are_the_same_at_every_run(tmp_path: Path) -> None:
    data = make_labelled_runs(tmp_path / "data")
    make_trail(data / "trail")
    for name in ("one.json", "two.json"):
        done = run("calibrate", data, "--output", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, "")
    table = json.loads((tmp_path / "one.json").read_text())
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert table["loop.failing"] > 0.9


def test_the_curve_is_drawn_as_png_and_svg(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `benchmarks` is not installed")
    done = run("trail", make_trail(tmp_path / "data"), "--curve", tmp_path / "curve")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "curve.svg").read_text()
