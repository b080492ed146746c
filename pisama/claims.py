"""What a text says was done, will be done, could not be done, or was only made up.

A claim is a sentence in which the speaker reports a finished act ("I have booked the flight", "all
tests pass"). Plans, offers, questions, conditions, negations and reports of what others said are
none. English only: in another language nothing is found, and nothing is alleged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pisama.acts import families
from pisama.patterns import lazy
from pisama.spots import find_near, holds, one_of
from pisama.text import sentences_at, stems, words

SENTENCE_LIMIT = 600
"""Characters of a sentence that are read; longer ones are tables or data."""
TEXT_LIMIT = 40_000
"""Characters of a text that are read."""


class ClaimKind(StrEnum):
    """What a claim says was done."""

    EFFECT = "effect"
    """The world was changed: booked, sent, deployed, tests pass."""
    CHECK = "check"
    """Something was looked at: searched, verified, ran."""


class Claim(NamedTuple):
    """One finished act that a text reports."""

    kind: ClaimKind
    verb: str
    """The verb's base form: `book`."""
    subject: str
    """The words right before it in its clause: what was done to."""
    sentence: str
    start: int
    """Offset of the claim in the text."""
    state: bool = False
    """It says how things are ("your flight is booked") and may describe what was so before."""

    @property
    def acts(self) -> frozenset[str]:
        """The families of acts it is about: the verb's, or for `complete`, `process` … the subject's."""
        return families((self.verb,)) or families([*words(self.subject), *stems(self.subject)])


class Announcement(NamedTuple):
    """One act that a text says comes next."""

    verb: str
    """The verb's base form: `search`."""
    sentence: str
    start: int
    """Offset of the announcement in the text."""


class Pretence(NamedTuple):
    """One place where a text makes up what it should have got."""

    phrase: str
    sentence: str
    start: int
    """Offset of the phrase in the text."""


_EFFECT_VERBS = """add apply approve assign book build cancel change charge close commit compile complete configure
    create credit delete deploy disable downgrade email enable export file finish fix implement import install issue
    merge migrate modify move notify order patch pay place post process publish purchase push rebook refund
    register release remove rename repair replace reschedule reserve resolve restart restore revert save
    schedule send set submit transfer update upgrade upload write""".split()
_CHECK_VERBS = """access analyze analyse browse check confirm consult cross-check cross-reference download examine execute
    extract fetch gather inspect locate measure open query read research retrieve review run scan search test validate
    verify visit watch""".split()
_IRREGULAR = {"build": ("built",), "pay": ("paid",), "read": ("read",), "run": ("ran", "run"), "send": ("sent",), "set": ("set",), "write": ("written", "wrote"), "cancel": ("cancelled", "canceled")}  # fmt: skip
_DOUBLING = {"commit", "transfer", "submit", "scan"}


def _past_forms(verb: str) -> tuple[str, ...]:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e"):
        return (verb + "d",)
    if verb in _DOUBLING:
        return (verb + verb[-1] + "ed",)
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return (verb[:-1] + "ied",)
    return (verb + "ed",)


def _gerund(verb: str) -> str:
    if verb in _DOUBLING or verb in ("run", "set"):
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") else verb) + "ing"


_PAST = {form: verb for verb in (*_EFFECT_VERBS, *_CHECK_VERBS) for form in _past_forms(verb)}
_EFFECT_PAST = [form for verb in _EFFECT_VERBS for form in _past_forms(verb)]
_GERUNDS = {_gerund(verb): verb for verb in _CHECK_VERBS}
_EFFECTS = frozenset(_EFFECT_VERBS)


