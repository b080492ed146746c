"""Words: tokens, stems, sentences, shingles, similarity, and quotes fit for a report.

Everything here is linear in its input and needs no model. English stems; other languages fall
back to their plain lower-case words.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from pisama.patterns import lazy
from pisama.redact import LONGEST_SECRET, redact
from pisama.spots import lower_case

QUOTE_WIDTH = 200
"""Characters of a quote in a report."""

_STOP_TEXT = """
    a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing done down during each either else ever every few
    first for from further get had has have having he her here hers him his how i if in into is it
    its itself just let like made make many may me might more most much must my need next no nor not
    now of off on once one only onto or other our ours out over own per please same shall she should
    since so some such than that the their theirs them then there these they this those through thus
    to too two under until up upon us use used using very via was we were what when where whether
    which while who whom whose why will with within without would yes yet you your yours
"""
STOP_WORDS = frozenset(_STOP_TEXT.split())
"""Words that tell nothing about what a text is about."""

_WORD = lazy(r"[^\W_]+(?:['\u2019][^\W_]+)?")
# It begins with the sign, and looks back at it from there, because Python finds one of a few letters fast.
_SENTENCE_END = lazy(
    r"[.!?。！？\n](?:"  # noqa: RUF001 - the full-width marks are meant
    r"(?<=[.!?])[\"')\]*]{0,3}\s+(?=[\"'(\[*#]{0,3}[^\Wa-z_])"
    r"|(?<=[。！？])"  # noqa: RUF001
    r"|(?<=\n)(?:[ \t]*\n|(?=[ \t]*(?:[-*•#>]|\d{1,3}[.)])\s)))"
)
_ABBREVIATION = lazy(
    r"(?:^|[\s(\[\"'])(?:(?:[Dd]r|[Mm]rs?|[Mm]s|[Pp]rof|[Ss]t|[Ss]r|[Jj]r|[Nn]o|[Ff]ig|[Vv]s|cf|approx|[Ii]nc|[Ll]td|[Cc]o|[Ee]d"
    r"|e\.g|i\.e|a\.m|p\.m|[Vv]ol|pp?)\.|(?:[A-Z]\.){1,4})$"
)
_SPACE = lazy(r"\s+")
# Each begins with the digit, and looks back from there, because Python finds a first letter fast.
_VOLATILE = lazy(
    r"\d(?:\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    r"|(?<=\b\d)(?:[0-9a-fA-F]{7}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
    r"|(?<=0)x[0-9a-fA-F]{4,16}\b"
    r"|\d{0,8}(?:\.\d{1,9})? ?(?:ms|µs|us|s|sec|secs|seconds|milliseconds)\b))"
)
_LETTER_FIRST = lazy(
    r"[a-fA-F](?<=\b.)[0-9a-fA-F]{7}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"
)
"""A UUID that begins with a letter."""
_IN_UUID = lazy(r"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-")
_IN_TIME = lazy(r":\d\d:\d\d")
# Found by the `s` that is in each unit, for the same reason; a few more words than the units of `_VOLATILE` pass.
_IN_DURATION = lazy(
    r"s(?<=[\d mµui]s)(?:(?<=\d.)|(?<=\d[ mµu].)|(?<=\d [mµu].)|(?<=\dmilli.)|(?<=\d milli.))(?:\b|ecs?\b|econds\b)"
)


def words(text: str) -> list[str]:
    """The words and numbers of a text, lower case, in order."""
    lowered = text.lower()
    if not lowered.isascii():
        return _WORD.findall(lowered)
    # Splitting takes a third of the time of the pattern, which is left to the words with an apostrophe.
    pieces = lowered.translate(_SPACES).split()
    if "'" not in lowered:
        return pieces
    return [word for piece in pieces for word in (_WORD.findall(piece) if "'" in piece else (piece,))]


_RUN = lazy(r"[^\W_]+")
_SIGNS = "".join(chr(code) for code in range(128) if not chr(code).isalnum())
_SPACES = str.maketrans(dict.fromkeys(_SIGNS.replace("'", ""), " "))
_LOWER_WORDS = bytes(range(256)).lower().translate(bytes.maketrans(_SIGNS.encode(), b" " * len(_SIGNS)))
"""To lower case, and from what is no letter or digit of ASCII to a space."""


def word_set(text: str) -> set[str]:
    """The distinct runs of letters and digits of a text, lower case: quicker than `words`, which keeps the order."""
    return {word.decode("utf-8", "surrogatepass") for word in encoded_words(text)}


def encoded_words(text: str) -> set[bytes]:
    """`word_set` in UTF-8, as `encoded` gives it: quicker still, and smaller to keep."""
    # Split at ASCII first: only the distinct pieces, which are few, are then taken apart with care.
    if text.isascii():
        return set(text.encode().translate(_LOWER_WORDS).split())
    distinct = set(encoded(lower_case(text)).translate(_LOWER_WORDS).split())
    plain = {piece for piece in distinct if piece.isascii()}
    others = b" ".join(distinct - plain).decode("utf-8", "surrogatepass")
    return plain | {encoded(word) for word in _RUN.findall(others)}


def encoded(word: str) -> bytes:
    """UTF-8, lone surrogates too."""
    return word.encode("utf-8", "surrogatepass")


def stems(text: str) -> list[str]:
    """Stems of the content words of a text, in order; stop words are left out."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a lower-case English word.

    The inflectional steps of Porter's algorithm (1980, steps 1a-1c) and its commonest derivational
    endings; enough to make `booking`, `booked` and `bookings` one word. Words that are not
    ASCII stay as they are.
    """
    word = word.removesuffix("'s").removesuffix("\u2019s")
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    word = _without_ending(_without_tense(_singular(word)))
    if len(word) > 3 and word.endswith("e"):
        return word[:-1]
    if len(word) > 3 and word.endswith("y") and word[-2] not in _VOWELS:
        return word[:-1] + "i"
    return word[:-1] if len(word) > 5 and word.endswith("ll") else word


_VOWELS = "aeiou"
_NO_PLURALS = frozenset({"news", "always", "perhaps", "series", "species", "besides", "lens", "gas", "atlas"})
_TENSES = ("ization", "isation", "ations", "ation", "ingly", "edly", "ing", "ed")
_ENDINGS = (
    ("ement", ""),
    ("ment", ""),
    ("ness", ""),
    ("ally", "al"),
    ("ly", ""),
    ("ful", ""),
    ("able", ""),
    ("ible", ""),
)


def _singular(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("xes", "ches", "shes")):
        return word[:-2]
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and word not in _NO_PLURALS
    return word[:-1] if plural else word


def _without_tense(word: str) -> str:
    if word.endswith("ied"):
        return word[:-3] + "y"
    for suffix in _TENSES:
        root = word.removesuffix(suffix)
        if root != word and len(root) >= 3 and any(vowel in root for vowel in "aeiouy"):
            return _repaired(root)
    return word


def _without_ending(word: str) -> str:
    for suffix, replacement in _ENDINGS:
        root = word.removesuffix(suffix)
        if root != word and len(root) >= 4:
            return root + replacement
    return word


def _repaired(root: str) -> str:
    """`cancell` becomes `cancel`, `runn` `run`; `pass` and `fizz` stay."""
    doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "sz"
    return root[:-1] if doubled and (root[-1] != "l" or len(root) > 5) else root


def sentences(text: str) -> list[str]:
    """The sentences, list items and paragraphs of a text, stripped, in order."""
    return [part for _, part in sentences_at(text)]


def sentences_at(text: str) -> Iterator[tuple[int, str]]:
    """The same with the offset of each in the text."""
    begin = 0
    for end, following in _boundaries(text):
        part = text[begin:end]
        stripped = part.strip()
        if stripped:
            yield begin + part.index(stripped[0]), stripped
        begin = following


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    for match in _SENTENCE_END.finditer(text):
        begin, end = match.span()
        sign = match.group()
        if sign[0] != "\n":
            begin += 1  # what ends a sentence is part of it
            if sign[0] == "." and "\n" not in sign and _ABBREVIATION.search(text, max(0, begin - 12), begin):
                continue
        yield begin, end
    yield len(text), len(text)


def shingles(tokens: list[str], size: int = 3) -> frozenset[tuple[str, ...]]:
    """All runs of `size` tokens; the whole text as one shingle when it is shorter."""
    if len(tokens) <= size:
        return frozenset([tuple(tokens)]) if tokens else frozenset()
    return frozenset(zip(*(tokens[offset:] for offset in range(size)), strict=False))


def overlap(one: AbstractSet[object], other: AbstractSet[object]) -> float:
    """Jaccard index, 0 to 1; two empty sets share nothing."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def containment(part: AbstractSet[object], whole: AbstractSet[object]) -> float:
    """The share of `part` that is in `whole`, 0 to 1; an empty part is in anything."""
    return len(part & whole) / len(part) if part else 1.0


