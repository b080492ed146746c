"""What became of a tool call: success, an error of some class, or unknown.

Many emitters report a failed tool as fine and leave the error in the text of its result, as a
prefix, as a field of JSON, or as an exit code in prose. This module reads all of these, and never
takes a page that merely talks about errors for a failure: only the beginning of a result, its
last line when it is a traceback, and the top level of a JSON object count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

import orjson

from pisama.trace import ToolCall

HEAD = 400
"""Characters at the beginning of a result in which an error report is looked for."""
TAIL = 600
"""Characters at its end in which the last line of a traceback is looked for."""
JSON_LIMIT = 200_000
"""Longer results are not opened as JSON: error reports are short."""


class ErrorKind(StrEnum):
    """Classes of tool errors, by what would have to change."""

    BAD_ARGUMENTS = "bad arguments"
    SYNTAX = "syntax"
    RUNTIME = "runtime"
    AUTHENTICATION = "authentication"
    RATE_LIMIT = "rate limit"
    TIMEOUT = "timeout"
    NOT_FOUND = "not found"
    SERVICE = "service"
    ENVIRONMENT = "environment"
    EXHAUSTED = "exhausted"
    UNKNOWN_TOOL = "unknown tool"


Status: TypeAlias = Literal["success", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went."""

    status: Status
    kind: ErrorKind | None = None
    """Set for errors."""
    message: str = ""
    """The words that report the error."""
    empty: bool = False
    """It succeeded and returned nothing: no text, `[]`, `{}`, `null`, or words to that effect."""

    @property
    def failed(self) -> bool:
        """Whether the call is known to have failed."""
        return self.status == "error"


_UNKNOWN = Outcome("unknown")
_SUCCESS = Outcome("success")
_EMPTY = Outcome("success", empty=True)

_KINDS: tuple[tuple[ErrorKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (ErrorKind.UNKNOWN_TOOL, r"unknown tool|no such tool|unsupported call|tool [^\n]{0,80}(?:not found|does not exist|not available)|is not a valid tool"),
        (ErrorKind.RATE_LIMIT, r"rate.?limit|too many requests|\b429\b|quota|throttl"),
        (ErrorKind.AUTHENTICATION, r"unauthori[sz]ed|forbidden|permission denied|access denied|authentication|invalid (?:api )?(?:key|token|credential)|\b40[13]\b|not logged in|login required"),
        (ErrorKind.TIMEOUT, r"time[d]?.?out|deadline exceeded|took too long"),
        (ErrorKind.EXHAUSTED, r"out of memory|memoryerror|no space left|context length|maximum (?:context|number of)|max(?:imum)?[ _]steps|recursion ?(?:limit|error)|resource exhausted"),
        (ErrorKind.SYNTAX, r"syntaxerror|indentationerror|syntax error|unexpected (?:token|indent|eof)|parse error|invalid syntax|code parsing|jsondecodeerror|invalid json"),
        (ErrorKind.ENVIRONMENT, r"modulenotfounderror|importerror|no module named|command not found|not installed|importing? [^\n]{0,60}not allowed|connection refused|is not recognized as"),
        (ErrorKind.BAD_ARGUMENTS, r"missing \d* ?required|required (?:positional )?argument|unexpected keyword|invalid (?:argument|parameter|input|value|date|format|option)|validation error|bad request|\b4(?:00|22)\b|must be (?:a|an|in|of|one|between)\b|typeerror: [\w.]{1,80}\(\)|illegal option|usage:"),
        (ErrorKind.NOT_FOUND, r"not found|no such file|does not exist|doesn't exist|could not find|cannot find|filenotfounderror|\b404\b|unknown (?:city|user|id|resource|host|key)|no results? found"),
        (ErrorKind.SERVICE, r"\b50[0-4]\b|internal server error|service unavailable|bad gateway|connection (?:reset|error|aborted)|upstream|overloaded|name or service not known"),
    )
)  # fmt: skip

