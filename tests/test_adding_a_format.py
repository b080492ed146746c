"""The page on adding a format names files that are there, and shows what its commands really print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pisama.loaders
from pisama.cli import app
from pisama.loaders import LOADERS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/adding-a-format.md").read_text(encoding="utf-8")
ANALYZE = ["analyze", "tests/traces/zipkin/library.json"]


def _shown(number: int) -> str:
    """What the page shows below its command `pisama analyze`, the first or the second time."""
    return PAGE.split(f"$ pisama {' '.join(ANALYZE)}\n")[number].split("```")[0]


def _words(text: str) -> str:
    return " ".join(text.split())


def test_every_file_it_names_exists() -> None:
    named = set(re.findall(r"\b(?:pisama|tests|docs)/[\w./]+\.(?:py|json|txt|md)\b", PAGE))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_with_the_loader_the_sample_is_read_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert _words(_shown(2)) in _words(CliRunner().invoke(app, ANALYZE).output)


def test_without_the_loader_the_sample_is_refused_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    others = tuple(loader for loader in LOADERS if loader.id != "zipkin")
    monkeypatch.setattr(pisama.loaders, "LOADERS", others)
    result = CliRunner().invoke(app, ANALYZE)
    assert _words(_shown(1)) in _words(result.output)
    assert result.exit_code == 3
