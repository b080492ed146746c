"""What became of a tool call: success, an error of some class, or unknown.

Many emitters report a failed tool as fine and leave the error in the text of its result: as a
prefix, as a field of JSON, as an exit code, or as the traceback it ends with. This module reads all
of these, and never takes a page, a log or a source file that merely talks about errors for a
failure: only the beginning of a result, its end when it is a traceback or an exit code, and the top
level of a JSON object count. Every look is at a bounded part of the text.
"""

from __future__ import annotations

from pisama import error_words
from pisama.error_kinds import (
    EMPTY,
    FRAME,
    HEAD,
    LAST_LINE,
    OWN_FAULT,
    SUCCESS,
    TAIL,
    TRACEBACK,
    TRANSIENT,
    UNKNOWN,
    ErrorKind,
    Outcome,
    Status,
    failure,
    kind_of,
)
from pisama.outcome_json import JSON_LIMIT, open_json
from pisama.trace import ToolCall

__all__ = [
    "OWN_FAULT",
    "TRANSIENT",
    "ErrorKind",
    "Outcome",
    "Status",
    "kind_of",
    "outcome_of",
    "outcome_of_text",
]

BRIEF = 300
"""A result this short may report a failure in its middle: `User 17 not found`."""
WRAPPERS = 4
"""Most envelopes (JSON in a string, content blocks, `{"result": …}`) opened to get at the text."""


def outcome_of(call: ToolCall) -> Outcome:
    """How this call went, by the emitter's own mark if there is one, else by the text of the result."""
    if call.error is not None:
        return failure(call.error or call.result or "")
    if call.result is None:
        return UNKNOWN
    outcome = outcome_of_text(call.result)
    if outcome.failed and _compared_in_vain(call):
        return EMPTY
    return outcome


def _compared_in_vain(call: ToolCall) -> bool:
    """Whether exit code 1 and no output only mean that grep, diff or test found nothing."""
    if (
        call.result is None
        or len(call.result) > BRIEF
        or not error_words.ONLY_CODE_ONE.match(call.result.strip())
    ):
        return False
    given = call.arguments.values() if isinstance(call.arguments, dict) else (call.arguments,)
    return any(isinstance(value, str) and error_words.COMPARES.search(value[:4000]) for value in given)


def outcome_of_text(result: str) -> Outcome:
    """How a call went that returned this text."""
    text = result.strip()
    for _ in range(WRAPPERS):
        if not text or (len(text) < BRIEF and error_words.NOTHING.match(text)):
            return EMPTY
        if text[0] in '{["' and len(text) <= JSON_LIMIT:
            inner = open_json(text)
            if isinstance(inner, Outcome):
                return inner
            if inner is None:
                break
            text = inner.strip()
            continue
        envelope = error_words.ENVELOPE.match(text[:HEAD])
        if envelope is None:
            break
        text = text[envelope.end() :]
        if len(text) <= JSON_LIMIT:
            text = error_words.ENVELOPE_END.sub("", text.rstrip())
    return _of_plain(text)


def _of_plain(text: str) -> Outcome:
    head, tail = text[:HEAD], text[-TAIL:]
    labelled = error_words.CALL_ID.match(head)
    if labelled is not None:
        head = head[labelled.end() :]
    code = _exit_code(head)
    if code is None and len(text) > HEAD:
        code = _exit_code(tail)
    if code is not None:
        return failure(text) if code else SUCCESS
    if error_words.ERROR_REPORT.match(head):
        return SUCCESS if error_words.LOG_LEVEL.search(head) else failure(text)
    if (
        _ends_in_traceback(text, tail)
        or error_words.RUNTIME_REPORT.match(head)
        or ("make" in tail and error_words.MAKE_ERROR.search(tail))
        or ("itle: " in head and error_words.ERROR_PAGE.search(head))
    ):
        return failure(text)
    if len(text) <= BRIEF and _reports_inability(text):
        return failure(text)
    return SUCCESS


def _exit_code(part: str) -> int | None:
    lower = part.lower()
    # The pattern is tried at every line: most texts have none of its words.
    if "code" not in lower and "status" not in lower and "exit" not in lower:
        return None
    found = error_words.EXIT_CODE.search(part)
    if found is None:
        return None
    return int(found["code"] or found["tag"] or found["bare"] or found["status"])


def _ends_in_traceback(text: str, tail: str) -> bool:
    if TRACEBACK in text or FRAME.match(text[:HEAD]):
        return LAST_LINE.search(tail) is not None
    return False


def _reports_inability(text: str) -> bool:
    if error_words.GOOD_NEWS.search(text):
        return False
    if error_words.INABILITY.match(text):
        return True
    return "\n" not in text and error_words.BRIEF_FAILURE.match(text) is not None
