"""Sessions as coding agents write them: each is its versions, one after every act."""

from __future__ import annotations

import json
from collections.abc import Callable

Versions = list[bytes]
FAILED = "Process exited with code 1\nOutput:\nmake: *** no rule to make target 'all'."


def claude_code(acts: int) -> Versions:
    frame = {"sessionId": "s1", "cwd": "/work", "version": "2.0.30", "isSidechain": False}
    rows: list[object] = [
        {**frame, "uuid": "u0", "type": "user", "message": {"role": "user", "content": "Build it."}}
    ]
    for number in range(acts):
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": "make all"}}
        result = {
            "type": "tool_result",
            "tool_use_id": f"toolu_{number}",
            "is_error": True,
            "content": FAILED,
        }
        said = {"id": f"msg_{number}", "role": "assistant", "model": "claude", "content": [use]}
        rows.append({**frame, "uuid": f"a{number}", "type": "assistant", "message": said})
        heard = {"role": "user", "content": [result]}
        rows.append({**frame, "uuid": f"r{number}", "type": "user", "message": heard})
    return _growing(rows)


def codex(acts: int) -> Versions:
    def item(kind: str, **payload: object) -> object:
        return {"timestamp": "2026-02-03T10:00:00Z", "type": kind, "payload": payload}

    asked = [{"type": "input_text", "text": "Build it."}]
    rows: list[object] = [
        item("session_meta", id="t1", cwd="/work", cli_version="0.98.0"),
        item("turn_context", model="gpt-5-codex"),
        item("response_item", type="message", role="user", content=asked),
    ]
    for number in range(acts):
        call = {"type": "function_call", "name": "shell", "call_id": f"call_{number}"}
        rows.append(item("response_item", **call, arguments=json.dumps({"command": "make all"})))
        rows.append(
            item("response_item", type="function_call_output", call_id=f"call_{number}", output=FAILED)
        )
    return _growing(rows)


def gemini(acts: int) -> Versions:
    """Lines, as newer versions write them."""
    header, *messages = _gemini_messages(acts)
    return _growing([header, *messages])


def gemini_document(acts: int) -> Versions:
    """One document, written anew with each act, as older versions do."""
    header, *messages = _gemini_messages(acts)
    return [
        json.dumps({**header, "messages": messages[:count]}, indent=2).encode()
        for count in range(1, len(messages) + 1)
    ]


def _gemini_messages(acts: int) -> list[dict[str, object]]:
    response = {"functionResponse": {"response": {"error": "make: no rule to make target 'all'"}}}
    call = {"name": "run_shell_command", "args": {"command": "make all"}, "status": "error"}
    time = "2026-02-03T10:00:{:02}Z"
    messages: list[dict[str, object]] = [
        {
            "id": f"m{number}",
            "type": "gemini",
            "timestamp": time.format(number % 60),
            "content": "",
            "toolCalls": [{**call, "id": f"c{number}", "result": [response]}],
        }
        for number in range(acts)
    ]
    return [
        {"sessionId": "s1", "projectHash": "p1", "startTime": time.format(0)},
        {"id": "u0", "type": "user", "timestamp": time.format(0), "content": "Build it."},
        *messages,
    ]


def _growing(rows: list[object]) -> Versions:
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    return [b"".join(lines[:count]) for count in range(1, len(lines) + 1)]


WRITERS: dict[str, tuple[str, Callable[[int], Versions]]] = {
    "Claude Code": ("2f.jsonl", claude_code),
    "Codex": ("rollout-2026-02-03T10-00-00-t1.jsonl", codex),
    "Gemini CLI": ("session-2026-02-03T10-00-s1.jsonl", gemini),
    "Gemini CLI, a document": ("session-2026-02-03T10-00-s1.json", gemini_document),
}
