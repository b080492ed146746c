"""Directives: the literal, checkable constraints in a system prompt or in a user's message.

A directive is kept only when obeying it can be read off the reply itself: a literal it must end with,
start with or contain, one it must not contain, a length, parts, the number of calls. Conditional sentences
(`If you are done, reply TERMINATE`) are left out, since whether the condition held cannot be read off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pisama import directive_words
from pisama.patterns import lazy
from pisama.spots import find_near, holds

LIMIT = 40_000
"""Characters of a text in which directives are looked for: its beginning and its end."""
MAX_SENTENCE = 1200
"""Longer sentences are data."""
REMEMBERED = 2000
"""Characters of the longest line whose directives are remembered."""


class DirectiveKind(StrEnum):
    """What a directive demands."""

    END = "end with"
    START = "start with"
    CONTAIN = "contain"
    FORBID = "not contain"
    LENGTH = "be no longer than"
    PIECE = "print no more at a time than"
    PARTS = "have the parts"
    ONE_CALL = "make one tool call at a time"
    CALL_OR_TEXT = "either speak or call a tool"
    NO_REPEAT = "never repeat a call with the same arguments"
    ALWAYS_CALL = "call a tool in every step"
    NO_FINAL_STOP = "have no final punctuation"
    NO_SURRENDER = "not give up"


class Directive(NamedTuple):
    """One constraint, with the sentence that states it."""

    kind: DirectiveKind
    sentence: str
    start: int
    """Offset of the sentence in the text, as far as it was read: see `LIMIT`."""
    literals: tuple[str, ...] = ()
    limit: int = 0
    unit: str = ""
    """What `limit` counts: `word`, `character`, `sentence`, `line`, `paragraph`."""
    final: bool = False
    """It is about the final answer rather than about every reply."""


_NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NEW_LINE = lazy(r"\n(?!<)")
"""The end of a line, unless a tag goes on with it."""
_OF_CALLS = (
    (DirectiveKind.ONE_CALL, directive_words.ONE_CALL),
    (DirectiveKind.CALL_OR_TEXT, directive_words.CALL_OR_TEXT),
    (DirectiveKind.NO_REPEAT, directive_words.NO_REPEAT),
    (DirectiveKind.ALWAYS_CALL, directive_words.ALWAYS_CALL),
    (DirectiveKind.NO_FINAL_STOP, directive_words.NO_FINAL_STOP),
)


def directives(text: str) -> tuple[Directive, ...]:
    """The directives of a text, in order; of a long one those near its beginning and its end."""
    if len(text) > LIMIT:
        half = LIMIT // 2
        text = text[:half] + "\n" + text[-half:]
    found: list[Directive] = []
    start = 0
    for line in _NEW_LINE.split(text):
        # Prompts repeat their lines from step to step and from run to run, and nearly none states a directive.
        stated = _remembered(line) if len(line) <= REMEMBERED else _read(line)
        if stated:
            found.extend(directive._replace(start=directive.start + start) for directive in stated)
        start += len(line) + 1
    found.extend(_parts(text))
    return tuple(dict.fromkeys(found))


def _read(line: str) -> tuple[Directive, ...]:
    if not holds(line.lower(), directive_words.WORDS):
        return ()
    return tuple(
        directive for start, sentence in _sentences(line) for directive in _of_sentence(sentence, start)
    )


_remembered = lru_cache(maxsize=8192)(_read)


def _sentences(line: str) -> Iterator[tuple[int, str]]:
    begin = 0
    for end, following in (
        *(match.span() for match in directive_words.SENTENCES.finditer(line)),
        (len(line), 0),
    ):
        sentence = line[begin:end].strip()
        if sentence:
            yield begin + line[begin:end].index(sentence[0]), sentence
        begin = following


def _of_sentence(sentence: str, start: int) -> Iterator[Directive]:
    # Longer "sentences" are data or code; labelled ones are examples of what others said.
    if len(sentence) > MAX_SENTENCE or directive_words.SHOWN.match(sentence):
        return
    lowered = sentence.lower()
    final = directive_words.FINAL.search(sentence, lowered) is not None
    for kind, sign in _OF_CALLS:
        if sign.search(sentence, lowered):
            yield Directive(kind, sentence, start, final=kind is DirectiveKind.NO_FINAL_STOP)
    size = _of_size(sentence, lowered)
    if size is not None:
        piece = size[0] is DirectiveKind.PIECE
        yield Directive(size[0], sentence, start, limit=size[1], unit=size[2], final=final and not piece)
    template = directive_words.TEMPLATE.search(sentence, lowered)
    if template is not None:
        yield Directive(DirectiveKind.CONTAIN, sentence, start, (template["head"],), final=final)
    if directive_words.NO_SURRENDER.search(sentence, lowered):
        yield Directive(DirectiveKind.NO_SURRENDER, sentence, start, final=True)
    for kind, wanted in _of_literals(sentence, lowered):
        yield Directive(kind, sentence, start, wanted, final=final)


def _of_literals(sentence: str, lowered: str) -> Iterator[tuple[DirectiveKind, tuple[str, ...]]]:
    if not holds(lowered, directive_words.LITERAL_WORDS) and not directive_words.OPENING.match(sentence):
        return
    literals = _literals(sentence)
    if not literals:
        return
    stop = directive_words.WRITE_AND_STOP.search(sentence, lowered)
    inside = [value for place, value in literals if stop and stop.start() <= place <= stop.end()]
    if len(inside) == 1:
        yield DirectiveKind.END, (inside[0],)
    elif directive_words.CONDITIONAL.search(sentence):
        return
    elif (forbid := directive_words.FORBID.search(sentence, lowered)) is not None:
        after = tuple(value for place, value in literals if place >= forbid.end())
        if after and all(_is_word(value) for value in after):
            yield DirectiveKind.FORBID, after
    else:
        yield from _of_demands(sentence, lowered, literals)


def _of_demands(
    sentence: str, lowered: str, literals: list[tuple[int, str]]
) -> Iterator[tuple[DirectiveKind, tuple[str, ...]]]:
    taken: set[int] = set()
    ends, starts = directive_words.END, directive_words.START
    for kind, sign in ((DirectiveKind.END, ends), (DirectiveKind.START, starts)):
        match = sign.search(sentence, lowered)
        near = [item for item in literals if match and match.end() <= item[0] <= match.end() + 30]
        if near:
            taken.add(near[0][0])
            yield kind, (near[0][1],)
    match = directive_words.CONTAIN.search(sentence, lowered)
    if match is not None:
        wanted = [
            value
            for place, value in literals
            if place >= match.end() and place not in taken and _is_marker(value)
        ]
        if wanted:
            yield DirectiveKind.CONTAIN, tuple(wanted)


def _of_size(sentence: str, lowered: str) -> tuple[DirectiveKind, int, str] | None:
    """The kind of a limit, the limit, and what it counts."""
    piece = directive_words.AT_A_TIME.search(sentence, lowered) or directive_words.PIECE.search(
        sentence, lowered
    )
    if piece is not None:
        return DirectiveKind.PIECE, _number(piece["number"]), _unit(piece["unit"])
    length = directive_words.LENGTH.search(sentence, lowered)
    if (
        length is None
        or directive_words.CONDITIONAL.search(sentence)
        or directive_words.ABOUT_OTHER.search(sentence)
        or not directive_words.ABOUT_REPLY.search(sentence)
    ):
        return None
    limit = _number(length["number"]) - bool(directive_words.STRICT.match(length.group()))
    return DirectiveKind.LENGTH, limit, _unit(length["unit"])


def _parts(text: str) -> Iterator[Directive]:
    for match in find_near(directive_words.PARTS, text, directive_words.PARTS_WORDS, before=270, after=60):
        titles: list[str] = []
        for line in text[match.end() : match.end() + 1500].lstrip("\n").splitlines():
            heading = directive_words.HEADING.match(line)
            if heading is None:
                break
            titles.append(heading["title"].strip().rstrip(":").strip("*` "))
        if len(titles) >= 2:
            yield Directive(
                DirectiveKind.PARTS,
                match.group().strip(),
                match.start(),
                tuple(titles),
                final=directive_words.FINAL.pattern.search(match.group()) is not None,
            )


def _literals(sentence: str) -> list[tuple[int, str]]:
    found = []
    for match in directive_words.LITERAL.finditer(sentence):
        value = next(group for group in match.groups() if group is not None).replace("\\n", "\n").strip()
        if value:
            found.append((match.start(), value))
    return found


def _is_marker(value: str) -> bool:
    """A tag, a label or a fence can be demanded literally; a quoted sentence is more often an example."""
    return directive_words.MARKER.fullmatch(value) is not None


def _is_word(value: str) -> bool:
    return bool(re.fullmatch(r"[\w'\u2019][\w'\u2019 \-]{1,40}", value))


def _number(text: str) -> int:
    bare = text.replace(",", "").lower()
    return int(bare) if bare.isdigit() else _NUMERALS.index(bare) + 1


def _unit(text: str) -> str:
    bare = text.lower().rstrip("s")
    return "character" if bare == "char" else bare
