"""Detectors of other packages, from a package that is really built and installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("pisama")
TRACE = Path(__file__).parent.parent / "examples" / "healthy.messages.json"

DETECTOR = '''
from pisama import Detector, Evidence, Example, Needs, Signal


class Shouting(Detector):
    """An agent that shouts."""

    id = "{id}"
    needs = frozenset({{Needs.TEXT}})
    signals = {{"capitals": Signal("an answer", 65, 0.9)}}
    quiet = ()
    fires = ()

    def check(self, trace):
        {body}
        yield self.issue(
            trace, "capitals", trace.steps[-1], "It shouts.", evidence=(Evidence("HELLO"),),
            recommendation="Speak softly.", about=("shout",),
        )
'''
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "pisama-shouting"
version = "1.0"

[project.entry-points."pisama.detectors"]
shouting = "pisama_shouting:Shouting"
"""


def _install(folder: Path, identity: str = "shouting", body: str = "pass") -> Path:
    source = folder / "source" / "pisama_shouting"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(DETECTOR.format(id=identity, body=body))
    (folder / "source" / "pyproject.toml").write_text(PROJECT)
    target = folder / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--target", target, folder / "source"], check=True, capture_output=True)
    return target


def _run(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "COLUMNS": "100"}
    return subprocess.run(
        [PROGRAM, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def test_a_detector_of_another_package_runs_and_is_listed(tmp_path: Path) -> None:
    installed = _install(tmp_path)
    assert "shouting" in _run(installed, "detectors").stdout
    done = _run(installed, "analyze", TRACE, "--select", "shouting")
    assert (done.returncode, done.stderr) == (1, "")
    assert "It shouts." in done.stdout


def test_plugins_can_be_turned_off(tmp_path: Path) -> None:
    installed = _install(tmp_path)
    assert "shouting" not in _run(installed, "detectors", "--no-plugins").stdout
    assert "It shouts." not in _run(installed, "analyze", TRACE, "--no-plugins").stdout


def test_a_detector_that_raises_is_reported_and_the_others_still_run(tmp_path: Path) -> None:
    installed = _install(tmp_path, body="raise RuntimeError('boom')")
    done = _run(installed, "analyze", TRACE)
    assert done.returncode == 4
    assert "shouting: RuntimeError: boom" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("identity", ["loop"])
def test_a_plugin_cannot_take_the_id_of_a_detector(tmp_path: Path, identity: str) -> None:
    done = _run(_install(tmp_path, identity), "analyze", TRACE)
    assert done.returncode == 2
    assert done.stderr == (
        "pisama: detector plugin pisama_shouting:Shouting takes the id 'loop', which is taken; "
        "--no-plugins runs without it\n"
    )
