"""Whether an input is of the kind that a tool takes, by the name of the parameter and by the reply."""

from __future__ import annotations

import re

from pisama.features import CallFeatures
from pisama.outcomes import ErrorKind
from pisama.patterns import lazy

_REFUSALS = (
    lazy(r"got an unexpected keyword argument '[^'\n]{0,60}'"),
    lazy(r"missing \d{1,2} required (?:positional|keyword-only) arguments?: [^\n]{1,120}"),
    lazy(r"missing (?:a )?required (?:argument|parameter|property|field)s?:?[^\n]{0,80}", re.IGNORECASE),
    lazy(r"unexpected (?:argument|parameter|property|field)s?:? [^\n]{1,80}", re.IGNORECASE),
    lazy(r"'[\w. ]{1,60}' is a required property"),
    lazy(r"Additional properties are not allowed[^\n]{0,100}"),
    lazy(r"takes \d{1,2} positional arguments? but \d{1,2} (?:was|were) given"),
    lazy(r"(?:field|parameter|argument) '?[\w.]{1,60}'? (?:is )?required", re.IGNORECASE),
)
_URL_NAMES = frozenset({"url", "link", "uri", "href", "page_url", "website"})
_PATH_NAMES = frozenset({"path", "file_path", "filepath", "filename", "image_path", "file"})
_QUERY_NAMES = frozenset({"query", "q", "search_query", "search", "keywords", "search_term"})
_CODE_NAMES = frozenset({"code", "script", "python_code"})
_URL = lazy(r"\s{0,4}https?://\S{4,500}\s{0,4}\Z", re.IGNORECASE)
_CODE_MARK = lazy(r"[=()\[\]{};<>#]|\bimport\b|\n[ \t]")


def rejected(message: str, answer: str) -> str | None:
    """The words with which a tool refused its arguments as such; None when it failed otherwise."""
    for text in (message, answer):
        for pattern in _REFUSALS:
            match = pattern.search(text)
            if match is not None:
                return match.group().strip()
    return None


def unfit(call: CallFeatures) -> str | None:
    """What is wrong with the kind of an input of a call that failed, as a clause; None when nothing is."""
    given = call.call.arguments
    if not isinstance(given, dict):
        return None
    for key, value in given.items():
        if isinstance(value, str) and value.strip():
            wrong = _wrong(key.lower(), value, call)
            if wrong is not None:
                return f"{call.name} was given {wrong} as `{key}`, which it cannot take"
    return None


def _wrong(key: str, value: str, call: CallFeatures) -> str | None:
    if key in _URL_NAMES and ("\n" in value.strip() or len(value.split()) > 2):
        return "words that are no address"
    # A tool that went to the address, and did not find it there, does take addresses.
    if key in _PATH_NAMES and _URL.match(value) and "http" not in call.outcome.message.lower():
        return "a web address instead of a file"
    if key in _QUERY_NAMES and _URL.match(value):
        return "a bare web address instead of words to search for"
    prose = len(value.split()) > 6 and not _CODE_MARK.search(value[:2000])
    if key in _CODE_NAMES and prose and call.outcome.kind is ErrorKind.SYNTAX:
        return "prose instead of code"
    return None
