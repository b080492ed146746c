"""Directives: the literal, checkable constraints in a system prompt or in a user's message.

A directive is kept only when obeying it can be read off the reply itself: a literal it must end with,
start with or contain, one it must not contain, a length, parts, the number of calls. Conditional sentences
(`If you are done, reply TERMINATE`) are left out, since whether the condition held cannot be read off.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pisama.spots import find_near, spots

LIMIT = 40_000
"""Characters of a text in which directives are looked for: its beginning and its end."""
MAX_SENTENCE = 1200
"""Longer sentences are data."""
TRAILING = 30
"""Characters that may follow a literal a reply must end with: a full stop, a code fence."""


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


@dataclass(frozen=True, slots=True)
class Directive:
    """One constraint, with the sentence that states it."""

    kind: DirectiveKind
    sentence: str
    start: int
    """Offset of the sentence in the text."""
    literals: tuple[str, ...] = ()
    limit: int = 0
    unit: str = ""
    """What `limit` counts: `word`, `character`, `sentence`, `line`, `paragraph`."""
    final: bool = False
    """It is about the final answer rather than about every reply."""


_APOSTROPHE = "['\u2019]"
_DO_NOT = rf"(?:do not|don{_APOSTROPHE}t|never|must not|should not|shouldn{_APOSTROPHE}t)"
_MUST = r"(?:always|must|should|shall|ha(?:s|ve) to|needs? to)"
_REPLY = (
    r"(?:(?:your|the|each|every|all|any) )?(?:\w{1,20} ){0,2}"
    r"(?:repl(?:y|ies)|responses?|answers?|messages?|outputs?|turns?)"
)
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3}){1,2}|\d{1,7}|one|two|three|four|five|six|seven|eight|nine|ten)"
_NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_LITERAL = re.compile(
    r"`(?P<tick>[^`\n]{1,60})`"
    r"|(?<!\w)'(?P<single>[^'\n]{1,60})'(?!\w)"
    r"|\"(?P<double>[^\"\n]{1,60})\""
    r"|“(?P<curly>[^”\n]{1,60})”"
    r"|(?P<tag></?[A-Za-z][\w|\-]{1,40}>)"
    r"|(?P<fence>```\w{0,12})"
)
_CONDITIONAL = _pattern(
    r"\b(?:if|when|whenever|once|unless|in case|after|as soon as|until|otherwise|depending)\b",
    r"\b(?:for (?:example|instance)|e\.g\.|optional(?:ly)?|may|can|could|might)\b",
)
_SHOWN = re.compile(
    r"\A\W{0,3}(?:thought|observation|task|action|question|example|user|human)s?\b[^:\n]{0,20}:", re.I
)
_END = _pattern(
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:ends?|finish|terminates?|concludes?) (?:{_REPLY} )?with\b",
    rf"\A\W{{0,6}}(?:end|finish|terminate|conclude) (?:{_REPLY} )?with\b",
    r"\bending with\b",
)
_WRITE_AND_STOP = _pattern(r"\b(?:write|output|emit|add|append)\b[^.;]{0,60}\band (?:then )?stop\b")
_START = _pattern(
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:starts?|begins?) (?:{_REPLY} )?with\b",
    rf"\A\W{{0,6}}(?:start|begin) (?:{_REPLY} )?with\b",
)
_CONTAIN = _pattern(
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:include|contain|provide|wrap|enclose|put|mention|have"
    r"|be (?:wrapped|enclosed|put|placed) (?:in|inside|within|between))\b",
    r"\A\W{0,6}(?:please )?(?:wrap|enclose|put|place|provide|write|give) (?:your|the) (?:final )?"
    r"(?:answer|reply|response|output|result|solution)\b[^.;]{0,40}\b(?:in|inside|within|between|with)\b",
)
_TEMPLATE = re.compile(
    r"\b(?:[Uu]se|[Ff]ollow(?:ing)?|[Ww]ith|[Ii]n) (?:exactly )?(?:the following|this) (?:template|format)\b"
    r"[^:\n]{0,40}:\s{0,4}(?P<head>[A-Z][A-Za-z _\-]{1,40}:)\s{0,3}[\[<{(]"
)
_FORBID = _pattern(
    rf"\b(?:{_DO_NOT}|may not|avoid|refrain from)\b[^.;]{{0,30}}\b(?:use|using|say|saying|mention|mentioning"
    r"|write|writing|include|including|output|words?|phrases?|terms?)\b"
)
_LENGTH = _pattern(
    r"\b(?:at most|no(?:t)? more than|(?:a )?max(?:imum|\.)?(?: of)?|no longer than|under|fewer than|less than"
    r"|within|(?:not )?exceed(?:ing)?|limit(?:ed)? (?:\w{1,15} ){0,3}to|below) "
    rf"{_NUMBER}[ -](?P<unit>words?|characters?|chars|sentences?|lines?|paragraphs?)(?! (?:each|per|apart)\b)"
)
_STRICT = _pattern(r"\A(?:under|fewer|less|below)")
_ABOUT_REPLY = _pattern(
    r"\b(?:answers?|repl(?:y|ies)|respond|responses?|messages?|outputs?|summar(?:y|i[sz]e)|brief|concise)\b"
)
_ABOUT_OTHER = _pattern(
    r"\b(?:quer(?:y|ies)|files?|titles?|subject|name|commit|search|argument|chunk|snippet|password|input|post"
    r"|headline|description)\b"
)
_PIECE = _pattern(
    rf"\b(?:print|display|show)\b[^.;]{{0,40}}\bfirst {_NUMBER} (?P<unit>characters|chars|lines|words)\b"
)
_AT_A_TIME = _pattern(rf"\b{_NUMBER} (?P<unit>characters|chars|lines|words) at a time\b")
_PARTS = re.compile(
    rf"^[^\n]{{0,200}}\b(?:{_MUST}|provide|use|with|contains?)\b[^.\n]{{0,40}}\b(?:these|the (?:following|below)) "
    r"(?:parts|headings|sections|headers)\b[^\n]{0,10}$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(r"[ \t]{0,3}(?:#{1,5} |\d{1,2}[.)] |[-*] )(?P<title>[^\n]{2,80})")
_OF_CALLS = (
    (
        DirectiveKind.ONE_CALL,
        _pattern(
            r"\b(?:only|at most|exactly|just|no more than)\b[^.;\n]{0,25}\b(?:one|1|a single) (?:tool|function)"
            r"(?: call)? (?:at a time|per (?:step|turn|message))\b"
        ),
    ),
    (
        DirectiveKind.CALL_OR_TEXT,
        _pattern(
            r"\bmake a tool call, (?:you should|do|you must) not respond\b",
            r"\b(?:should|must|do) not (?:both )?(?:respond|reply)[^.;\n]{0,30}\b(?:and|while) (?:mak(?:e|ing) )?"
            r"(?:a )?(?:tool )?calls?\b[^.;\n]{0,30}\bsame time\b",
        ),
    ),
    (
        DirectiveKind.NO_REPEAT,
        _pattern(
            rf"\b{_DO_NOT}\b[^.;\n]{{0,20}}\b(?:re-?do|repeat|re-?run|make|call)\b[^.;\n]{{0,60}}"
            r"\b(?:exact(?:ly)? )?same (?:parameters|arguments|inputs?|query)\b"
        ),
    ),
    (
        DirectiveKind.ALWAYS_CALL,
        _pattern(
            r"\b(?:always|must) (?:provide|make|include|use|end with) (?:a|one|at least one) tool call\b"
        ),
    ),
    (
        DirectiveKind.NO_FINAL_STOP,
        _pattern(
            rf"\b(?:{_DO_NOT}|no|without)\b[^.;\n]{{0,20}}\b(?:final|trailing|ending) (?:sentence )?punctuation\b"
        ),
    ),
)
_NO_SURRENDER = _pattern(
    rf"['\"“](?:I )?(?:cannot|can{_APOSTROPHE}t|don{_APOSTROPHE}t|unable|none found|not found|unknown)"
    r"[^'\"”\n]{0,30}['\"”][^.;\n]{0,60}\bnot (?:be )?(?:tolerated|accepted|acceptable|allowed)\b"
)
_FINAL = _pattern(r"\bfinal[ _](?:answer|response|output|reply|message|result)(?![a-z])")
_MARKER = re.compile(
    r"</?[A-Za-z][\w|\-]{1,40}>|[A-Z][A-Za-z _\-]{0,30}:(?:\s{1,3}```\w{0,12})?|```\w{0,12}|[A-Z][A-Z_ ]{2,30}"
    r"|#{1,5} [^\n]{2,50}|\[[A-Z_]{2,30}\]|\\boxed(?:\{\})?"
)
_SENTENCES = re.compile(r"\s(?:(?<=[.!?]\s)\s*+(?=[\"'(*`]{0,2}[A-Z0-9])|(?<=\n)(?!<))")
_WORDS = tuple(
    """at a time|per step|per turn|per message|tool call|same |punctuation|word|char|sentence|line|paragraph|template
    format|tolerated|accept|allowed|stop|do not|don't|don\u2019t|never|may not|avoid|refrain|always|must|should|shall
    has to|have to|need to|needs to|ending with""".replace("\n    ", "|").split("|")
)
"""In any directive there is one of these, unless it opens with its verb."""
_OPENING = re.compile(r"\s*\W{0,6}(?:end|finish|terminate|conclude|start|begin|please|wrap|enclose|put|place|provide|write|give) ", re.I)
_PARTS_WORDS = ("parts", "headings", "sections", "headers")


def directives(text: str) -> tuple[Directive, ...]:
    """The directives of a text, in order; of a long one those near its beginning and its end."""
    if len(text) > LIMIT:
        half = LIMIT // 2
        text = text[:half] + "\n" + text[-half:]
    found = [directive for start, sentence in _sentences(text) for directive in _of_sentence(sentence, start)]
    found.extend(_parts(text))
    return tuple(dict.fromkeys(found))


def reply_breaks(directive: Directive, reply: str) -> str | None:
    """How a reply breaks a directive, as the end of a sentence; None when it does not or cannot be seen."""
    checks = {
        DirectiveKind.END: _breaks_end,
        DirectiveKind.START: _breaks_start,
        DirectiveKind.CONTAIN: _breaks_contain,
        DirectiveKind.FORBID: _breaks_forbid,
        DirectiveKind.LENGTH: _breaks_length,
        DirectiveKind.PARTS: _breaks_parts,
        DirectiveKind.NO_FINAL_STOP: _breaks_final_stop,
    }
    check = checks.get(directive.kind)
    return check(directive, reply) if check is not None and reply.strip() else None


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences that may hold a directive, with their offsets."""
    lowered = text.lower()
    words = spots(lowered, _WORDS) if len(lowered) == len(text) else range(len(text))
    begin = 0
    for end, following in _bounds(text):
        first = bisect_left(words, begin)
        if (first < len(words) and words[first] < end) or _OPENING.match(text, begin, end):
            yield begin, text[begin:end].strip()
        begin = following


