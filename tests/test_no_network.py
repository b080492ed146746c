"""The commands that read traces open no socket. Every attempt in the process is caught by an audit hook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAILING = ROOT / "examples" / "failing-tool.messages.json"
HOOK = """
import sys

def watch(event, arguments):
    if event.startswith(("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.sendto")):
        sys.stderr.write(f"NETWORK {event} {arguments[1:]}\\n")
        sys.stderr.flush()

sys.addaudithook(watch)
"""
COMMANDS = (
    ("analyze", "--isolated", "--exit-zero", str(FAILING)),
    ("analyze", "--isolated", "--exit-zero", "-f", "sarif", str(FAILING)),
    ("analyze", "--isolated", "--exit-zero", "-f", "jsonl", "--jobs", "1", str(FAILING.parent)),
    ("baseline", "--isolated", "--output", "made.json", str(FAILING)),
    ("detectors", "loop"),
    ("formats",),
)


def network_of(folder: Path, *command: str) -> tuple[int, list[str]]:
    (folder / "sitecustomize.py").write_text(HOOK)
    paths = os.pathsep.join((str(folder), str(ROOT)))
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=False,
    )
    return done.returncode, [line for line in done.stderr.decode().splitlines() if line.startswith("NETWORK")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_reading_traces_touches_no_network(command: tuple[str, ...], tmp_path: Path) -> None:
    assert network_of(tmp_path, "-m", "pisama", *command) == (0, [])


def test_the_hook_would_tell(tmp_path: Path) -> None:
    connecting = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', 9))"
    )
    assert network_of(tmp_path, "-c", connecting) == (0, ["NETWORK socket.connect (('127.0.0.1', 9),)"])
