"""How a call can go, the classes of errors, and the line of a report that says what went wrong."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from pisama.patterns import lazy

HEAD = 600
"""Characters at the beginning of a result in which an error report is looked for."""
TAIL = 1000
"""Characters at its end in which an exit code or the last line of a traceback is looked for."""
MESSAGE = 300
"""Most characters of the line that reports an error."""


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
    FORBIDDEN = "forbidden by the sandbox"
    REFUSED = "refused by the user"


TRANSIENT = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.TIMEOUT, ErrorKind.SERVICE})
"""Classes in which the same call may succeed a moment later."""
OWN_FAULT = frozenset(
    {ErrorKind.BAD_ARGUMENTS, ErrorKind.SYNTAX, ErrorKind.UNKNOWN_TOOL, ErrorKind.FORBIDDEN}
)
"""Classes in which the call itself is wrong, so that only its author can put it right."""

_STATUS = r"(?<![\d.])(?:{})(?![\d.])"
"""An HTTP status: a number on its own, not a part of another."""

# Ordered: the first class that has a word in the report is its class.
_WORDS: tuple[tuple[ErrorKind, tuple[str, ...]], ...] = (
    (
        ErrorKind.NOT_FOUND,
        (r"\A\W{0,4}no (?:search )?(?:results?|match(?:es)?|documents?) (?:were )?found\b",),
    ),
    (
        ErrorKind.REFUSED,
        (
            r"interrupted by (?:the )?user",
            r"user (?:rejected|declined|denied|cancell?ed|doesn't want)",
            r"(?:rejected|cancell?ed|denied|aborted) by (?:the )?user",
            r"permission to use [\w.\-]{1,80} (?:has been |was )?(?:denied|rejected)|requires approval",
            r"keyboardinterrupt",
        ),
    ),
    (
        ErrorKind.UNKNOWN_TOOL,
        (
            r"(?:unknown|unsupported|unrecognized|invalid|undefined) (?:tool|function|action)\b",
            r"unsupported call",
            r"no such tool|unavailable tool|no tool named|only available actions",
            r"\b(?:tool|function) ['\"`]?[\w.\-]{1,80}['\"`]? (?:is |was )?(?:not (?:found|available|registered|in registry)|does not exist)",
            r"is not a valid tool",
        ),
    ),
    (
        ErrorKind.FORBIDDEN,
        (
            r"\bimport(?:ing)?\b[^\n]{0,80}(?:is |are )?not allowed",
            r"forbidden (?:access|function|import|module)",
            r"not among the explicitly allowed",
            r"authorized imports",
            r"operation not permitted",
            r"blocked by (?:the )?(?:sandbox|security policy|policy)",
        ),
    ),
    (ErrorKind.RATE_LIMIT, (r"rate.?limit", r"too many requests", _STATUS.format("429"), "quota", "throttl")),
    (
        ErrorKind.EXHAUSTED,
        (
            "out of memory|memoryerror|no space left|context.?length|context window|prompt is too long|resource.?exhausted",
            r"maximum (?:context|number of|recursion)|max(?:imum)?[ _](?:steps|iterations)|recursionerror|recursion limit",
            r"too large|exceeds (?:the )?(?:maximum|max|limit)|\b(?:oom|sig)?killed\b",
        ),
    ),
    (ErrorKind.TIMEOUT, (r"time[d]?[ -]?out|timeouterror|deadline exceeded|took too long|etimedout",)),
    (
        ErrorKind.SYNTAX,
        (
            r"syntaxerror|indentationerror|taberror|syntax error|invalid syntax|unterminated",
            r"unexpected (?:token|indent|eof|end of)|pars(?:e|ing) (?:error|failed)|error parsing|code parsing",
            r"jsondecodeerror|(?:invalid|malformed) json|error decoding json|expecting value",
            r"unknown language|is invalid, because the regex",
        ),
    ),
    (
        ErrorKind.ENVIRONMENT,
        (
            "modulenotfounderror|importerror|no module named|cannot find module|not installed",
            "command not found|is not recognized as|: not found$|no such command|executable doesn't exist",
        ),
    ),
    (
        ErrorKind.AUTHENTICATION,
        (
            r"unauthori[sz]ed|not authori[sz]ed|forbidden|permission ?(?:denied|error)|access (?:is )?denied|eacces",
            r"authenticat|invalid (?:api )?(?:key|token|credential)|api key|not logged in|log ?in required",
            r"captcha|just a moment|verify you are human",
            _STATUS.format("401|403"),
        ),
    ),
    (
        ErrorKind.BAD_ARGUMENTS,
        (
            r"missing \d* ?(?:required|mandatory)|field required|bad request|does not match|wrong number of",
            r"required (?:positional |keyword )?(?:argument|parameter|field|property|option)",
            r"(?:argument|parameter|field|property|option)s? (?:\S{1,60} )?(?:is|are) (?:required|missing|not allowed)",
            r"unexpected (?:keyword|argument|parameter)|^invalid\b|not (?:a valid|valid)|validation.?error",
            r"invalid (?:argument|parameter|input|value|date|format|option|type|url|request|choice|query|regex)",
            r"must (?:be|match|contain|not|have|provide)\b|should be (?:a|an|of|one)\b|typeerror: [\w.]{1,80}\(\)",
            r"(?:illegal|unrecognized|unknown|no such) (?:option|argument)|^usage:|inputvalidationerror|string to replace",
            _STATUS.format("400|422"),
        ),
    ),
    (
        ErrorKind.NOT_FOUND,
        (
            r"not found|no such file|does not exist|doesn't exist|filenotfounderror|enoent|nosuchkey|no results? found",
            r"could(?: not|n't) (?:be found|find|locate)|can(?:not|'t|not be) (?:find|found|locate)",
            r"unknown (?:city|user|id|resource|host|key|url|location)",
            _STATUS.format("404"),
        ),
    ),
    (
        ErrorKind.SERVICE,
        (
            r"internal server error|service (?:is )?(?:temporarily )?unavailable|temporarily unavailable|bad gateway",
            r"connection ?(?:reset|error|aborted|refused|closed|failed)|econn|remote end closed|max retries exceeded",
            r"name or service not known|could not resolve host|name resolution|getaddrinfo|err_name_not_resolved|fetch failed",
            r"upstream|overloaded|server error|ssl ?error|network (?:error|is unreachable)",
            _STATUS.format("50[0-4]"),
        ),
    ),
)
_KINDS = tuple((kind, lazy("|".join(words), re.IGNORECASE | re.MULTILINE)) for kind, words in _WORDS)

TRACEBACK = "Traceback (most recent call last)"
FRAME = lazy(
    r"\A\s{0,8}(?:File \"[^\"\n]{1,300}\", line \d{1,7}|[\w./\\:\-]{1,300}\.(?:js|ts|mjs|cjs):\d{1,7}\n)"
)
"""How a report of a fault in code begins that has no traceback above it."""
LAST_LINE = lazy(
    r"(?:^|\n)[ \t]{0,4}(?P<said>(?:[A-Za-z_][\w.]{0,100})?(?:Error|Exception|Interrupt|Exit|Warning|Timeout|NotFound|Failure)"
    r"(?:: [^\n]{0,400})?)\s{0,8}(?:\Z|\n(?![ \t]{0,8}File \"))"
)
_CAUSE = lazy(
    r"(?:^|['\"\n ])due to: ?(?P<said>[A-Za-z_][\w.]{2,80}(?:Error|Exception|Interrupt|Exit|Timeout)\b[^\n]{0,400})"
)
_LABEL_LINE = lazy(
    r"(?:call id:.{0,90}|errors?:?|output:|stderr:|stdout:|observation:|</?[\w-]{1,30}>|chunk id:.{0,60}|wall time:.{0,60}"
    r"|command:.{0,400}|directory:.{0,200}|original token count:.{0,40}"
    r"|(?:the )?(?:process |command |script )?(?:exited|finished|failed)?\W{0,3}(?:with )?(?:exit|return|error)?"
    r"[ _-]?(?:code|status)\W{0,4}-?\d{1,5}\W{0,4}(?:\(execution failed\))?)\Z",
    re.IGNORECASE,
)


_LABEL = lazy(r"\A(?:output|stdout|stderr|observation): (?=\S)", re.IGNORECASE)
_REPORTS = lazy(
    r"\b(?:error|fatal|panic|exception|failed|failure)\b ?(?::|\[|at |to |with )|(?:Error|Exception):|\*\*\* "
    r"|no such file|command not found|permission denied|\bcannot \b|\bcan't \b|\bE: |undefined reference",
    re.IGNORECASE,
)
"""A line that reports a failure, among others that a program printed."""


def kind_of(message: str) -> ErrorKind:
    """The class of an error by its words; `runtime` when they say no more.

    The line that reports it decides first: the frames of a traceback quote code that means nothing.
    """
    line = telling_line(message)
    words = message if len(message) <= HEAD + TAIL else f"{message[:HEAD]}\n{message[-TAIL:]}"
    candidates = (line,) if TRACEBACK in words or _CAUSE.search(words) else (line, words)
    for candidate in candidates:
        for kind, pattern in _KINDS:
            if pattern.search(candidate):
                return kind
    return ErrorKind.RUNTIME


def telling_line(text: str) -> str:
    """The line that says what went wrong: the last one of a traceback, else the first that is no label."""
    if TRACEBACK in text[: HEAD * 2] or TRACEBACK in text[-4 * TAIL :] or FRAME.match(text[:HEAD]):
        reports = list(LAST_LINE.finditer(text[-2 * TAIL :]))
        if not reports:  # what was printed may stand below it
            begin = max(text.find(TRACEBACK), 0)
            reports = list(LAST_LINE.finditer(text[begin : begin + 4 * TAIL]))[:1]
        if reports:
            return reports[-1]["said"].strip()[:MESSAGE]
    cause = _CAUSE.search(text[: 4 * TAIL])
    if cause is not None:
        return cause["said"].strip()[:MESSAGE]
    lines = [line.strip() for line in text[:2000].splitlines() if line.strip()]
    telling = [_LABEL.sub("", line) for line in lines if not _LABEL_LINE.match(line)]
    if not telling:
        return (lines[0] if lines else "")[:MESSAGE]
    if len(telling) > 1 and len(telling) < len(lines) and not _REPORTS.search(telling[0]):
        # What a failed program printed begins with what went well.
        below = (line.strip() for line in text[-2000:].splitlines() if not _LABEL_LINE.match(line.strip()))
        return next((line for line in (*telling, *below) if _REPORTS.search(line)), telling[0])[:MESSAGE]
    return telling[0][:MESSAGE]


Status: TypeAlias = Literal["success", "error", "unknown"]


class Outcome(NamedTuple):
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


UNKNOWN = Outcome("unknown")
"""Nothing was recorded that would tell."""
SUCCESS = Outcome("success")
EMPTY = Outcome("success", empty=True)


def failure(text: str) -> Outcome:
    """The outcome of a call that reported its error in this text."""
    return Outcome("error", kind_of(text), telling_line(text))
