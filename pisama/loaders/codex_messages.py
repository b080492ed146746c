"""The messages that `codex exec --json` printed before version 0.40: `{"id", "msg": {"type", …}}`."""

from __future__ import annotations

from collections.abc import Mapping

from pisama.loaders.codex_thread import codex_usage
from pisama.loaders.message_parts import content_text
from pisama.loaders.messages import ChatMessage, ToolResult
from pisama.loaders.turns import Turns, shell_result
from pisama.loaders.values import as_integer, as_mapping, as_string, as_text, first, to_json
from pisama.trace import JSON, Location, ToolCall

_TEXTS = ("stdout", "stderr")


def read_old_message(turns: Turns, message: Mapping[str, JSON], at: Location) -> str | None:
    """Adds what a message says to the run; returns the outcome when it is one."""
    kind = as_string(message.get("type")) or ""
    if kind == "agent_message":
        turns.say(as_string(message.get("message")) or "", at)
    elif kind == "agent_reasoning":
        turns.think(as_string(message.get("text")) or "", at)
    elif kind.endswith("_begin"):
        turns.call(_call(kind.removesuffix("_begin"), message, at))
    elif kind.endswith("_end"):
        turns.answer(_result(message), at)
    elif kind == "token_count":
        last = as_mapping(as_mapping(message.get("info")).get("last_token_usage"))
        if last or "input_tokens" in message:
            # One response may have made a call that no message shows.
            turns.spend_more(codex_usage(last or message))
    elif kind == "error":
        turns.fail(as_string(message.get("message")) or "error", at)
        return "error"
    elif kind in ("background_event", "stream_error"):
        turns.hear(ChatMessage("system", as_string(message.get("message")) or "", at=at))
    return {"task_complete": "success", "turn_aborted": "aborted"}.get(kind)


def _call(kind: str, message: Mapping[str, JSON], at: Location) -> ToolCall:
    call_id = as_string(message.get("call_id"))
    invocation = as_mapping(message.get("invocation"))
    if invocation:
        names = (as_string(invocation.get("server")), as_string(invocation.get("tool")))
        return ToolCall(".".join(filter(None, names)), invocation.get("arguments"), call_id, at=at)
    given = {name: value for name, value in message.items() if name not in ("type", "call_id", "parsed_cmd")}
    return ToolCall(kind, given, call_id, at=at)


def _result(message: Mapping[str, JSON]) -> ToolResult:
    call_id = as_string(message.get("call_id"))
    result = message.get("result")
    if isinstance(result, dict):
        good = as_mapping(result.get("Ok"))
        text = content_text(first(good, "content")) if good else as_text(result.get("Err"))
        failed = "Err" in result or good.get("isError") is True or good.get("is_error") is True
        return ToolResult(text or "", call_id, error=(text or "failed") if failed else None)
    output = as_text(message.get("aggregated_output")) or "".join(
        as_text(message.get(name)) or "" for name in _TEXTS
    )
    if not output and "query" in message:
        output = to_json(message.get("query"))
    text = shell_result(output, as_integer(message.get("exit_code")))
    return ToolResult(text, call_id, error=(text or "failed") if message.get("success") is False else None)