_HEAD_ERROR = re.compile(
    r"\A[\s\"'`*\[(<#>-]{0,12}(?:"
    r"(?:[a-z_.]{0,60}(?:error|exception))\b[\])>]{0,2}\s{0,2}[:(!\n\"'-]"
    r"|error[ :\n]|errors?:|fatal[: ]|failed:|failure:|failed to |traceback \(most recent call last\)"
    r"|tool_use_error>|(?:an? )?(?:unexpected |internal )?error (?:occurred|while|when|running|executing|calling|in)\b"
    r"|code execution failed|execution failed|command failed|(?:tool )?(?:call|execution|command|request) (?:failed|error)"
    r"|unsupported call|unknown tool|no such tool|permission denied|access denied|unauthorized|rate limit"
    r"|(?:bash|sh|zsh|/bin/sh): [^\n]{0,120}(?:not found|no such file|denied)"
    r"|[^\n]{0,80}: (?:command not found|no such file or directory|permission denied)\s{0,4}\Z"
    r"|http(?:/\d(?:\.\d)?)? ?(?:error|status)?:? ?[45]\d\d\b|(?:status|code):? ?[45]\d\d\b|[45]\d\d (?:client|server) error"
    r")",
    re.IGNORECASE,
)
_EXIT_CODE = re.compile(
    r"(?:^|\n)[ \t\[(<*>]{0,4}(?:process |command |script )?(?:exited|finished|returned|failed)?[ \t]{0,2}(?:with )?"
    r"(?:exit|return)[ _-]?(?:code|status)?[ \t]{0,2}[:=]?[ \t>]{0,3}(?P<code>-?\d{1,5})\b",
    re.IGNORECASE,
)
_LAST_LINE = re.compile(
    r"(?:^|\n)(?:[A-Za-z_][\w.]{0,80})?(?:Error|Exception|Interrupt|Exit)(?:: [^\n]{0,400})?\s{0,8}\Z"
)
_TRACEBACK = "Traceback (most recent call last)"
_EMPTY_WORDS = re.compile(
    r"\A\W{0,3}(?:none|null|nil|\[\s{0,4}\]|\{\s{0,4}\}|\(\)|n/a|(?:sorry, )?no (?:results?|matches|documents?|data|records?|entries|items)"
    r"(?: (?:were |was )?(?:found|returned|available))?(?: for [^\n]{0,200})?|nothing (?:was )?found)\W{0,3}\Z",
    re.IGNORECASE,
)


def outcome_of(call: ToolCall) -> Outcome:
    """How this call went, by the emitter's own mark if there is one, else by the text of the result."""
    if call.error is not None:
        message = call.error or call.result or ""
        return Outcome("error", kind_of(message), _first_line(message))
    if call.result is None:
        return _UNKNOWN
    return outcome_of_text(call.result)


def outcome_of_text(result: str) -> Outcome:
    """How a call went that returned this text."""
    text = result.strip()
    if not text or (len(text) < 300 and _EMPTY_WORDS.match(text)):
        return _EMPTY
    if text[0] == "{" and len(text) <= JSON_LIMIT:
        return _of_object(text)
    head = text[:HEAD]
    if _HEAD_ERROR.match(head):
        return _error(text)
    code = _EXIT_CODE.search(head) or _EXIT_CODE.search(text[-TAIL:])
    if code is not None:
        return _SUCCESS if int(code["code"]) == 0 else _error(text)
    if _TRACEBACK in text and _LAST_LINE.search(text[-TAIL:]):
        return _error(text)
    return _SUCCESS


def kind_of(message: str) -> ErrorKind:
    """The class of an error by its words; `runtime` when they say no more."""
    words = f"{message[:HEAD]}\n{message[-TAIL:]}" if len(message) > HEAD + TAIL else message
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), ErrorKind.RUNTIME)


def _error(text: str) -> Outcome:
    return Outcome("error", kind_of(text), _first_line(text))


def _first_line(text: str) -> str:
    """The line that says what went wrong: the last one of a traceback, else the first."""
    if _TRACEBACK in text[: HEAD * 2]:
        last = _LAST_LINE.search(text[-TAIL:])
        if last is not None:
            return last.group().strip()[:300]
    return next((line.strip() for line in text[:2000].splitlines() if line.strip()), "")[:300]


_FAILED_STATES = frozenset(
    {"error", "failed", "failure", "fail", "denied", "rejected", "timeout", "exception"}
)
_ERROR_KEYS = ("error", "errors", "error_message", "errorMessage", "exception")
_CODE_KEYS = ("exit_code", "exitCode", "returncode", "return_code", "exitcode")
_FLAGS = {"is_error": True, "isError": True, "success": False, "ok": False, "succeeded": False}


def _of_object(text: str) -> Outcome:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _error(text) if _HEAD_ERROR.match(text[:HEAD]) else _SUCCESS
    if not value:
        return _EMPTY
    said = next(
        (value[key] for key in _ERROR_KEYS if value.get(key) not in (None, "", False, [], {}, 0)), None
    )
    failed = any(value.get(flag) is bad for flag, bad in _FLAGS.items())
    state = value.get("status")
    failed = failed or (isinstance(state, str) and state.lower() in _FAILED_STATES)
    failed = failed or (isinstance(state, int) and not isinstance(state, bool) and 400 <= state < 600)
    nested = value.get("metadata")
    codes = [value.get(key) for key in _CODE_KEYS] + (
        [nested.get("exit_code")] if isinstance(nested, dict) else []
    )
    failed = failed or any(
        isinstance(code, int) and not isinstance(code, bool) and code != 0 for code in codes
    )
    if said is None and not failed:
        return _EMPTY if all(item in (None, "", [], {}) for item in value.values()) else _SUCCESS
    message = said if isinstance(said, str) else text
    return Outcome("error", kind_of(message if isinstance(said, str) else text), _first_line(message))