_ADVERBS = (
    r"(?:[ ]{1,2}(?:now|just|already|successfully|also|then|carefully|thoroughly|all|both|fully|finally|automatically|officially"
    r"|independently|directly|again|both|since|manually|properly|correctly|, as requested,)){0,3}"
)
_CLAIM = lazy(
    r"\b(?=[A-Za-z])(?:"
    # A verb stands once behind all that may stand before it: compiling the list of verbs takes longer than most traces.
    r"(?:(?:I|[Ww]e)(?:['’]ve|[ ]have|[ ]had)?|(?:has|have)(?:[ ]now|[ ]also|[ ]already|[ ]all|[ ]both)?[ ]been)"
    rf"{_ADVERBS}[ ](?P<did>{one_of(list(_PAST))})\b"
    r"|(?:(?P<passive>is|are)(?:[ ](?:now|all|both|already|successfully|officially|fully)){0,3}|successfully)"
    rf"[ ](?P<state>{one_of(_EFFECT_PAST)})\b"
    rf"|(?P<thus>{one_of(_EFFECT_PAST)})[ ]successfully\b"
    r"|(?P<passes>(?P<what>(?i:tests?|builds?|test suite|suite|checks|deployment|migration|compilation|booking|payment|order|transfer|update|installation|upload|submission|cancellation|refund))"
    r"(?:[ ](?:\w{1,20}[ ]){0,2}?(?:passes|pass|passed|succeeds|succeeded|is[ ]complete|is[ ]done|is[ ]live|is[ ]green|are[ ]green|is[ ]confirmed|was[ ]successful|were[ ]successful|is[ ]successful|completed))\b)"
    rf"|(?P<gerund>(?:[Aa]fter|[Hh]aving|[Uu]pon)(?:[ ](?:carefully|thoroughly|further|extensively)){{0,2}}[ ](?:(?P<ing>{one_of(list(_GERUNDS))})|(?P<ed>{one_of([form for verb in _CHECK_VERBS for form in _past_forms(verb)])}))\b))"
)
_NEW_STATE = lazy(r"\b(?:now|successfully|officially)\b")
_CONDITION = lazy(
    r"\b(?:if|once|when|whenever|until|unless|whether|in case|assuming|provided that|as soon as|before|would you|do you want|"
    r"suppose|imagine|for example|e\.g\.|make sure|ensure|so that|in order to)\b",
    re.IGNORECASE,
)
# `May` is a month.
_UNREAL = lazy(
    r"\b(?:not|n['’]t|cannot|never|neither|nor|unable|without|will|would|could|might|(?-i:may)|should|must|can|shall|going to|need(?:s|ed)?|needs? to|"
    r"please|let me|let['’]s|to be|failed to|no|none|nothing|nobody|hardly|yet to|supposed to|want(?:s|ed)?|tried|attempted|hope|expect(?:ed)?|"
    r"seems?|appears?|apparently|likely|probably|perhaps|maybe)\b|n['’]t\b|['’]ll\b|['’]d\b",
    re.IGNORECASE,
)
_REPORTED = lazy(
    r"\b(?:you|user|customer|he|she|they|error|message|policy|documentation|readme|comment|issue|log|email|article|page|report)"
    r"(?:['’]ve| have| has)?(?: also)? (?:said|says|say|mentioned|mentions|stated|states|claimed|claims|told|reported|reports|indicated|indicates|asked|wrote|reads)\b"
    r"|\baccording to (?:you|the user|the customer)\b",
    re.IGNORECASE,
)
_AFTER = lazy(
    r"\A[ ](?:by (?:the )?(?:airline|user|customer|you)\b|not\b|nothing\b|neither\b|no\b|to (?:find|locate|get|see) if\b)"
)
_CLAUSE = lazy(
    r"[;:—–\n]|, (?:and|so|but|which|while|then|or|I|we)\b|\bbut\b|\bhowever\b|\b(?:and|so) (?=I\b|we\b|the\b|your\b|it\b|they\b|everything\b)"
)


def prose(text: str) -> str:
    """The text with code blocks and quoted lines blanked out; every offset stays what it was."""
    if not holds(text, ("```", "~~~", ">")):
        return text[:TEXT_LIMIT]
    kept: list[str] = []
    inside = False
    for line in text[:TEXT_LIMIT].splitlines(keepends=True):
        bare = line.lstrip()
        fence = bare.startswith(("```", "~~~"))
        blank = inside or fence or bare.startswith(">")
        inside ^= fence
        kept.append(" " * (len(line) - 1) + "\n" if blank else line)
    return "".join(kept)


def claims(text: str) -> Iterator[Claim]:
    """The finished acts that the speaker of a text reports, in order."""
    for offset, sentence in sentences_at(prose(text)):
        line = sentence[:SENTENCE_LIMIT]
        if sentence.rstrip("\"'” )*").endswith("?"):
            continue
        for match in _CLAIM.finditer(line):
            if not _is_real(line, match):
                continue
            verb = _verb_of(match)
            kind = ClaimKind.EFFECT if verb in _EFFECTS or match["passes"] else ClaimKind.CHECK
            subject = _CLAUSE.split(line[: match.start()])[-1][-80:]
            state = match["passive"] is not None and not _NEW_STATE.search(match.group())
            yield Claim(kind, verb, subject, line, offset + match.start(), state)


