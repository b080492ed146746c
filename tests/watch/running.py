"""Runs `pisama watch` as a user does: in a process of its own, around a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
WATCH = (sys.executable, "-m", "pisama", "watch")


def environment(url: str = "http://127.0.0.1:9", **further: str) -> dict[str, str]:
    """Of a user whose providers are all at this address."""
    return {
        **os.environ,
        "COLUMNS": "100",
        "OPENAI_API_KEY": "sk-proj-0123456789abcdefghijklmn",
        "ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghijklmn",
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_BASE_URL": url,
        "GOOGLE_GEMINI_BASE_URL": url,
        **further,
    }


def program(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(PROGRAMS / f"{name}.py"), *arguments)


def watch(
    *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*WATCH, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env=env or environment(),
        timeout=120,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def issues_of(path: Path) -> list[str]:
    """What `pisama analyze` finds in a file: the fingerprints."""
    done = subprocess.run(
        [sys.executable, "-m", "pisama", "analyze", "--format", "json", path],
        capture_output=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return [issue["fingerprint"] for issue in report["issues"]]


def spans_in(path: Path) -> list[dict[str, Any]]:
    """The spans of a trail, with their attributes as one object."""
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    attributes = {
                        pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]
                    }
                    found.append({**span, "attributes": attributes})
    return found