def _bounds(text: str) -> Iterator[tuple[int, int]]:
    for match in _SENTENCES.finditer(text):
        yield match.span()
    yield len(text), len(text)


def _of_sentence(sentence: str, start: int) -> Iterator[Directive]:
    # Longer "sentences" are data or code; labelled ones are examples of what others said.
    if len(sentence) > MAX_SENTENCE or _SHOWN.match(sentence):
        return
    final = _FINAL.search(sentence) is not None
    for kind, pattern in _OF_CALLS:
        if pattern.search(sentence):
            yield Directive(kind, sentence, start, final=kind is DirectiveKind.NO_FINAL_STOP)
    yield from _of_size(sentence, start, final=final)
    template = _TEMPLATE.search(sentence)
    if template is not None:
        yield Directive(DirectiveKind.CONTAIN, sentence, start, (template["head"],), final=final)
    if _NO_SURRENDER.search(sentence):
        yield Directive(DirectiveKind.NO_SURRENDER, sentence, start, final=True)
    literals = _literals(sentence)
    if literals:
        for kind, wanted in _of_literals(sentence, literals):
            yield Directive(kind, sentence, start, wanted, final=final)


def _of_literals(
    sentence: str, literals: list[tuple[int, str]]
) -> Iterator[tuple[DirectiveKind, tuple[str, ...]]]:
    stop = _WRITE_AND_STOP.search(sentence)
    inside = [value for place, value in literals if stop and stop.start() <= place <= stop.end()]
    forbid = _FORBID.search(sentence)
    if len(inside) == 1:
        yield DirectiveKind.END, (inside[0],)
    elif _CONDITIONAL.search(sentence):
        return
    elif forbid is not None:
        after = tuple(value for place, value in literals if place >= forbid.end())
        if after and all(_is_word(value) for value in after):
            yield DirectiveKind.FORBID, after
    else:
        yield from _of_demands(sentence, literals)


