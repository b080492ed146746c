"""`python -m benchmarks.speed.many`: many traces in one file of JSON lines: how fast, how much memory, and when the first result comes.

The runs are made: a task, some calls of a tool that returns a page of text, and an answer; one run in ten calls the
same failing tool again and again. The command is run as a user runs it, and its processes are watched from outside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import application, show, table, write_json

PAGE = (
    "The museum of {0} was opened in 19{1:02d} by Anna Berg. It shows {2} paintings on {1} floors, and was visited by "
    "{2}{1:02d} people last year. Tickets cost {1} crowns; the café closes at 17:00. See https://museum-{0}.example/about. "
)
LOOK_EVERY = 0.2
"""Seconds between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the command."""

    megabytes: float
    traces: int
    jobs: str
    seconds: float
    """Wall time, start included."""
    processor: float
    """Seconds of processor time of all processes."""
    first: float
    """Seconds until the first result."""
    memory: float
    """Most megabytes that the process which was started held at a time."""
    memory_of_all: float
    """Most megabytes that it and its processes held together; what they share is counted once."""


def make(path: Path, megabytes: int, page: int) -> int:
    """Writes a file of runs of about this size; a page has so many bytes. Returns how many runs it has."""
    written, number = 0, 0
    with path.open("w", encoding="utf-8") as file:
        while written < megabytes * 1_000_000:
            written += file.write(_run(number, page))
            number += 1
    return number


def _run(number: int, page: int) -> str:
    failing = number % 10 == 0
    messages: list[object] = [
        {"role": "system", "content": "You answer questions about museums with the tool `read_page`."},
        {"role": "user", "content": f"When was the museum of place {number} opened?"},
    ]
    for call in range(4):
        arguments = json.dumps({"page": number if failing else number * 4 + call})
        called = {
            "id": f"c{call}",
            "type": "function",
            "function": {"name": "read_page", "arguments": arguments},
        }
        messages.append({"role": "assistant", "content": None, "tool_calls": [called]})
        text = "".join(_pages(number * 4 + call, page))[:page]
        result = "Error: service unavailable (503)" if failing else text
        messages.append({"role": "tool", "tool_call_id": f"c{call}", "content": result})
    messages.append({"role": "assistant", "content": f"It was opened in 19{number % 100:02d}."})
    return json.dumps({"id": f"run-{number}", "messages": messages}) + "\n"


def _pages(seed: int, size: int) -> Iterator[str]:
    length = 0
    while length < size:
        text = PAGE.format(seed, seed % 100, 100 + seed % 900)
        length += len(text)
        seed += 7
        yield text


def measure(file: Path, traces: int, jobs: str) -> Measured:
    """Runs `pisama analyze --format jsonl` on a file of so many runs."""
    command = [sys.executable, "-m", "pisama", "analyze", str(file), "--isolated", "--no-plugins"]
    spent: dict[int, float] = {}
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
            [*command, "--format", "jsonl", "--jobs", jobs, "--exit-zero"], stdout=out
        )
        first = own = together = 0.0
        while process.poll() is None:
            if not first and os.fstat(out.fileno()).st_size:
                first = time.perf_counter() - start
            tree = [(pid, _memory(pid)) for pid in _tree(process.pid)]
            own = max(own, *(held[0] for pid, held in tree if pid == process.pid))
            together = max(together, sum(held[1] for _, held in tree))
            spent.update((pid, used) for pid, _ in tree if (used := _processor(pid)))
            time.sleep(LOOK_EVERY)
        seconds = time.perf_counter() - start
        out.seek(0)
        found = sum(line.startswith(b'{"kind":"trace"') for line in out)
    if process.returncode or found != traces:
        raise SystemExit(f"exit code {process.returncode}, {found} of {traces} traces")
    size = file.stat().st_size / 1e6
    return Measured(size, traces, jobs, seconds, sum(spent.values()), first, own, together)


def _tree(root: int) -> list[int]:
    """The process and all that it started, at any depth."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _processor(pid: int) -> float:
    """Seconds of processor time a process has used; its children count for themselves."""
    with suppress(OSError, ValueError, IndexError):
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _memory(pid: int) -> tuple[float, float]:
    """Megabytes that a process holds, and its share of them where others hold the same."""
    held = {"Rss": 0.0, "Pss": 0.0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in held:
                held[name] = int(rest.split()[0]) * 1024 / 1e6
    return held["Rss"], held["Pss"]


def main(
    megabytes: Annotated[int, typer.Option(help="Size of the file.", min=1)] = 1_000,
    page: Annotated[int, typer.Option(help="Bytes that a call returns; a run has four.", min=100)] = 25_000,
    jobs: Annotated[
        list[str] | None, typer.Option(help="Processes; repeated for more.", show_default="1 2")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.", show_default="none")
    ] = None,
) -> None:
    """Measure `pisama analyze` on many traces in one file. Needs Linux, whose /proc tells the memory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "many.jsonl"
        traces = make(file, megabytes, page)
        found = [measure(file, traces, each) for each in jobs or ["1", "2"]]
    rows = [
        (
            each.jobs,
            f"{each.seconds:.1f}",
            f"{each.processor:.1f}",
            f"{each.traces / each.processor:,.0f}",
            f"{each.megabytes / each.processor:.1f}",
            f"{each.first:.1f}",
            f"{each.memory:,.0f}",
            f"{each.memory_of_all:,.0f}",
        )
        for each in found
    ]
    columns = [
        "jobs", "wall s", "processor s", "traces/processor s", "MB/processor s", "first result s", "MB", "MB, all processes",
    ]  # fmt: skip
    show(table(f"{traces:,} traces in one file of {found[0].megabytes:,.0f} MB", columns, rows))
    if json_file is not None:
        write_json(json_file, [asdict(each) for each in found])


if __name__ == "__main__":
    application(main)()