def _verb_of(match: re.Match[str]) -> str:
    if match["passes"]:
        return match["what"].lower().rstrip("s").removeprefix("test ")
    if match["ing"]:
        return _GERUNDS[match["ing"]]
    return _PAST[match["did"] or match["state"] or match["thus"] or match["ed"]]


def _is_real(sentence: str, match: re.Match[str]) -> bool:
    """Whether nothing before the claim turns it into a plan, a condition, a denial or a quotation."""
    before = sentence[: match.start()]
    if before.count('"') % 2 or before.count("“") > before.count("”"):
        return False
    if _AFTER.match(sentence[match.end() :]) or _REPORTED.search(before):
        return False
    if _CONDITION.search(before):
        return False
    clause = before
    for boundary in _CLAUSE.finditer(before):
        clause = before[boundary.end() :]
    return _UNREAL.search(clause) is None and _UNREAL.search(match.group()) is None


_ANNOUNCED = """access ask browse call check compute contact consult delegate delete download execute extract fetch find
    forward inspect invoke look open perform proceed query read request research retrieve review run scan search send
    submit test transfer update use verify visit write book cancel create deploy install""".split()
_ANNOUNCEMENT = lazy(
    rf"\b(?:I['’]ll|I will|I am going to|I['’]m going to|I shall|[Ww]e['’]ll|[Ww]e will|[Ll]et me|[Ll]et['’]s|I (?:now )?need to|I must)"
    rf"(?:[ ](?:now|next|then|first|also|just|quickly|proceed to|go ahead and|start by|try to|again|be)){{0,3}}[ ](?P<verb>{one_of(_ANNOUNCED)})\b"
)
_WAITS = lazy(
    r"\b(?:if|once|when|after you|as soon as|unless|whether|would you|please|you can|could you|provided|shortly|later|not|n['’]t)\b|\?",
    re.IGNORECASE,
)


def announcements(text: str) -> Iterator[Announcement]:
    """The acts a text announces as its own next ones; what waits for somebody else's answer is none."""
    for offset, sentence in sentences_at(prose(text)):
        line = sentence[:SENTENCE_LIMIT]
        for match in _ANNOUNCEMENT.finditer(line):
            if not _WAITS.search(line[: match.start()]) and not sentence.endswith("?"):
                yield Announcement(match["verb"], line, offset + match.start())


_ADMISSION = lazy(
    r"\b(?:could|was|were|am|is|are|did|do|does|have|has|can|would|will|should)(?: ?not|n['’]t)\b|\bcannot\b|\bunable\b|\bunfortunately\b|\bfail(?:s|ed|ure|ing)?\b"
    r"|\bunsuccessful|\berrors?\b|\bno (?:access|results?|information|data|reliable|such|matches)\b|\bneither\b|\bonly partially\b|\bincomplete\b"
    r"|\bnot (?:yet|possible|available|found|able|completed?|verified)\b|\bsorry\b|\bapologi[sz]e\b|\bunavailable\b|\bblocked\b|\bstill (?:fails|broken)\b",
    re.IGNORECASE,
)


def admits_failure(text: str, acts: frozenset[str] = frozenset()) -> bool:
    """Whether a text owns up that something did not work; with `acts`, that one of these did not."""
    if not acts:
        return _ADMISSION.search(prose(text)) is not None
    return any(
        _ADMISSION.search(sentence) is not None and acts & families([*words(sentence), *stems(sentence)])
        for _, sentence in sentences_at(prose(text))
    )