def _of_demands(
    sentence: str, literals: list[tuple[int, str]]
) -> Iterator[tuple[DirectiveKind, tuple[str, ...]]]:
    taken: set[int] = set()
    for kind, pattern in ((DirectiveKind.END, _END), (DirectiveKind.START, _START)):
        match = pattern.search(sentence)
        near = [item for item in literals if match and match.end() <= item[0] <= match.end() + 30]
        if near:
            taken.add(near[0][0])
            yield kind, (near[0][1],)
    match = _CONTAIN.search(sentence)
    if match is not None:
        wanted = [
            value
            for place, value in literals
            if place >= match.end() and place not in taken and _is_marker(value)
        ]
        if wanted:
            yield DirectiveKind.CONTAIN, tuple(wanted)


def _of_size(sentence: str, start: int, *, final: bool) -> Iterator[Directive]:
    piece = _AT_A_TIME.search(sentence) or _PIECE.search(sentence)
    if piece is not None:
        limit, unit = _number(piece["number"]), _unit(piece["unit"])
        yield Directive(DirectiveKind.PIECE, sentence, start, limit=limit, unit=unit)
        return
    length = _LENGTH.search(sentence)
    if length is None or _CONDITIONAL.search(sentence) or _ABOUT_OTHER.search(sentence):
        return
    if _ABOUT_REPLY.search(sentence):
        limit, unit = _number(length["number"]), _unit(length["unit"])
        if _STRICT.match(length.group()):
            limit -= 1
        yield Directive(DirectiveKind.LENGTH, sentence, start, limit=limit, unit=unit, final=final)


