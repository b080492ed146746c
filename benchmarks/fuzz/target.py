"""One input through loaders, detectors, attribution and outputs, and what it broke.

Run as a program it is the searching process itself: `python -m benchmarks.fuzz.target WORK SECONDS`.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import traceback
from pathlib import Path

import atheris

from benchmarks.fuzz.mutation import crossed, mutated
from benchmarks.fuzz.seeds import MAX_BYTES

with atheris.instrument_imports(include=["pisama"]):
    from pisama.analysis import examine
    from pisama.attribution import attribute
    from pisama.config import Config
    from pisama.detectors import BUILT_IN
    from pisama.flags import Format
    from pisama.loaders import LOADERS, load_document, open_document, sniff
    from pisama.loaders.base import Document
    from pisama.output.as_text import render
    from pisama.output.rendering import rendered
    from pisama.report import LoadError, Report
    from pisama.trace import Trace

CPU_SECONDS = 10
"""Of one input, of which honest work on so few bytes takes a hundredth."""
MEMORY = 3000
"""Mebibytes at which the process is ended."""

_DETECTORS = tuple(kind() for kind in BUILT_IN)
_CONFIG = Config()


class _StillAtItError(BaseException):
    """Not an `Exception`, so that nothing on the way catches it."""


def exercise(data: bytes) -> None:
    """Everything that is done with an input. Raises whatever was raised, caught on the way or not."""
    document = open_document(data)
    if isinstance(document, LoadError):
        str(document)
        return
    for loader in LOADERS:
        loader.sniff(document)
    for item in load_document(document):
        if isinstance(item, Trace):
            _examine(item)
        elif "which is its fault" in item.reason:
            _raise_again(document)
            raise AssertionError(item.reason)


def _raise_again(document: Document) -> None:
    loader = sniff(document)
    if not isinstance(loader, LoadError):
        list(loader.load(document))


def _examine(trace: Trace) -> None:
    found = examine(trace, _DETECTORS, _CONFIG)
    for crashed in found.crashed:
        detector = next(each for each in _DETECTORS if each.id == crashed.detector)
        list(detector.check(trace))
        raise AssertionError(crashed.error)
    attribute(found)
    if trace.steps and len(trace.steps) % 4 == 0:
        # Writing takes longer than all the rest.
        report = Report((found,))
        for output in Format:
            # Parquet holds the same rows as lines do.
            if output not in (Format.TEXT, Format.PARQUET):
                rendered(report, output.value)
        render(report, color=True, width=100)


class Search:
    """Runs inputs and keeps one of each kind of failure."""

    def __init__(self, work: Path) -> None:
        self._crashes = work / "crashes"
        self._names: list[str] = json.loads((work / "names.json").read_text())

    def run(self, data: bytes) -> None:
        """Exercises one input; a failure of a new kind is written down, and the search goes on."""
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
        try:
            exercise(data)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a failure is what is looked for
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._keep(data, error)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def mutate(self, data: bytes, size: int, seed: int) -> bytes:
        """The next input: mostly changed by structure, else byte by byte."""
        made = mutated(data, min(size, MAX_BYTES), seed, self._names) if seed % 8 else None
        return atheris.Mutate(data, size) if made is None else made

    def cross(self, data: bytes, other: bytes, size: int, seed: int) -> bytes:
        """Two inputs made one."""
        made = crossed(data, other, min(size, MAX_BYTES), seed)
        return data[:size] if made is None else made

    def _keep(self, data: bytes, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "pisama" in frame.filename] or frames
        kind = f"{type(error).__name__} {Path(ours[-1].filename).name}:{ours[-1].lineno}"
        name = hashlib.sha256(kind.encode()).hexdigest()[:12]
        if not (self._crashes / f"{name}.bin").exists():
            (self._crashes / f"{name}.bin").write_bytes(data)
            told = "".join(traceback.format_exception(error))
            (self._crashes / f"{name}.txt").write_text(f"{kind}\n\n{told}", errors="backslashreplace")
            sys.stderr.write(f"FOUND {name} {kind}\n")


def main() -> None:
    """Search until the seconds are over."""
    work, seconds = Path(sys.argv[1]), sys.argv[2]

    def give_up(_signal: int, _frame: object) -> None:
        raise _StillAtItError

    signal.signal(signal.SIGVTALRM, give_up)
    search = Search(work)
    arguments = [
        sys.argv[0],
        str(work / "corpus"),
        str(work / "seeds"),
        f"-max_total_time={seconds}",
        f"-max_len={MAX_BYTES}",
        f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={work / 'crashes'}/",
        "-print_final_stats=1",
        "-len_control=0",
    ]
    atheris.Setup(arguments, search.run, custom_mutator=search.mutate, custom_crossover=search.cross)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
