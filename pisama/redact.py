"""Secrets never leave in a quote, a report or a prompt."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.secret_kinds import (
    CARRIERS,
    COOKIE,
    COOKIE_ATTRIBUTES,
    COOKIES,
    EMAIL,
    FILES,
    FORMS,
    IN_URL,
    Carrier,
    Form,
)
from pisama.spots import stretches

Span: TypeAlias = tuple[int, int]
"""Where a secret begins and ends."""

_PLACEHOLDER = lazy(
    r"[$<{\[(*]|%[(sdA-Z_]{1,40}%?\Z|.{0,20}(?:\*{3}|x{5}|\.{3})"
    r"|\W{0,5}(?:your|my|the|some|insert|enter|put|replace|example|dummy|fake|none|null|undefined|true|false|redacted|hidden"
    r"|secret|password|token|string|str|bytes|optional|required|invalid|incorrect|missing|expired|wrong|empty|not)(?![A-Za-z0-9])"
    r"|[A-Za-z_][\w.]{0,100}[(\[]|(?:os|process|self|settings|config|env|secrets|request|args|this)\.|[a-z][a-z0-9+.\-]{1,20}://"
    r"|[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){1,6}\Z|[a-z]{1,20}(?:_[a-z]{1,20}){1,8}(?:_?\d{1,2})?\Z",
    re.IGNORECASE,
)
"""What stands where a secret would: a variable, an expression, a word for it."""
_PATH = lazy(r"(?:~|\.{1,2})?(?:/[a-z0-9._\-]{1,60}){1,20}/?\Z")
_LETTER, _DIGIT, _SIGN = lazy(r"[A-Za-z]"), lazy(r"\d"), lazy(r"[^\w\s]")
_PAGING = lazy(
    r"(?:next|page|continuation|cancel\w{0,10}|sync|max|total|prompt|completion|input|output|cached|stop|eos|bos|pad|special)[_\- ]?\Z",
    re.IGNORECASE,
)
"""Before `token`: a place in a list, or a piece of text of a model."""
_OF_ACCESS = lazy(r"(?:api|access|private|secret)[_\-. ]?\Z", re.IGNORECASE)
"""Before `key`: one that opens something, whatever it looks like."""
_FLAG = lazy(r"(?:\A|\s)--?[\w\-]{0,40}\Z")
_LONGEST = 200
"""Characters of a token whose form begins before what it is found by."""
LONGEST_SECRET = 4000
"""Characters around a cut in which a secret may stand that reaches over it: those of a private key."""
_LONGEST_NAME = 200
"""Characters of a name that is kept."""
_LOOKED_BACK = 40
"""Characters before the words of a carrier that are looked at."""
_WORD = lazy(r"[^\s\"'“”‘’.,;:&(){}<>!?][^\s\"'“”‘’,;&(){}<>]{4,400}[^\s\"'“”‘’.,;:&(){}<>!?]")


def redact(text: str) -> str:
    """The text with every recognised secret replaced by `[secret:XXXX]`, an e-mail address by `[email:XXXX]`.

    The same secret gives the same mark.
    """
    text = _replaced(text, _forms(text), "secret")
    text = _replaced(text, _carried(text, _lowered(text)), "secret")
    return _replaced(text, _addresses(text), "email") if "@" in text else text


def redact_name(text: str) -> str:
    """A name or an id without secrets. Names occur again and again, so what came of them is kept."""
    return _redacted_name(text) if len(text) <= _LONGEST_NAME else redact(text)


@lru_cache(maxsize=4096)
def _redacted_name(text: str) -> str:
    return redact(text)


def redact_beginning(text: str, length: int) -> str:
    """The beginning of a text without secrets, of at most so many characters of it.

    It is redacted before it is cut, since half a key is not recognised any more.
    """
    near = text[: length + LONGEST_SECRET]
    cleaned = redact(near)
    return text[:length] if cleaned == near else cleaned[: len(redact(text[:length]))]


def secrets_in(text: str) -> Iterator[str]:
    """The secrets that are recognised in a text, lower case."""
    for begin, end in (*_forms(text), *_carried(text, _lowered(text))):
        yield text[begin:end].lower().rstrip(".:!?")


def redact_known(text: str, secrets: Set[str]) -> str:
    """The text without these secrets, which were recognised by what stood before them elsewhere."""
    if not secrets:
        return text
    return _WORD.sub(
        lambda match: _mark(match[0], "secret") if match[0].lower() in secrets else match[0], text
    )


def redact_issue(issue: Issue) -> Issue:
    """The issue with secrets out of everything that quotes the trace."""
    evidence = tuple(
        Evidence(redact(item.quote), item.step, item.call, redact(item.note)) for item in issue.evidence
    )
    return replace(
        issue, summary=redact(issue.summary), recommendation=redact(issue.recommendation), evidence=evidence
    )


def _forms(text: str) -> Iterator[Span]:
    """Tokens that are told by their form."""
    for form in FORMS:
        for needle in form.needles:
            place = text.find(needle)
            while place >= 0:
                match = _found(form, text, place)
                if match:
                    yield match.span()
                place = text.find(needle, max(match.end(), place + 1) if match else place + 1)


def _found(form: Form, text: str, place: int) -> re.Match[str] | None:
    if form.back:
        return form.pattern.search(text, max(0, place - form.back), place + _LONGEST)
    return form.pattern.match(text, place)


def _addresses(text: str) -> Iterator[Span]:
    """E-mail addresses; `git@` is what every host of repositories calls whoever connects."""
    for begin, end in stretches(text, ("@",), 70, 400, lowered=_lowered(text)):
        for match in EMAIL.finditer(text, begin, end):
            if match["top"].lower() not in FILES and not match[0].startswith("git@"):
                yield match.span()


def _carried(text: str, lowered: str) -> Iterator[Span]:
    """What is told by the words before it."""
    for carrier in CARRIERS:
        for needle in carrier.needles:
            for place in _places(lowered, needle):
                span = _behind(carrier, text, place, place + len(needle))
                if span:
                    yield span
    yield from _cookies(text, lowered)
    for place in _places(lowered, "://"):
        match = IN_URL.match(text, place)
        if match and not _stands_for(match["value"]):
            yield match.span("value")


def _places(lowered: str, needle: str) -> Iterator[int]:
    place = lowered.find(needle)
    while place >= 0:
        yield place
        place = lowered.find(needle, place + len(needle))


def _cookies(text: str, lowered: str) -> Iterator[Span]:
    """The values of the cookies in headers, each of which is read once however often it says the word."""
    read = 0
    for place in _places(lowered, "cookie"):
        header = COOKIES.match(text, place + len("cookie")) if place >= read else None
        if header is not None:
            read = header.end()
            for each in COOKIE.finditer(text, *header.span("value")):
                if each["name"].lower() not in COOKIE_ATTRIBUTES and not _stands_for(each["value"]):
                    yield each.span("value")


def _behind(carrier: Carrier, text: str, begin: int, end: int) -> Span | None:
    """The secret behind the words that stand between two offsets."""
    match = carrier.behind.match(text, end)
    if match is None:
        return None
    before = text[max(0, begin - _LOOKED_BACK) : begin]
    if carrier.ahead is not None and not carrier.ahead.search(before):
        return None
    group = "quoted" if match["quoted"] else "bare"
    secret = not _stands_for(match[group]) and _LOOKS[carrier.holds](match, before, text[begin:end])
    return match.span(group) if secret else None


def _anything(_match: re.Match[str], _before: str, _word: str) -> bool:
    return True


def _key(match: re.Match[str], before: str, word: str) -> bool:
    value = match["quoted"] or match["bare"]
    if " " in value.strip() or (word.lower() == "token" and _PAGING.search(before)):
        return False
    named = word.lower() == "key" and _OF_ACCESS.search(before) is not None
    if not _mixed(value) and not (named and _SIGN.search(value)):
        return False
    return len(value) >= (8 if match["quoted"] else 12) and _joined(match, before)


def _password(match: re.Match[str], before: str, word: str) -> bool:
    value = match["quoted"] or match["bare"]
    if " " in value.strip() or not _joined(match, before):
        return False
    if "i" in match.groupdict().get("joint", "").lower():
        return _mixed(value)
    return _mixed(value) or bool(match["quoted"]) or word.isupper() or _SIGN.search(value) is not None


_LOOKS: Mapping[str, Callable[[re.Match[str], str, str], bool]] = {
    "anything": _anything,
    "key": _key,
    "password": _password,
}


def _joined(match: re.Match[str], before: str) -> bool:
    """Whether what stands between the words and the value joins them; mere space does so in a flag alone."""
    joint = match.groupdict().get("joint")
    return joint is None or bool(joint.strip()) or _FLAG.search(before) is not None


def _mixed(value: str) -> bool:
    return _LETTER.search(value) is not None and _DIGIT.search(value) is not None


def _stands_for(value: str) -> bool:
    return _PLACEHOLDER.match(value) is not None or _PATH.match(value) is not None


def _replaced(text: str, spans: Iterable[Span], kind: str) -> str:
    """The text with a mark in the place of each of these parts of it; parts that overlap get one."""
    parts: list[str] = []
    done = 0
    for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if begin >= done:
            parts += (text[done:begin], _mark(text[begin:end], kind))
        done = max(done, end)
    return "".join((*parts, text[done:])) if parts else text


def _mark(secret: str, kind: str) -> str:
    return f"[{kind}:{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}]"


def _lowered(text: str) -> str:
    """The text in lower case, letter for letter: some capitals become two letters."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWER)


_LOWER = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
