"""Grounds: everything a run has shown or been told so far, asked whether a fact could come from there.

Lenient on purpose. A name is known when its words are; a number when it occurs, rounds, converts or
computes from what occurred; common knowledge (years, small and round numbers) always is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pisama.elements import Element, ElementKind
from pisama.patterns import lazy
from pisama.text import STOP_WORDS, encoded, encoded_words, stem

READ = 120_000
"""Characters of one text that are taken in."""
SHORT = 8_000
"""Texts up to this length are records and messages whose numbers one computes with; longer ones are documents."""
POOL = 80
"""Numbers that may be terms of a computation: the latest ones."""
TRIPLES = 14
"""With no more numbers than this, computations with three terms are tried."""
SORTED = 30_000
"""Numbers kept in order, for rounding."""
COPIED = 1_000_000
"""Characters of unread lines that are kept for their numbers."""
LOOKUPS = 400
"""Unknown numbers of a run that are tried as results of a computation; later ones count as known."""

_WORD = lazy(r"[^\W_]+")
# It begins with the digit and looks back from there: Python finds a first letter faster than it looks back everywhere.
_NUMBER = lazy(
    r"(\d(?<![\w.].)(?:\d{0,2}(?:,\d{3}){1,6}(?:\.\d{1,9})?|\d{0,14}(?:\.\d{1,9})?))"
    r"(?i: ?(k|thousand|m|million|bn|b|billion|trillion)\b)?"
)
_SCALES = {
    "k": 1e3,
    "thousand": 1e3,
    "m": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "billion": 1e9,
    "trillion": 1e12,
}
_UNITS = (0.3048, 1.609344, 2.54, 0.45359237, 28.349523, 60.0, 24.0, 3600.0, 7.0, 12.0, 365.0, 52.0, 3.785412, 100.0, 1000.0, 1e6)  # fmt: skip
"""Foot, mile, inch, pound, ounce, gallon; time; per cent, thousand, million. Tried both ways."""
_COMMON_NAMES = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
    october november december english french german spanish chinese japanese russian american british european earth
    internet wikipedia google python json html http https pdf csv usd eur gmt utc est pst api url usa uk united states
    kingdom america europe asia africa australia north south east west new final answer task outcome short detailed
    version additional context thought code note step result results summary plan facts yes no true false terminate""".split()
)

_WEB = frozenset(
    "http https www com org net gov edu html htm php en wiki wikipedia index watch youtube google github search doi".split()
)


