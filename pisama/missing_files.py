"""Files that were not there, and the acts that ask for them again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pisama.acts import is_bookkeeping
from pisama.features import CallFeatures
from pisama.outcomes import ErrorKind
from pisama.patterns import lazy
from pisama.text import STOP_WORDS, words
from pisama.trace import JSON

WIDTH = 6_000
"""Characters of the arguments of a call in which files are looked for."""
REQUEST = 200
"""Characters before the name of a file that show whether somebody is asked for it."""
_FILE = lazy(r"[\w.\-/~:]{4,300}")
_ENDING = lazy(r"\.[A-Za-z]\w{0,4}\Z")
_ABSENT = lazy(
    r"no such file|filenotfound|file [^\n]{0,200}(?:does not exist|not found)|cannot find the (?:file|path)",
    re.IGNORECASE,
)


class AskedAgain(NamedTuple):
    """A call that asks for a file which an earlier one had shown to be missing."""

    call: CallFeatures
    file: str
    missed: CallFeatures
    """The call that first showed it."""


def asked_again(calls: Iterable[CallFeatures]) -> Iterator[AskedAgain]:
    """Per step the first call with which an agent asks for a file that it was told is missing.

    Asking is the same tool in other words, or words to somebody that name the file. The very same call again, a
    command that looks for the file, and a call that makes it, are none; after that, and once it was read, it is missing no more.
    """
    missing: dict[tuple[str, str], CallFeatures] = {}
    last: object = None
    for call in calls:
        absent = call.outcome.kind is ErrorKind.NOT_FOUND and _ABSENT.search(call.outcome.message)
        if is_bookkeeping(call.name) or not (missing or absent):
            continue
        named = files_named(call.call.arguments)
        again = _again(call, named, missing)
        if again is not None and call.step is not last:
            last = call.step
            yield again
        if absent:
            said = call.outcome.message.lower()
            for file in named:
                if file in said:
                    missing.setdefault((call.step.agent, file), call)


def _again(
    call: CallFeatures, named: dict[str, str], missing: dict[tuple[str, str], CallFeatures]
) -> AskedAgain | None:
    """The first missing file that a call asks for. Files that it names to other ends are missing no more."""
    for file, before in named.items():
        missed = missing.get((call.step.agent, file))
        if missed is None or missed.step is call.step or missed.key == call.key:
            continue
        if _asks(before) or (missed.name == call.name and call.outcome.failed):
            return AskedAgain(call, file, missed)
        del missing[call.step.agent, file]
    return None


def files_named(arguments: JSON) -> dict[str, str]:
    """The paths and file names in the arguments of a call, each with the words before its first place."""
    found: dict[str, str] = {}
    pending: list[JSON] = [arguments]
    width = 0
    while pending and width < WIDTH:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, str):
            text = value[: WIDTH - width]
            width += len(text)
            for match in _FILE.finditer(text):
                name = match.group().strip(".:-").lower()
                if _ENDING.search(name):
                    found.setdefault(name, text[max(0, match.start() - REQUEST) : match.start()])
    return found


def _asks(before: str) -> bool:
    """Whether the words before a file are a sentence, and not code or a command."""
    spoken = words(before)
    return len(spoken) >= 8 and 3 * sum(word in STOP_WORDS for word in spoken) >= len(spoken)