def similarity(one: str, other: str, at_least: float = 0.0) -> float:
    """Similarity of two short texts, 0 to 1, by their shared words whatever the order.

    Quadratic in the length: only the first 400 characters of each count. Below `at_least` the
    answer is 0, found faster.
    """
    from rapidfuzz import fuzz

    return fuzz.token_sort_ratio(one[:400].lower(), other[:400].lower(), score_cutoff=at_least * 100) / 100


def stable(text: str) -> str:
    """The text without what changes from one attempt to the next: times, durations, UUIDs, addresses.

    Only the first 4,000 and the last 1,000 characters are looked at.
    """
    if len(text) > 5000:
        text = f"{text[:4000]}…{len(text)}…{text[-1000:]}"
    # Most results hold nothing of the kind, and what all of it has in common is found faster.
    has_id = _IN_UUID.search(text) is not None
    if has_id:
        text = _LETTER_FIRST.sub("*", text)
    if has_id or "0x" in text or _IN_TIME.search(text) or _IN_DURATION.search(text):
        text = _VOLATILE.sub("*", text)
    return " ".join(text.split())


def quote(text: str, around: str | int | None = None, width: int = QUOTE_WIDTH) -> str:
    """One line of at most `width` characters: the text around a phrase or an offset, else its beginning.

    Secrets are redacted before anything is cut off, since half a key is not recognised any more. Empty only for a
    text that is empty or blank where the quote is taken from.
    """
    place = max(0, text.find(around)) if isinstance(around, str) else max(0, around or 0)
    length = len(around) if isinstance(around, str) else 0
    text, place, cut = _readable(text, place, width)
    begin = max(0, place - max(0, width - length) // 3) if place + length > width else 0
    end = begin + _QUOTED_SPAN * width
    line = _SPACE.sub(" ", text[begin:end]).strip()
    if begin or cut:
        line = f"…{line}"
    return f"{line[: width - 1].rstrip()}…" if len(line) > width or end < len(text) else line


def _readable(text: str, place: int, width: int) -> tuple[str, int, bool]:
    """What surrounds a place without its secrets, the place in it, and whether something stood before it."""
    begin, end = max(0, place - LONGEST_SECRET), place + _QUOTED_SPAN * width + LONGEST_SECRET
    near = text[begin:end]
    cleaned = redact(near)
    if cleaned == near:
        return text, place, False
    return cleaned, len(redact(near[: place - begin])), begin > 0


_QUOTED_SPAN = 8
"""How many widths of text are read for one quote, white space included."""
