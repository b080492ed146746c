"""What a result in JSON says of its call: the fields in which errors, exit codes and empty results are reported."""

from __future__ import annotations

import orjson

from pisama.error_kinds import EMPTY, SUCCESS, Outcome, failure
from pisama.json_writing import to_json
from pisama.trace import JSON

JSON_LIMIT = 200_000
"""Longer results are not opened as JSON: error reports are short."""
_DEPTH = 4
"""Most levels of an error object looked into for its message."""

_FAILED_STATES = frozenset(
    {"error", "failed", "failure", "fail", "denied", "rejected", "timeout", "exception", "err"}
)
_ERROR_KEYS = ("error", "errors", "error_message", "errorMessage", "exception", "Error", "traceback", "err")
_CODE_KEYS = ("exit_code", "exitCode", "returncode", "return_code", "exitcode", "exit_status", "exit")
_FLAGS = {
    "is_error": True,
    "isError": True,
    "hasError": True,
    "success": False,
    "ok": False,
    "succeeded": False,
    "Success": False,
}
_STATUS_KEYS = (
    *("status", "statusCode", "status_code", "http_status", "httpStatus"),
    *("response_status", "state", "outcome"),
)
_MESSAGE_KEYS = (
    "message",
    "msg",
    "reason",
    "detail",
    "error_message",
    "description",
    "stderr",
    "output",
    "content",
    "result",
    "data",
)
_INNER_KEYS = (
    "result",
    "output",
    "content",
    "text",
    "data",
    "response",
    "observation",
    "stdout",
    "message",
    "detail",
    "msg",
)
_REPORT_KEYS = frozenset(
    """status response_status state outcome message error errors reason detail details code msg data result statusCode status_code timestamp error_code
    error_type errorCode type hint output path request_id requestId description title instance suggestion retry_after tool
    tool_call_id name id""".split()
)
"""Keys of a report about the call; with any other key, a `status` is that of the thing asked for."""
_FORMAL_KEYS = frozenset(
    {"type", "role", "status", "id", "tool_call_id", "name", "code", "success", "ok", "is_error", "isError"}
)
"""Keys of an envelope around the one thing that was returned."""
_ABOUT_KEYS = frozenset(
    """query count total page limit offset took status success ok next cursor has_more exit_code exitCode returncode message
    error is_error isError total_count num_results next_page type pages size per_page truncated q search stderr errors
    metadata search_metadata""".split()
)
"""Keys that say something about a list of results, not results themselves."""


def open_json(text: str) -> Outcome | str | None:
    """What JSON text says of the call: an outcome, the text inside to go on with, or None when it is not JSON."""
    try:
        value: JSON = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, list):
        return _of_list(value)
    if isinstance(value, dict):
        return _of_object(value, text)
    return value if isinstance(value, str) else SUCCESS


def _of_list(items: list[JSON]) -> Outcome | str:
    if _hollow(items):
        return EMPTY
    blocks = [item for item in items if isinstance(item, dict)]
    if len(blocks) == len(items) and all(item.get("type") in ("text", "output_text") for item in blocks):
        return "\n".join(str(item.get("text") or "") for item in blocks)
    if len(items) == 1 and blocks:
        only = _of_object(blocks[0], "")
        if isinstance(only, Outcome) and only.failed:
            return only
    return SUCCESS


def _of_object(value: dict[str, JSON], text: str) -> Outcome | str:
    said = next((value[key] for key in _ERROR_KEYS if not _hollow(value.get(key))), None)
    if isinstance(said, int | float) and not isinstance(said, bool) and set(value) - _REPORT_KEYS:
        said = None  # a count of errors in the thing asked for
    if said is not None and not _went_well(value):
        return failure(_report_of(value, text) if isinstance(said, bool | int | float) else _words_of(said))
    if _flagged(value):
        return failure(_report_of(value, text) or text)
    meaningful = {key for key, item in value.items() if not _hollow(item)}
    if not meaningful or (_has_hollow_part(value) and meaningful <= _ABOUT_KEYS):
        return EMPTY
    inner = [key for key in _INNER_KEYS if key in meaningful]
    if len(inner) == 1 and not meaningful - {inner[0]} - _FORMAL_KEYS:
        content = value[inner[0]]
        return content if isinstance(content, str) else to_json(content)
    return SUCCESS


def _hollow(item: JSON) -> bool:
    if isinstance(item, list):
        return not any(part not in (None, "", [], {}) for part in item)
    return item is None or item in ("", {}) or (isinstance(item, bool | int | float) and not item)


def _has_hollow_part(value: dict[str, JSON]) -> bool:
    return any(
        key not in _ABOUT_KEYS and (isinstance(item, list | dict) or item in (None, ""))
        for key, item in value.items()
    )


def _went_well(value: dict[str, JSON]) -> bool:
    """Whether the object says that the call succeeded, so that the error it names is about something else."""
    if value.get("success") is True or value.get("ok") is True:
        return True
    if any(
        isinstance(code := value.get(key), int) and not isinstance(code, bool) and code == 0
        for key in _CODE_KEYS
    ):
        return True
    state = value.get("status")
    return isinstance(state, str) and state.lower() in ("ok", "success", "completed")


def _flagged(value: dict[str, JSON]) -> bool:
    if any(value.get(flag) is bad for flag, bad in _FLAGS.items()):
        return True
    report_only = set(value) <= _REPORT_KEYS
    states = [value.get(key) for key in _STATUS_KEYS]
    if any(_http_failure(state) for state in states):
        return True
    if (
        report_only
        and len(value) > 1
        and any(isinstance(state, str) and state.lower() in _FAILED_STATES for state in states)
    ):
        return True
    if report_only and _http_failure(value.get("code")) and ("message" in value or "msg" in value):
        return True
    nested = value.get("metadata")
    records = (value, nested) if isinstance(nested, dict) else (value,)
    codes = [record.get(key) for record in records for key in _CODE_KEYS]
    return any(isinstance(code, int) and not isinstance(code, bool) and code != 0 for code in codes)


def _http_failure(state: JSON) -> bool:
    return isinstance(state, int) and not isinstance(state, bool) and 400 <= state < 600


def _report_of(value: dict[str, JSON], text: str) -> str:
    return next((_words_of(value[key]) for key in _MESSAGE_KEYS if not _hollow(value.get(key))), text)


def _words_of(said: JSON) -> str:
    """The message inside an error object: `{"code": …, "message": "…"}`, `[{"message": …}]`."""
    for _ in range(_DEPTH):
        if isinstance(said, list) and said:
            said = said[0]
        elif isinstance(said, dict):
            keys = ("message", "msg", "text", "detail", "reason", "error", "type")
            inner = next((said[key] for key in keys if not _hollow(said.get(key))), None)
            if inner is None:
                break
            said = inner
        else:
            break
    return said if isinstance(said, str) else to_json(said)
