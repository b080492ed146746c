"""`python -m benchmarks.fuzz WORK --minutes 65`: a coverage-guided search for what breaks; needs the extra `fuzz`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, show, table, write_json
from benchmarks.fuzz.seeds import field_names, seeds

_TRACES = Path(__file__).parents[2] / "tests" / "traces"
_STATUS = re.compile(r"cov: (\d{1,9}) ft: (\d{1,9}) corp: (\d{1,9})/")
_QUIET = r"#\d{1,12}\s{1,9}(?:NEW|REDUCE)|INFO: Instrumenting|WARNING: Failed to find"
_EXECUTED = re.compile(r"^#(\d{1,12})\b|number_of_executed_units:\s{1,20}(\d{1,12})")


@dataclass(slots=True)
class Figures:
    """What a search did, all its processes together."""

    seeds: int = 0
    executions: int = 0
    minutes: float = 0
    processes: int = 0
    coverage: int = 0
    """Edges between the lines of the package that were taken."""
    features: int = 0
    """Those edges, told apart by how often they were taken."""
    corpus: int = 0
    """Inputs kept because they reached something new."""
    kinds: list[str] = field(default_factory=list)
    """Failures, one line a kind."""

    def read(self, line: str, before: int) -> None:
        """Take in one line of the searching process; `before` are the executions of those before it."""
        status = _STATUS.search(line)
        if status:
            coverage, features, corpus = map(int, status.groups())
            self.coverage, self.features = max(self.coverage, coverage), max(self.features, features)
            self.corpus = corpus
        executed = _EXECUTED.search(line)
        if executed:
            self.executions = max(self.executions, before + int(executed[1] or executed[2]))


def main(
    work: Annotated[
        Path, typer.Argument(help="Folder for the corpus and for what broke.", show_default=False)
    ],
    minutes: Annotated[float, typer.Option(help="How long to search.")] = 65,
    samples: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of real samples to begin with, beside those of the tests.", show_default=False
        ),
    ] = None,
) -> None:
    """Search for inputs that make the package raise or hang; one of each kind is kept in WORK/crashes."""
    figures = Figures(seeds=_prepare(work, [_TRACES, *(samples or ())]))
    began = time.monotonic()
    while (left := minutes * 60 - (time.monotonic() - began)) > 1:
        _search(work, int(left), figures)
    figures.minutes = (time.monotonic() - began) / 60
    figures.kinds = sorted(path.read_text().partition("\n")[0] for path in (work / "crashes").glob("*.txt"))
    write_json(work / "figures.json", asdict(figures))
    rows = [(name, str(value)) for name, value in asdict(figures).items() if name != "kinds"]
    show(table("coverage-guided search", ("", ""), [*rows, *((kind, "failure") for kind in figures.kinds)]))
    raise typer.Exit(1 if figures.kinds else 0)


def _prepare(work: Path, folders: list[Path]) -> int:
    for name in ("corpus", "seeds", "crashes"):
        (work / name).mkdir(parents=True, exist_ok=True)
    found = dict(seeds(folders))
    for name, data in found.items():
        (work / "seeds" / name).write_bytes(data)
    (work / "names.json").write_text(json.dumps(field_names(found.values())))
    return len(found)


def _search(work: Path, seconds: int, figures: Figures) -> None:
    """One process, until its time is over or something ended it: no memory left, a fault in compiled code."""
    before, figures.processes = figures.executions, figures.processes + 1
    command = [sys.executable, "-m", "benchmarks.fuzz.target", str(work), str(seconds)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:  # noqa: S603
        for line in process.stderr or ():
            figures.read(line, before)
            if not re.match(_QUIET, line):
                sys.stderr.write(line)


if __name__ == "__main__":
    application(main)()
