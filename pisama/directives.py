"""Directives: the literal, checkable constraints in a system prompt or in a user's message.

A directive is kept only when obeying it can be read off the reply itself: a literal it must end with,
start with or contain, one it must not contain, a length, parts, the number of calls. Conditional sentences
(`If you are done, reply TERMINATE`) are left out, since whether the condition held cannot be read off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

LIMIT = 40_000
"""Characters of a text in which directives are looked for: its beginning and its end."""
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


_LITERAL = re.compile(
    r"`(?P<tick>[^`\n]{1,60})`"
    r"|(?<!\w)'(?P<single>[^'\n]{1,60})'(?!\w)"
    r"|\"(?P<double>[^\"\n]{1,60})\""
    r"|“(?P<curly>[^”\n]{1,60})”"
    r"|(?P<tag></?[A-Za-z][\w|\-]{1,40}>)"
    r"|(?P<fence>```\w{0,12})"
)
_CONDITIONAL = re.compile(
    r"\b(?:if|when|whenever|once|unless|in case|after|as soon as|until|otherwise|for (?:example|instance)|e\.g\.|optional(?:ly)?|may|can|could|might)\b",
    re.IGNORECASE,
)
_REPLY = r"(?:(?:your|the|each|every|all|any) )?(?:\w{1,20} ){0,2}(?:repl(?:y|ies)|responses?|answers?|messages?|outputs?|turns?)"
_END = re.compile(
    rf"\b(?:always|must|should|shall|has to|have to|needs? to)\b[^.;]{{0,60}}\b(?:ends?|finish|terminates?|concludes?) (?:{_REPLY} )?with\b"
    rf"|\A\W{{0,6}}(?:end|finish|terminate|conclude) (?:{_REPLY} )?with\b"
    r"|\bending with\b",
    re.IGNORECASE,
)
_WRITE_AND_STOP = re.compile(
    r"\b(?:write|output|emit|add|append)\b[^.;]{0,60}\band (?:then )?stop\b", re.IGNORECASE
)
_START = re.compile(
    rf"\b(?:always|must|should|shall|has to|have to|needs? to)\b[^.;]{{0,60}}\b(?:starts?|begins?) (?:{_REPLY} )?with\b"
    rf"|\A\W{{0,6}}(?:start|begin) (?:{_REPLY} )?with\b",
    re.IGNORECASE,
)
_CONTAIN = re.compile(
    r"\b(?:always|must|shall|has to|have to|needs? to)\b[^.;]{0,60}\b(?:include|contain|provide|be (?:wrapped|enclosed|put|placed) (?:in|inside|within|between)|wrap|enclose|put|mention|have)\b"
    r"|\A\W{0,6}(?:please )?(?:wrap|enclose|put|place|provide|write|give) (?:your|the) (?:final )?(?:answer|reply|response|output|result|solution)\b[^.;]{0,40}\b(?:in|inside|within|between|with)\b",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(
    r"\b(?:use|follow(?:ing)?|with|in) (?:exactly )?(?:the following|this) (?:template|format)\b[^:\n]{0,40}:\s{0,4}(?P<head>[A-Z][A-Za-z _\-]{1,40}:)\s{0,3}[\[<{(]",
)
_FORBID = re.compile(
    r"\b(?:do not|don['’]t|never|must not|mustn['’]t|should not|shouldn['’]t|may not|avoid|refrain from)\b"
    r"[^.;]{0,30}\b(?:use|using|say|saying|mention|mentioning|write|writing|include|including|output|print|words?|phrases?|terms?)\b",
    re.IGNORECASE,
)
_UNIT = r"(?P<unit>words?|characters?|chars|sentences?|lines?|paragraphs?)"
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3}){1,2}|\d{1,7}|one|two|three|four|five|six|seven|eight|nine|ten)"
_LENGTH = re.compile(
    rf"\b(?:at most|no more than|not more than|(?:a )?max(?:imum|\.)?(?: of)?|no longer than|under|fewer than|less than|within|not exceed(?:ing)?|exceed|limit(?:ed)? (?:\w{{1,15}} ){{0,3}}to|in|below) {_NUMBER}[ -]{_UNIT}(?! (?:each|per|apart)\b)",
    re.IGNORECASE,
)
_ABOUT_REPLY = re.compile(
    r"\b(?:answer|reply|respond|response|replies|responses|message|output|summary|summari[sz]e|be brief|concise)\b",
    re.IGNORECASE,
)
_ABOUT_OTHER = re.compile(
    r"\b(?:quer(?:y|ies)|file|titles?|subject|name|commit|search|argument|chunk|snippet|password|input|post|headline|description)\b",
    re.IGNORECASE,
)
_PIECE = re.compile(
    rf"\b(?P<verb>print|display|show|read|analy[sz]e|process)\b[^.;]{{0,80}}?\b(?:up ?to (?:the )?(?:first )?|at most |only (?:the )?(?:first )?|first |do it |in chunks of )?{_NUMBER} (?P<unit>characters|chars|lines|words)\b(?P<tail>(?: at a time)?)",
    re.IGNORECASE,
)
_AT_A_TIME = re.compile(rf"\b{_NUMBER} (?P<unit>characters|chars|lines|words) at a time\b", re.IGNORECASE)
_PARTS = re.compile(
    r"\b(?:must|will have to|has to|have to|should|needs? to|provide|use|with|contains?)\b[^.\n]{0,40}\b(?:these|the (?:following|below)) (?:parts|headings|sections|headers)\b[^\n]{0,10}$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(r"[ \t]{0,3}(?:#{1,5} |\d{1,2}[.)] |[-*] )(?P<title>[^\n]{2,80})")
_ONE_CALL = re.compile(
    r"\b(?:only|at most|exactly|just|no more than)\b[^.;\n]{0,25}\b(?:one|1|a single) (?:tool|function)(?: call)?(?: at a time| per (?:step|turn|message)|\b)",
    re.IGNORECASE,
)
_CALL_OR_TEXT = re.compile(
    r"\bmake a tool call, (?:you should|do|you must) not respond\b|\b(?:should|must|do) not (?:both )?(?:respond|reply)[^.;\n]{0,30}\b(?:and|while) (?:making? )?(?:a )?(?:tool )?calls?\b[^.;\n]{0,30}\bsame time\b",
    re.IGNORECASE,
)
_NO_REPEAT = re.compile(
    r"\b(?:never|do not|don['’]t)\b[^.;\n]{0,20}\b(?:re-?do|repeat|re-?run|make|call)\b[^.;\n]{0,60}\b(?:exact(?:ly)? )?(?:the )?same (?:parameters|arguments|inputs?|query)\b",
    re.IGNORECASE,
)
_ALWAYS_CALL = re.compile(
    r"\b(?:always|must) (?:provide|make|include|use|end with) (?:a|one|at least one) tool call\b",
    re.IGNORECASE,
)
_NO_FINAL_STOP = re.compile(
    r"\b(?:don['’]t|do not|no|without)\b[^.;\n]{0,20}\b(?:final|trailing|ending) (?:sentence )?punctuation\b",
    re.IGNORECASE,
)
_NO_SURRENDER = re.compile(
    r"['\"“](?:I )?(?:cannot|can['’]t|don['’]t|unable|none found|not found|unknown)[^'\"”\n]{0,30}['\"”][^.;\n]{0,60}\b(?:not|never) (?:be )?(?:tolerated|accepted|acceptable|allowed)\b",
    re.IGNORECASE,
)
_FINAL = re.compile(r"\bfinal\b", re.IGNORECASE)
_WORDS_TO_NUMBER = {
    name: n for n, name in enumerate("one two three four five six seven eight nine ten".split(), start=1)
}
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[\"'(*`]{0,2}[A-Z0-9])|\n")


def directives(text: str) -> tuple[Directive, ...]:
    """The directives of a text, in order; of a long one those near its beginning and its end."""
    if len(text) > LIMIT:
        half = LIMIT // 2
        text = text[:half] + "\n" + text[-half:]
    found = [directive for start, sentence in _sentences(text) for directive in _of_sentence(sentence, start)]
    found.extend(_parts(text))
    return tuple(dict.fromkeys(found))


def is_part_missing(title: str, text: str) -> bool:
    """Whether a part with this title is missing; case, numbering and punctuation do not count."""
    return _bare(title) not in _bare(text)


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
    begin = 0
    for match in _SENTENCES.finditer(text):
        if text[begin : match.start()].strip():
            yield begin, text[begin : match.start()].strip()
        begin = match.end()
    if text[begin:].strip():
        yield begin, text[begin:].strip()


def _of_sentence(sentence: str, start: int) -> Iterator[Directive]:
    # Longer "sentences" are data or code, not instructions.
    if len(sentence) > 1200:
        return
    yield from _of_calls(sentence, start)
    yield from _of_size(sentence, start)
    literals = _literals(sentence)
    final = _FINAL.search(sentence) is not None
    template = _TEMPLATE.search(sentence)
    if template is not None:
        yield Directive(DirectiveKind.CONTAIN, sentence, start, (template["head"],), final=final)
    if _NO_SURRENDER.search(sentence):
        yield Directive(DirectiveKind.NO_SURRENDER, sentence, start, final=True)
    if literals:
        yield from _of_literals(sentence, start, literals, final=final)


def _of_literals(
    sentence: str, start: int, literals: list[tuple[int, str]], *, final: bool
) -> Iterator[Directive]:
    stop = _WRITE_AND_STOP.search(sentence)
    if stop is not None:
        inside = [value for place, value in literals if stop.start() <= place <= stop.end()]
        if len(inside) == 1:
            yield Directive(DirectiveKind.END, sentence, start, (inside[0],), final=final)
            return
    if _FORBID.search(sentence):
        after = [value for place, value in literals if place >= _place(_FORBID, sentence)]
        if after and not _CONDITIONAL.search(sentence) and all(_is_word(value) for value in after):
            yield Directive(DirectiveKind.FORBID, sentence, start, tuple(after), final=final)
        return
    if _CONDITIONAL.search(sentence):
        return
    for kind, pattern in ((DirectiveKind.END, _END), (DirectiveKind.START, _START)):
        match = pattern.search(sentence)
        if match is None:
            continue
        next_one = [value for place, value in literals if match.end() <= place <= match.end() + 30]
        if next_one:
            yield Directive(kind, sentence, start, (next_one[0],), final=final)
            literals = [item for item in literals if item[1] != next_one[0]]
    match = _CONTAIN.search(sentence)
    if match is not None:
        wanted = [value for place, value in literals if place >= match.end() and _is_marker(value)]
        if wanted:
            yield Directive(DirectiveKind.CONTAIN, sentence, start, tuple(wanted), final=final)


def _of_calls(sentence: str, start: int) -> Iterator[Directive]:
    for kind, pattern in (
        (DirectiveKind.ONE_CALL, _ONE_CALL),
        (DirectiveKind.CALL_OR_TEXT, _CALL_OR_TEXT),
        (DirectiveKind.NO_REPEAT, _NO_REPEAT),
        (DirectiveKind.ALWAYS_CALL, _ALWAYS_CALL),
        (DirectiveKind.NO_FINAL_STOP, _NO_FINAL_STOP),
    ):
        if pattern.search(sentence):
            yield Directive(kind, sentence, start, final=kind is DirectiveKind.NO_FINAL_STOP)


def _of_size(sentence: str, start: int) -> Iterator[Directive]:
    piece = _AT_A_TIME.search(sentence) or _PIECE.search(sentence)
    if piece is not None and re.search(r"\b(?:print|display|show)\b", sentence, re.IGNORECASE):
        yield Directive(
            DirectiveKind.PIECE, sentence, start, limit=_number(piece["number"]), unit=_unit(piece["unit"])
        )
        return
    length = _LENGTH.search(sentence)
    if length is None or _CONDITIONAL.search(sentence) or _ABOUT_OTHER.search(sentence):
        return
    if _ABOUT_REPLY.search(sentence):
        limit, unit = _number(length["number"]), _unit(length["unit"])
        strict = re.match(r"under|fewer|less|below", length.group(), re.IGNORECASE)
        yield Directive(
            DirectiveKind.LENGTH, sentence, start, limit=limit - 1 if strict else limit, unit=unit,
            final=_FINAL.search(sentence) is not None,
        )  # fmt: skip


def _parts(text: str) -> Iterator[Directive]:
    for match in _PARTS.finditer(text):
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
    return bool(re.search(r"[<>`{}\[\]#]|:\Z|\A[A-Z][A-Z_ ]{2,30}\Z", value))


def _is_word(value: str) -> bool:
    return bool(re.fullmatch(r"[\w'’][\w'’ \-]{1,40}", value))


def _place(pattern: re.Pattern[str], sentence: str) -> int:
    match = pattern.search(sentence)
    return match.end() if match is not None else len(sentence)


def _number(text: str) -> int:
    bare = text.replace(",", "").lower()
    return int(bare) if bare.isdigit() else _WORDS_TO_NUMBER[bare]


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
        return max(1, len(re.findall(r"[.!?](?:[\"')\]]{0,2})(?=\s+[A-Z\"'(]|\s*\Z)", text)))
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