class Grounds:
    """What was seen and said up to some point of a run."""

    def __init__(self) -> None:
        self._read: set[str] = set()
        self._lines: set[int] = set()
        self._waiting: list[tuple[str, bool]] = []
        self._words: set[bytes] = set()
        self._tails: set[bytes] = set()
        self._without_tails: list[tuple[bytes, ...]] = []
        self._uncounted: list[tuple[str, bool]] = []
        self._copied = 0
        self._numbers: set[float] = set()
        self._ordered: list[float] = []
        self._in_order = True
        self._pool: deque[float] = deque()
        self._in_pool: set[float] = set()
        self._lookups = 0

    def hear(self, text: str, *, terms: bool = False) -> None:
        """Take in a text; one that was taken in before costs nothing.

        With `terms` its numbers may be terms of a computation however long it is.
        """
        if text in self._read:
            return
        self._read.add(text)
        self._waiting.append((text, terms))

    def _take_in(self) -> None:
        # Many runs ask nothing, or little and early, so texts are taken apart only when something is asked.
        waiting, self._waiting = self._waiting, []
        for text, terms in waiting:
            self._learn(text, terms=terms or len(text) <= SHORT)

    def _learn(self, text: str, *, terms: bool) -> None:
        bounded = text[:READ]
        # Texts repeat each other: prompts, and messages that hold what was said before.
        unread = "\n".join(self._unread(bounded))
        fresh = encoded_words(unread) - self._words
        self._words |= fresh
        self._without_tails.append(tuple(fresh))
        # Nearly every number that is asked for is a word too, so the numbers of a text wait until one is not.
        self._uncounted.append((bounded if terms else unread, terms))
        self._copied += 0 if terms else len(unread)
        if self._copied > COPIED:
            self._count()

    def _count(self) -> None:
        """Take in the numbers of the texts whose words were."""
        for text, terms in self._uncounted:
            pairs = _NUMBER.findall(text)
            found = [value_of(*pair) for pair in (pairs if terms else dict.fromkeys(pairs))]
            if terms:
                self._keep(found)
            new = [value for value in dict.fromkeys(found) if value not in self._numbers]
            self._numbers.update(new)
            if new and len(self._ordered) < SORTED:
                self._ordered += new[: SORTED - len(self._ordered)]
                self._in_order = False
        self._uncounted.clear()
        self._copied = 0

    def _unread(self, text: str) -> Iterator[str]:
        """The lines of a text that no text before it had. They are told apart by their hashes, which take less memory."""
        for line in text.split("\n"):
            which = hash(line)
            if which not in self._lines:
                self._lines.add(which)
                yield line

    def _keep(self, values: Iterable[float]) -> None:
        """Take values that are not among the latest as the latest."""
        pool, within = self._pool, self._in_pool
        for value in values:
            if value not in within:
                if len(pool) == POOL:
                    within.discard(pool.popleft())
                pool.append(value)
                within.add(value)

    def knows(self, element: Element) -> bool:
        """Whether an element occurs, follows from what occurs, or is common knowledge."""
        if element.kind is ElementKind.NUMBER:
            return self.knows_number(element.text)
        if element.kind is ElementKind.TIME:
            return True
        parts = _WORD.findall(element.text.lower())
        if element.kind is ElementKind.DATE:
            digits = [part for part in parts if part.isdigit()]
            return all(
                self._holds(part) or self._holds(part.lstrip("0")) or self._holds(f"0{part}")
                for part in digits
            )
        if element.kind is ElementKind.URL:
            parts = [
                part
                for part in parts
                if part not in ("http", "https", "www", "com", "org", "net", "html", "en")
            ]
        return all(self.knows_word(part) for part in parts)

    def knows_word(self, word: str) -> bool:
        """Whether a lower-case word occurs, in this or another inflection, or is common."""
        if len(word) < 3 or word in STOP_WORDS or word in _COMMON_NAMES or self._holds(word):
            return True
        return self._holds(stem(word)) or self._holds(word.removesuffix("s")) or self._holds(word + "s")

    def _holds(self, word: str) -> bool:
        """Whether a word occurs. Most words occurred long ago, so what waits is only taken in when this one did not."""
        known = encoded(word)
        if known not in self._words and self._waiting:
            self._take_in()
        return known in self._words

    def knows_number(self, text: str, *, years: bool = True) -> bool:
        """Whether a number occurs, is common, or can be worked out from those that occur.

        Without `years`, a number that looks like a year must occur as well.
        """
        match = _NUMBER.search(text.lstrip("+-"))
        if match is None:
            return True
        value = value_of(match.group(1), match.group(2))
        if is_common(value) and (years or value < 1000):
            return True
        if self._holds(match.group(1)) or self._ends_word(match.group(1)) or self._lookups >= LOOKUPS:
            return True
        self._count()
        if value in self._numbers:
            return True
        self._lookups += 1
        slack, exact = _slack(match.group(1))
        if not self._in_order:
            self._ordered.sort()
            self._in_order = True
        factors = (*_UNITS, *(1 / unit for unit in _UNITS))
        if _within(self._ordered, value, slack) or any(
            _within(self._ordered, value * factor, exact * factor) for factor in factors
        ):
            return True
        return self._computed(value, exact)

    def _ends_word(self, digits: str) -> bool:
        """Whether a word ends in these four digits."""
        if len(digits) != 4:
            return False
        for fresh in self._without_tails:
            self._tails.update(word[-4:] for word in fresh if len(word) > 4 and word[-4:].isdigit())
        self._without_tails.clear()
        return encoded(digits) in self._tails

    def _computed(self, value: float, slack: float) -> bool:
        """Whether it is the sum, difference, product, quotient or percentage of two or three terms."""
        terms = self._pool
        known = sorted(terms)
        if any(
            _within(known, wanted, width) for one in terms for wanted, width in _partners(value, one, slack)
        ):
            return True
        if len(terms) > TRIPLES:
            return False
        pairs = sorted({result for one in terms for other in terms for result in (one + other, one * other)})
        return any(
            _within(pairs, wanted, slack)
            for one in terms
            for wanted in (value - one, value + one, value / (one or 1.0))
        )


def _partners(value: float, one: float, slack: float) -> tuple[tuple[float, float], ...]:
    """The second terms with which a first one gives the value, each with its tolerance."""
    linear = ((value - one, slack), (value + one, slack), (one - value, slack))
    if not one or not value:
        return linear
    part = slack / value
    return (
        *linear,
        (value / one, slack / one),
        (value * one, slack * one),
        (one / value, one / value * part),
        (100 * one / value, 100 * one / value * part),
    )


def _within(ordered: list[float], wanted: float, width: float) -> bool:
    place = bisect_left(ordered, wanted - width)
    return place < len(ordered) and ordered[place] <= wanted + width


@lru_cache(maxsize=4096)
def value_of(digits: str, scale: str | None = None) -> float:
    """The number that digits with thousands separators, and a word such as `million`, stand for."""
    value = float(digits.replace(",", ""))
    return value * _SCALES[scale.lower()] if scale else value


def is_common(value: float) -> bool:
    """Whether a number is one that anybody may use: small, round, or a year."""
    if value == int(value):
        digits = str(int(value)).rstrip("0")
        return value <= 31 or 1000 <= value <= 2100 or len(digits) <= 1
    return value in (0.5, 1.5, 0.25, 0.75, 2.5, 3.14, 3.1416, 99.9)


def _slack(digits: str) -> tuple[float, float]:
    """Half a unit of the last digit that counts, and half a unit of the last one written.

    `1,200` may be 1,150 to 1,250 when it is rounded, and 1,199.5 to 1,200.5 when it is not.
    """
    bare = digits.replace(",", "")
    if "." in bare:
        half = 0.5 * 10.0 ** -len(bare.split(".", 1)[1]) + 1e-9
        return half, half
    zeros = min(len(bare) - len(bare.rstrip("0")), len(bare) - 2)
    return 0.5 * 10.0 ** max(zeros, 0), 0.5
