"""What a command takes from the shell, against the least that a program of its kind can take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.speed.processes import used
from benchmarks.speed.runs import different_steps

BARE = "import typer\napp = typer.Typer()\n@app.command()\ndef main(name: str) -> None:\n    print(name)\napp()\n"
"""The least program that has a `--help` of the same kind."""
SIZE = 50_000
"""Bytes of the trace that is analysed."""


def startup(folder: Path, repeat: int) -> dict[str, float]:
    """Seconds of processor time of each command, the least of the repetitions. Files are put in the folder.

    Modules are compiled before, as they are for everybody who runs a command for the second time.
    """
    bare, trace = folder / "bare.py", folder / "trace.json"
    bare.write_text(BARE, encoding="utf-8")
    steps = SIZE * 100 // len(different_steps(100))
    trace.write_bytes(different_steps(steps))
    python = sys.executable
    commands = {
        "a bare typer program --help": (python, str(bare), "--help"),
        "pisama --help": (python, "-m", "pisama", "--help"),
        f"pisama analyze, {SIZE // 1000} kB": (
            python,
            "-m",
            "pisama",
            "analyze",
            "--exit-zero",
            str(trace),
        ),
    }
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in commands.values():
        used(command, environment)
    return {
        name: min(used(command, environment)[0] for _ in range(repeat)) for name, command in commands.items()
    }