_SURRENDER = lazy(
    r"\b(?:unable|not able|not possible|impossible) to (?:\w{1,20} ){0,2}(?:determine|find|locate|access|retrieve|answer|complete|provide|obtain|verify|identify|open|confirm|extract|get|fulfil|proceed|continue)"
    r"|\b(?:could|can|did|was|do|does)(?: ?not|n['\u2019]t) (?:be )?(?:\w{1,20} ){0,1}(?:determined?|find|found|locate|located|access|accessed|retrieved?|answer|answered|completed?|provide|provided|obtain|obtained|verify|identify|identified|confirm|confirmed|get)\b"
    r"|\bcannot (?:be )?(?:\w{1,20} ){0,1}(?:determined?|find|found|locate|located|access|accessed|retrieved?|answer|answered|completed?|provide|provided|obtain|verify|identify|identified|confirm|confirmed|get)\b"
    r"|\bno (?:\w{1,20} ){0,5}(?:was|were|is|are|has been|could be) (?:found|available|located|identified|provided)\b"
    r"|\b(?:insufficient|not enough) (?:information|data|context|evidence)\b|\bI do(?: not|n['\u2019]t) (?:know|have (?:access|enough))\b|\bgiv(?:e|ing) up\b",
    re.IGNORECASE,
)


_SURRENDER_WORDS = (
    *(
        "able to ",
        "possible to ",
        "not ",
        "n't ",
        "n\u2019t ",
        "no ",
        "insufficient ",
        "giving up",
        "give up",
    ),
)
"""One of these is in each, in lower case."""


def gives_up(text: str) -> str | None:
    """The words with which a text says that what was asked could not be got or done; None when it does not."""
    match = next(find_near(_SURRENDER, prose(text), _SURRENDER_WORDS, before=20, after=170), None)
    return match.group() if match is not None else None


_PRETENCE = lazy(
    r"\b(?:simulat(?:e|ed|es|ing)(?: that| the| a| an| our| this| some| its| successful| realistic){0,4} (?:search|result|results|response|responses|output|outputs|data|extraction|content|contents|retrieval|call|calls|answer|findings|values?|information|process|review|verification|returned|search_agent|web)\b"
    r"|simulated (?:\w{1,20} ){0,2}(?:result|results|response|responses|output|data|answer|content|findings|extraction|values?|search|retrieval|information)\b"
    r"|(?:placeholder|dummy|mock(?:ed)?|fake|made[- ]up|invented|hypothetical|fictional|fabricated) (?:\w{1,20} ){0,1}(?:data|dataset|result|results|response|responses|values?|figures?|numbers?|answer|content|output|information|prices?|statistics|records?|counts?|findings)\b"
    r"|for (?:the (?:sake|purposes?) of (?:this |the )?|this )(?:demonstration|illustration|example|exercise)\b"
    r"|for (?:demonstration|illustration|illustrative) purposes?\b"
    r"|(?:in lieu|instead) of (?:the )?(?:actual|real) (?:data|results?|search|tool|call|response)\b"
    r"|(?:let['’]s|let us|I will|I['’]ll|we will|we['’]ll|I) (?:now )?(?:assume|pretend|suppose|imagine)(?: that)? (?:the|our|we|I|this) (?:\w{1,20} ){0,4}(?:returned|returns|found|gave|provided|retrieved|obtained|reported|extracted|confirmed|result|results|data|search|prices?)\b)",
    re.IGNORECASE,
)


_PRETENCE_WORDS = tuple(
    """simulat|placeholder|dummy|mock|fake|made-up|made up|invented|hypothetical|fictional|fabricated|for the sake
    for the purpose|for this |for demonstration|for illustrat|in lieu|instead of|assume|pretend|suppose|imagine""".replace(
        "\n    ", "|"
    ).split("|")
)
_NOT_OWN = lazy(
    r"\b(?:was|were|had|based on|proposed|suggests?|suggested|earlier|previous|previously|now that|can|could|optionally|alternatively|e\.g\.|would|should|may|might|without|"
    r"not|never|no|avoid|instead of|rather than|replace|replaces|whether|if)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
"""Words before it that make it somebody else's, an option, or the opposite."""


def pretences(text: str) -> Iterator[Pretence]:
    """The places where a text, its code included, makes up data or results in place of getting them."""
    bounded = text[:TEXT_LIMIT]
    for match in find_near(_PRETENCE, bounded, _PRETENCE_WORDS, before=30, after=170):
        begin = max(bounded.rfind("\n", 0, match.start()) + 1, match.start() - 200)
        end = bounded.find("\n", match.end())
        before = re.split(r"[.!?;] ", bounded[begin : match.start()])[-1]
        if _NOT_OWN.search(before):
            continue
        sentence = bounded[begin : min(end if end >= 0 else len(bounded), match.end() + 200)].strip()
        yield Pretence(match.group(), sentence, match.start())
