"""The audit trail."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from pisama.trace import JSON
from pisama.watch.audit import Trail, without_secrets

KEY = "sk-proj-0123456789abcdefghijklmn"


@pytest.mark.parametrize(
    "value",
    [
        {"text": f"use {KEY} for it"},
        {"attribute": json.dumps({"arguments": {"token": KEY}})},
        {"attribute": json.dumps({"arguments": json.dumps({"key": f'the "{KEY}"'})})},
        [[[{"password": "hunter22hunter"}]]],
        {"deep": json.dumps([{"api_key": "hunter22hunter"}])},
    ],
)
def test_secrets_go_wherever_they_stand_and_json_stays_json(value: JSON) -> None:
    cleaned = json.dumps(without_secrets(value))
    assert KEY not in cleaned
    assert "hunter22" not in cleaned
    assert "[secret:" in cleaned
    opened = json.loads(cleaned)
    if isinstance(opened, dict) and "attribute" in opened:
        arguments = json.loads(opened["attribute"])["arguments"]
        assert isinstance(arguments if isinstance(arguments, dict) else json.loads(arguments), dict)


def test_what_holds_no_secret_is_left_as_it_was() -> None:
    value: JSON = {"a": '{"b":  1}', "list": [1, 2.5, None, True, "words"], "c": "{not json"}
    assert without_secrets(value) == value


def test_values_nested_too_deeply_are_left_out() -> None:
    deep: JSON = "bottom"
    for _ in range(100_000):
        deep = [deep]
    assert "bottom" not in json.dumps(without_secrets(deep))


def test_lines_are_appended_after_a_cut_one_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "state" / "trail.jsonl"
    first = Trail(path)
    assert first.append({"resourceSpans": []}) == 1
    first.close()
    with path.open("ab") as file:
        file.write(b'{"resourceSpans": [{"cut')
    second = Trail(path)
    assert second.append({"resourceSpans": []}) == 3
    second.close()
    assert path.read_text().splitlines() == [
        '{"resourceSpans":[]}',
        '{"resourceSpans": [{"cut',
        '{"resourceSpans":[]}',
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