def _parts(text: str) -> Iterator[Directive]:
    for match in find_near(_PARTS, text, _PARTS_WORDS, before=270, after=60):
        titles: list[str] = []
        for line in text[match.end() : match.end() + 1500].lstrip("\n").splitlines():
            heading = _HEADING.match(line)
            if heading is None:
                break
            titles.append(heading["title"].strip().rstrip(":").strip("*` "))
        if len(titles) >= 2:
            yield Directive(
                DirectiveKind.PARTS,
                match.group().strip(),
                match.start(),
                tuple(titles),
                final=_FINAL.search(match.group()) is not None,
            )


def _literals(sentence: str) -> list[tuple[int, str]]:
    found = []
    for match in _LITERAL.finditer(sentence):
        value = next(group for group in match.groups() if group is not None).replace("\\n", "\n").strip()
        if value:
            found.append((match.start(), value))
    return found


def _is_marker(value: str) -> bool:
    """A tag, a label or a fence can be demanded literally; a quoted sentence is more often an example."""
    return _MARKER.fullmatch(value) is not None


def _is_word(value: str) -> bool:
    return bool(re.fullmatch(r"[\w'\u2019][\w'\u2019 \-]{1,40}", value))


def _number(text: str) -> int:
    bare = text.replace(",", "").lower()
    return int(bare) if bare.isdigit() else _NUMERALS.index(bare) + 1


def _unit(text: str) -> str:
    bare = text.lower().rstrip("s")
    return "character" if bare == "char" else bare


def _flat(text: str) -> str:
    return " ".join(text.split()).lower()


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def _breaks_end(directive: Directive, reply: str) -> str | None:
    literal, text = _flat(directive.literals[0]), _flat(reply[-4000:])
    place = text.rfind(literal)
    if place < 0:
        return f"does not end with {directive.literals[0]!r}"
    rest = len(text) - place - len(literal)
    return f"goes on after {directive.literals[0]!r}" if rest > TRAILING else None


def _breaks_start(directive: Directive, reply: str) -> str | None:
    literal, text = _flat(directive.literals[0]), _flat(reply[:400]).lstrip("*#_>` ")
    return (
        None
        if text.startswith(literal.lstrip("*#_>` "))
        else f"does not start with {directive.literals[0]!r}"
    )


def _breaks_contain(directive: Directive, reply: str) -> str | None:
    text = _flat(reply)
    missing = [literal for literal in directive.literals if _flat(literal) not in text]
    return f"lacks {', '.join(repr(literal) for literal in missing)}" if missing else None


def _breaks_forbid(directive: Directive, reply: str) -> str | None:
    for literal in directive.literals:
        if re.search(rf"(?<![\w'\"`“]){re.escape(literal)}(?![\w'\"`”])", reply, re.IGNORECASE):
            return f"contains {literal!r}"
    return None


def measure(text: str, unit: str) -> int:
    """The length of a text in words, characters, sentences, lines or paragraphs."""
    if unit == "word":
        return len(text.split())
    if unit == "line":
        return sum(1 for line in text.splitlines() if line.strip())
    if unit == "paragraph":
        return sum(1 for part in re.split(r"\n[ \t]*\n", text) if part.strip())
    if unit == "sentence":
        return max(1, len(re.findall(r"[.!?][\"')\]]{0,2}(?=\s+[A-Z\"'(]|\s*\Z)", text)))
    return len(text)


def _breaks_length(directive: Directive, reply: str) -> str | None:
    count = measure(reply.strip(), directive.unit)
    # Counting words differs by how hyphens and symbols are taken; a tenth is not a broken limit.
    allowed = directive.limit * 1.1 if directive.limit >= 20 else directive.limit
    if count <= allowed:
        return None
    return f"has {count} {directive.unit}s where at most {directive.limit} are allowed"


def _breaks_parts(directive: Directive, reply: str) -> str | None:
    text = _bare(reply)
    missing = [
        title for title in directive.literals if _bare(re.sub(r"\([^)]{0,60}\)", "", title)) not in text
    ]
    return f"lacks the part {missing[0]!r}" if missing else None


def _breaks_final_stop(_: Directive, reply: str) -> str | None:
    text = reply.strip()
    return f"ends with {text[-1]!r}" if text[-1] in ".!?" and not text.endswith("...") else None
