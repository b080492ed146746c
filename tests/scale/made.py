"""Made traces in numbers, and a detector of another package that ends the process it runs in, or waits in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
FAILING = json.loads((EXAMPLES / "failing-tool.messages.json").read_text())["messages"]

DETECTOR = '''
import os
import signal

from pisama import Detector, Evidence, Needs, Signal


class Deadly(Detector):
    """What a run is told to do happens to the process that examines it."""

    id = "deadly"
    needs = frozenset({Needs.TEXT})
    signals = {"seen": Signal("a run", 65, 0.9)}
    quiet = ()
    fires = ()

    def check(self, trace):
        task = trace.task or ""
        if "EXIT" in task:
            os._exit(7)
        if "KILL" in task:
            os.kill(os.getpid(), signal.SIGKILL)
        if "ONCE" in task and os.environ.get("ONCE"):
            try:
                os.close(os.open(os.environ["ONCE"], os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        if "WAIT" in task and os.environ.get("DOOR"):
            with open(os.environ["DOOR"], "w") as door:  # opened once the test listens
                door.write("here")
            while True:
                signal.pause()
        yield self.issue(
            trace, "seen", trace.steps[-1], "A run.", evidence=(Evidence(task),), recommendation="None.", about=(task,)
        )
'''


def line(number: int, task: str, size: int = 0) -> str:
    """One run as a line of JSON, with an answer of about so many bytes."""
    messages = [
        {"role": "user", "content": task},
        {"role": "assistant", "content": "Done. " + "word " * (size // 5)},
    ]
    return json.dumps({"id": f"run-{number}", "messages": messages}) + "\n"


def failing_line(number: int) -> str:
    """The run of the examples in which a tool fails, as a line of JSON."""
    return json.dumps({"id": f"run-{number}", "messages": FAILING}) + "\n"


def many(path: Path, tasks: dict[int, str] | None = None, count: int = 90, size: int = 50_000) -> Path:
    """A file of so many runs, large enough for processes to be worth it; `tasks` gives some of them a task of their own."""
    named = tasks or {}
    path.write_text(
        "".join(line(number, named.get(number, f"Task {number}"), size) for number in range(count))
    )
    return path


def deadly(folder: Path) -> Path:
    """A folder to be put on the path of Python, in which the detector `deadly` is installed."""
    place = folder / "installed"
    record = place / "deadly-1.0.dist-info"
    record.mkdir(parents=True)
    (place / "deadly_detector.py").write_text(DETECTOR)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[pisama.detectors]\ndeadly = deadly_detector:Deadly\n")
    return place


def command(*arguments: str | Path) -> list[str]:
    """The program with these arguments."""
    return [sys.executable, "-m", "pisama", *map(str, arguments)]


def environment(installed: Path | None = None, **more: str) -> dict[str, str]:
    """The environment with what is installed there."""
    paths = [str(installed)] if installed is not None else []
    paths += [path for path in (os.environ.get("PYTHONPATH"),) if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100", **more}


def pisama(
    *arguments: str | Path, installed: Path | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """The program, run as a user runs it."""
    return subprocess.run(
        command(*arguments), env=environment(installed, **more), capture_output=True, text=True, check=False
    )
