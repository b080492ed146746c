"""Runs to ask a model about, and the model: a scripted provider on loopback, asked through the real SDKs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pisama.config import Config
from tests.watch.provider import Provider

Run = dict[str, Any]

CLAUDE = "anthropic:claude-sonnet-5"
GPT = "openai:gpt-4o-mini"
KEYS = {"ANTHROPIC_API_KEY": "scripted", "OPENAI_API_KEY": "scripted", "GOOGLE_API_KEY": "scripted"}
PROGRAM = (sys.executable, "-m", "pisama")

_ASKS = """I will ask the harbour office.

```python
from harbour import count_herons

print(count_herons("Gull Island", 2019))
```"""
_FAILS = "exitcode: 1 (execution failed)\nCode output: Error: the harbour office is unavailable (503)\n"

HERONS: Run = {
    "question": "How many herons nested on Gull Island in 2019, according to the harbour office?",
    "history": [
        {"role": "human", "content": "How many herons nested on Gull Island in 2019?"},
        {"role": "assistant", "name": "Planner", "content": "Let us ask the harbour office for its count."},
        {"role": "assistant", "name": "Counter", "content": "I have 4,310 for 2018, as typically estimated."},
        *(
            {"role": role, "name": name, "content": content}
            for _ in range(4)
            for role, name, content in (
                ("assistant", "Asker", _ASKS),
                ("user", "Computer_terminal", _FAILS),
            )
        ),
        {"role": "assistant", "name": "Planner", "content": "The harbour office says 4,882."},
    ],
}
"""A run in which something failed four times. Its steps are 1, 2, 3, 5, 7, 9 and 11."""


def run(text: str, position: int = 2) -> Run:
    """The run about herons with other words at one position."""
    history = [dict(message) for message in HERONS["history"]]
    history[position]["content"] = text
    return {**HERONS, "history": history}


def answer(step: int | None = 2, agent: str | None = "Counter", **more: object) -> dict[str, Any]:
    """An answer of a model, as the call of the tool that it is given."""
    said = {
        "reason": "Nobody gave it these figures.",
        "cited_steps": [1, 2],
        "step": step,
        "agent": agent,
        "confidence": 0.8,
    }
    return {"name": "answer", "arguments": {**said, **more}}


def settings(provider: Provider, model: str = CLAUDE, **more: Any) -> Config:
    """To ask the scripted provider about every run."""
    return Config(base_url=address(provider, model), **{"escalate": "always", "plugins": False, **more})


def address(provider: Provider, model: str) -> str:
    return f"{provider.url}/v1" if model.startswith("openai") else provider.url


def prompt_of(request: dict[str, Any]) -> str:
    """The words of a request to Anthropic's API that tell the run."""
    text: str = request["messages"][0]["content"][0]["text"]
    return text


def record_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines between the marks, each of which must be JSON."""
    lines = prompt_of(request).splitlines()
    mark = lines[0].split()[-1].rstrip(".")
    begin, end = lines.index(f"<<<{mark}"), lines.index(f"{mark}>>>")
    return [json.loads(line) for line in lines[begin + 1 : end]]


def written(folder: Path, **runs: Run) -> list[Path]:
    """The runs as files."""
    paths = []
    for name, content in runs.items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(content))
    return paths


def environment(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, **KEYS, "XDG_CACHE_HOME": str(cache), "COLUMNS": "100", **more}


def pisama(cache: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "analyze", "--attribute", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(cache),
        timeout=120,
    )
