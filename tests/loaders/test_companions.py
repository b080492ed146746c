"""Files of one run are found by folders named after them, by links, and by the signal in their names."""

from __future__ import annotations

import json
from functools import partial

from pisama.loaders import open_document
from pisama.loaders.base import Members
from pisama.loaders.codex_rollout import CodexRolloutLoader
from pisama.loaders.companions import groups_by_folder, groups_by_link, groups_by_signal
from pisama.loaders.gemini_cli import GeminiCliLoader


def members(*names: str, **texts: str) -> Members:
    return {name: partial(open_document, texts.get(name, "{}")) for name in (*names, *texts)}


def rollout(thread: str, parent: str | None = None) -> str:
    meta = {"id": thread, **({"parent_thread_id": parent} if parent else {})}
    return json.dumps({"timestamp": "2026-01-02T03:04:05Z", "type": "session_meta", "payload": meta})


def test_a_file_takes_the_folders_named_after_it() -> None:
    found = members("a.jsonl", "a/x.jsonl", "a/y/z.jsonl", "b.jsonl", "c/x.jsonl")
    groups = list(groups_by_folder(found, lambda _: True, lambda folder, stem: folder == stem))
    assert groups == [("a.jsonl", "a/x.jsonl", "a/y/z.jsonl")]


def test_links_are_followed_to_the_file_that_continues_no_other() -> None:
    links = {"b": "a", "c": "b", "d": "gone"}
    assert list(groups_by_link(members("a", "b", "c", "d", "e"), links)) == [("a", "b", "c")]


def test_links_in_a_ring_end() -> None:
    assert len(list(groups_by_link(members("a", "b"), {"a": "b", "b": "a"}))) <= 2


def test_a_session_of_gemini_takes_the_folder_of_its_id() -> None:
    session = "session-2026-01-02T03-04-f72a61de.jsonl"
    agent = "f72a61de-ece8-4e6a-bd3a-afeb151cd62b/aad7ad53.jsonl"
    found = members(session, agent, "session-2026-01-02T03-04-00000000.jsonl")
    assert list(GeminiCliLoader().companions(found)) == [(session, agent)]


def test_a_rollout_of_codex_takes_the_threads_it_started() -> None:
    texts = {
        "rollout-1-a.jsonl": rollout("a"),
        "rollout-2-b.jsonl": rollout("b", "a"),
        "rollout-3-c.jsonl": rollout("c", "b"),
        "rollout-4-d.jsonl": rollout("d"),
        "rollout-5-e.jsonl": rollout("e", "unknown"),
    }
    assert list(CodexRolloutLoader().companions(members(**texts))) == [tuple(list(texts)[:3])]


def test_logs_go_with_the_spans_of_the_same_name() -> None:
    names = (
        "run.logs.jsonl",
        "run.jsonl",
        "a.traces.json",
        "a.json",
        "a.logs.json",
        "logs.json",
        "catalog.json",
    )
    assert list(groups_by_signal(members(*names))) == [
        ("run.jsonl", "run.logs.jsonl"),
        ("a.traces.json", "a.logs.json"),
    ]
