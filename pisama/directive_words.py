"""How directives are worded: the patterns that `pisama.directives` reads sentences with."""

from __future__ import annotations

import re

from pisama.patterns import lazy
from pisama.spots import Sign

_APOSTROPHE = "['\u2019]"
_DO_NOT = rf"(?:do not|don{_APOSTROPHE}t|never|must not|should not|shouldn{_APOSTROPHE}t)"
_MUST = r"(?:always|must|should|shall|ha(?:s|ve) to|needs? to)"
_REPLY = (
    r"(?:(?:your|the|each|every|all|any) )?(?:\w{1,20} ){0,2}"
    r"(?:repl(?:y|ies)|responses?|answers?|messages?|outputs?|turns?)"
)
_NUMBER = r"(?P<number>\d{1,3}(?:,\d{3}){1,2}|\d{1,7}|one|two|three|four|five|six|seven|eight|nine|ten)"
_MUST_WORDS = ("always", "must", "should", "shall", "has to", "have to", "need to", "needs to")


def _pattern(*parts: str) -> re.Pattern[str]:
    return lazy("|".join(parts), re.IGNORECASE)


def _sign(words: str, *parts: str) -> Sign:
    return Sign(tuple(words.split("|")), _pattern(*parts))


LITERAL = lazy(
    r"`(?P<tick>[^`\n]{1,60})`"
    r"|(?<!\w)'(?P<single>[^'\n]{1,60})'(?!\w)"
    r"|\"(?P<double>[^\"\n]{1,60})\""
    r"|“(?P<curly>[^”\n]{1,60})”"
    r"|(?P<tag></?[A-Za-z][\w|\-]{1,40}>)"
    r"|(?P<fence>```\w{0,12})"
)
CONDITIONAL = _pattern(
    r"\b(?:if|when|whenever|once|unless|in case|after|as soon as|until|otherwise|depending)\b",
    r"\b(?:for (?:example|instance)|e\.g\.|optional(?:ly)?|may|can|could|might)\b",
)
SHOWN = lazy(
    r"\A\W{0,3}(?:thought|observation|task|action|question|example|user|human)s?\b[^:\n]{0,20}:", re.I
)
END = _sign(
    "end|finish|terminate|conclude",
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:ends?|finish|terminates?|concludes?) (?:{_REPLY} )?with\b",
    rf"\A\W{{0,6}}(?:end|finish|terminate|conclude) (?:{_REPLY} )?with\b",
    r"\bending with\b",
)
WRITE_AND_STOP = _sign("stop", r"\b(?:write|output|emit|add|append)\b[^.;]{0,60}\band (?:then )?stop\b")
START = _sign(
    "start|begin",
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:starts?|begins?) (?:{_REPLY} )?with\b",
    rf"\A\W{{0,6}}(?:start|begin) (?:{_REPLY} )?with\b",
)
CONTAIN = _sign(
    "include|contain|provide|wrap|enclose|put|mention|have|place|write|give",
    rf"\b{_MUST}\b[^.;]{{0,60}}\b(?:include|contain|provide|wrap|enclose|put|mention|have"
    r"|be (?:wrapped|enclosed|put|placed) (?:in|inside|within|between))\b",
    r"\A\W{0,6}(?:please )?(?:wrap|enclose|put|place|provide|write|give) (?:your|the) (?:final )?"
    r"(?:answer|reply|response|output|result|solution)\b[^.;]{0,40}\b(?:in|inside|within|between|with)\b",
)
TEMPLATE = Sign(
    ("following template", "this template", "following format", "this format"),
    lazy(
        r"\b(?:[Uu]se|[Ff]ollow(?:ing)?|[Ww]ith|[Ii]n) (?:exactly )?(?:the following|this) (?:template|format)\b"
        r"[^:\n]{0,40}:\s{0,4}(?P<head>[A-Z][A-Za-z _\-]{1,40}:)\s{0,3}[\[<{(]"
    ),
)
FORBID = _sign(
    "do not|don't|don\u2019t|never|must not|should not|shouldn|may not|avoid|refrain",
    rf"\b(?:{_DO_NOT}|may not|avoid|refrain from)\b[^.;]{{0,30}}\b(?:use|using|say|saying|mention|mentioning"
    r"|write|writing|include|including|output|words?|phrases?|terms?)\b",
)
LENGTH = _sign(
    "word|char|sentence|line|paragraph",
    r"\b(?:at most|no(?:t)? more than|(?:a )?max(?:imum|\.)?(?: of)?|no longer than|under|fewer than|less than"
    r"|within|(?:not )?exceed(?:ing)?|limit(?:ed)? (?:\w{1,15} ){0,3}to|below) "
    rf"{_NUMBER}[ -](?P<unit>words?|characters?|chars|sentences?|lines?|paragraphs?)(?! (?:each|per|apart)\b)",
)
STRICT = _pattern(r"\A(?:under|fewer|less|below)")
ABOUT_REPLY = _pattern(
    r"\b(?:answers?|repl(?:y|ies)|respond|responses?|messages?|outputs?|summar(?:y|i[sz]e)|brief|concise)\b"
)
ABOUT_OTHER = _pattern(
    r"\b(?:quer(?:y|ies)|files?|titles?|subject|name|commit|search|argument|chunk|snippet|password|input|post"
    r"|headline|description)\b"
)
PIECE = _sign(
    "first ",
    rf"\b(?:print|display|show)\b[^.;]{{0,40}}\bfirst {_NUMBER} (?P<unit>characters|chars|lines|words)\b",
)
AT_A_TIME = _sign("at a time", rf"\b{_NUMBER} (?P<unit>characters|chars|lines|words) at a time\b")
PARTS = lazy(
    rf"^[^\n]{{0,200}}\b(?:{_MUST}|provide|use|with|contains?)\b[^.\n]{{0,40}}\b(?:these|the (?:following|below)) "
    r"(?:parts|headings|sections|headers)\b[^\n]{0,10}$",
    re.IGNORECASE | re.MULTILINE,
)
HEADING = lazy(r"[ \t]{0,3}(?:#{1,5} |\d{1,2}[.)] |[-*] )(?P<title>[^\n]{2,80})")
PARTS_WORDS = ("parts", "headings", "sections", "headers")
"""One of these is in each match of `PARTS`."""
ONE_CALL = _sign(
    "at a time|per step|per turn|per message",
    r"\b(?:only|at most|exactly|just|no more than)\b[^.;\n]{0,25}\b(?:one|1|a single) (?:tool|function)"
    r"(?: call)? (?:at a time|per (?:step|turn|message))\b",
)
CALL_OR_TEXT = _sign(
    "tool call|same time",
    r"\bmake a tool call, (?:you should|do|you must) not respond\b",
    r"\b(?:should|must|do) not (?:both )?(?:respond|reply)[^.;\n]{0,30}\b(?:and|while) (?:mak(?:e|ing) )?"
    r"(?:a )?(?:tool )?calls?\b[^.;\n]{0,30}\bsame time\b",
)
NO_REPEAT = _sign(
    "same ",
    rf"\b{_DO_NOT}\b[^.;\n]{{0,20}}\b(?:re-?do|repeat|re-?run|make|call)\b[^.;\n]{{0,60}}"
    r"\b(?:exact(?:ly)? )?same (?:parameters|arguments|inputs?|query)\b",
)
ALWAYS_CALL = _sign(
    "tool call", r"\b(?:always|must) (?:provide|make|include|use|end with) (?:a|one|at least one) tool call\b"
)
NO_FINAL_STOP = _sign(
    "punctuation",
    rf"\b(?:{_DO_NOT}|no|without)\b[^.;\n]{{0,20}}\b(?:final|trailing|ending) (?:sentence )?punctuation\b",
)
NO_SURRENDER = _sign(
    "tolerated|accept|allowed",
    rf"['\"“](?:I )?(?:cannot|can{_APOSTROPHE}t|don{_APOSTROPHE}t|unable|none found|not found|unknown)"
    r"[^'\"”\n]{0,30}['\"”][^.;\n]{0,60}\bnot (?:be )?(?:tolerated|accepted|acceptable|allowed)\b",
)
FINAL = _sign("final", r"\bfinal[ _](?:answer|response|output|reply|message|result)(?![a-z])")
MARKER = lazy(
    r"</?[A-Za-z][\w|\-]{1,40}>|[A-Z][A-Za-z _\-]{0,30}:(?:\s{1,3}```\w{0,12})?|```\w{0,12}|[A-Z][A-Z_ ]{2,30}"
    r"|#{1,5} [^\n]{2,50}|\[[A-Z_]{2,30}\]|\\boxed(?:\{\})?"
)
SENTENCES = lazy(r"\s(?:(?<=[.!?]\s)\s*+(?=[\"'(*`]{0,2}[A-Z0-9])|(?<=\n)(?!<))")
_OPENING_VERBS = tuple(
    "end |finish |terminate |conclude |start |begin |please |wrap |enclose |put |place |provide |write |give ".split(
        "|"
    )
)
OPENING = lazy(rf"\W{{0,6}}(?:{'|'.join(_OPENING_VERBS)})", re.IGNORECASE)
"""How a sentence begins that opens with the verb of its demand."""
LITERAL_WORDS = (*_MUST_WORDS, *FORBID.words, *WRITE_AND_STOP.words, "ending with")
"""One of these is in each sentence that demands or forbids a literal, unless it opens with its verb: see `OPENING`."""
WORDS = tuple(
    dict.fromkeys(
        (
            *LITERAL_WORDS,
            *_OPENING_VERBS,
            *(
                word
                for sign in (ONE_CALL, CALL_OR_TEXT, NO_REPEAT, ALWAYS_CALL, NO_FINAL_STOP)
                for word in sign.words
            ),
            *(word for sign in (AT_A_TIME, PIECE, LENGTH, TEMPLATE, NO_SURRENDER) for word in sign.words),
        )
    )
)
"""One of these is in each sentence that states a directive."""
