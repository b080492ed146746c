"""Searches: what a run looked up in words, and what its agents made of what came back."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from pisama.acts import is_executor, name_parts
from pisama.features import CallFeatures, Features
from pisama.outcomes import ErrorKind
from pisama.patterns import lazy
from pisama.text import containment, overlap
from pisama.trace import JSON, Step, Trace

_SEARCHES = frozenset(
    """search searches websearch query retrieve retriever retrieval lookup google bing duckduckgo tavily serper serpapi
    wiki wikipedia arxiv rag knowledge""".split()
)
_NO_SEARCH = frozenset(
    "flight flights hotel hotels database sql db file files directory grep replace page code symbol class method".split()
)
"""Words in the name of a tool that looks up records or files, in which a query is not asked in words."""
_OPENERS = frozenset("visit open fetch browse navigate crawl scrape goto".split())
"""Words in the names of tools that open a page."""
_QUERY_KEYS = tuple(
    "query q search_query queries query_list search_term keywords question text input request".split()
)
"""Names of the parameter that holds the query, the plainest first."""
_ADMITS = lazy(
    r"no (?:results?|information|data|evidence|record|match|answer|relevant|such|mention)|not (?:find|found|available|able|enough|certain|sure|clear|mention)"
    r"|could ?n[o']t|can ?n[o']t|can't|unable|unfortunately|unknown|insufficient|unclear|lack|do(?:es)? not|don't|without",
    re.IGNORECASE,
)
"""Words with which an agent admits that it does not know."""
_LINK = lazy(r"https?://[^\s\"'<>)\]]{4,300}")
_HEAD = 8_000
"""Characters of a result in which the words of the query are looked for."""
_QUERY_WIDTH = 600
"""Characters of a query that are read."""


class Search(NamedTuple):
    """A call that looks something up in words."""

    call: CallFeatures
    query: str
    stems: frozenset[str]
    digits: frozenset[str]

    @classmethod
    def of(cls, call: CallFeatures, table: Features) -> Search | None:
        """The search a call makes, or None when it has no query in words."""
        query = _query(call.call.arguments)
        if not query:
            return None
        found = table.stem_set(query)
        return cls(call, query, found, frozenset(stem for stem in found if stem.isdigit()))

    @property
    def missed(self) -> bool:
        """Whether it found nothing."""
        outcome = self.call.outcome
        return outcome.empty or (outcome.failed and outcome.kind is ErrorKind.NOT_FOUND)

    @property
    def came(self) -> str:
        """What came back, in a few words."""
        if self.missed:
            return "found nothing"
        return (
            "failed"
            if self.call.outcome.failed
            else f"{len(self.call.call.result or '')} characters came back"
        )


def _is_search(name: str) -> bool:
    parts = set(name_parts(name))
    return bool(parts & _SEARCHES) and not parts & _NO_SEARCH and not parts & {"agent"}


def _query(arguments: JSON) -> str:
    if isinstance(arguments, str):
        return arguments[:_QUERY_WIDTH]
    if not isinstance(arguments, dict):
        return ""
    given = next((arguments[key] for key in _QUERY_KEYS if arguments.get(key)), "")
    if isinstance(given, list):
        given = " ".join(item for item in given if isinstance(item, str))
    return given[:_QUERY_WIDTH] if isinstance(given, str) else ""


def searches_of(table: Features) -> dict[tuple[str, str], list[Search]]:
    """The searches in words of every agent, by tool."""
    found: dict[tuple[str, str], list[Search]] = {}
    for call in table.calls:
        if _is_search(call.name) and (search := Search.of(call, table)) is not None:
            found.setdefault((call.step.agent, call.name), []).append(search)
    return found


def rephrased(searches: Sequence[Search], same_question: float, at_least: int) -> Iterator[list[Search]]:
    """Stretches of at least so many searches that ask nearly the same in different words.

    `same_question` is the Jaccard index of stems from which on two queries ask the same; other figures ask
    something else.
    """
    group: list[Search] = []
    for search in searches:
        if group and not _asks_again(group, search, same_question):
            if len(group) >= at_least and _varied(group):
                yield group
            group = []
        group.append(search)
    if len(group) >= at_least and _varied(group):
        yield group


def _asks_again(group: Sequence[Search], search: Search, same_question: float) -> bool:
    return any(
        other.digits == search.digits and overlap(other.stems, search.stems) >= same_question
        for other in group[-2:]
    )


def _varied(searches: Sequence[Search]) -> bool:
    """Whether more than one question was asked; the very same one again and again is a loop."""
    return len({search.query for search in searches}) > 1


def misses_in_a_row(searches: Sequence[Search], at_least: int) -> Iterator[list[Search]]:
    """Stretches of at least so many searches that found nothing, not all of one query."""
    for missed, group in groupby(searches, key=lambda search: search.missed):
        misses = list(group)
        if missed and len(misses) >= at_least and _varied(misses):
            yield misses


class Aftermath:
    """What each agent said and found after a call."""

    def __init__(self, trace: Trace, table: Features) -> None:
        self._answer = (trace.final_answer or "")[:4_000]
        self._steps: dict[str, list[Step]] = {}
        for step in trace.steps:
            self._steps.setdefault(step.agent, []).append(step)
        self._last_find: dict[str, int] = {}
        for call in table.calls:
            if not call.outcome.empty:
                self._last_find[call.step.agent] = call.position

    def speaker(self, call: CallFeatures) -> Step | None:
        """The agent's next step when it found no more, states something, and does not admit that nothing was found."""
        steps = self._steps[call.step.agent]
        mine = steps[bisect_right(steps, call.step.index, key=lambda step: step.index) :]
        if not mine or self._last_find.get(call.step.agent, -1) > call.position:
            return None
        said = "\n".join(step.words[:4_000] for step in mine[:20]) + self._answer
        return None if len(said.strip()) < 20 or _ADMITS.search(said) else mine[0]


def answer_to_nothing(after: Aftermath, searches: Sequence[Search]) -> Step | None:
    """The step that states something although every search found nothing."""
    return after.speaker(searches[-1].call) if all(search.missed for search in searches) else None


def answer_to_other(
    after: Aftermath, table: Features, last: Search, min_stems: int, relevant_share: float
) -> Step | None:
    """The step that states something after a last search whose results do not speak of its query.

    They do not when less than `relevant_share` of its stems are in them; a query of fewer than `min_stems` says too little.
    """
    result = last.call.call.result or ""
    if last.missed or last.call.outcome.failed or len(result) < 300 or len(last.stems) < min_stems:
        return None
    if containment(last.stems, table.stem_set(result[:_HEAD])) >= relevant_share:
        return None
    return after.speaker(last.call)


def unopened(trace: Trace, table: Features) -> tuple[Search, str] | None:
    """The last search whose links were not opened before the answer, with the name of a tool that opens pages."""
    openers = sorted(name for name in table.offered.tools if _OPENERS.intersection(name_parts(name)))
    if not openers or not trace.final_answer or _ADMITS.search(trace.final_answer[:2_000]):
        return None
    calls = [call for call in table.calls if not call.outcome.failed]
    linked = [
        call
        for call in calls
        if _is_search(call.name) and len(set(_LINK.findall((call.call.result or "")[:_HEAD]))) > 1
    ]
    if not linked or any(
        _OPENERS.intersection(name_parts(call.name)) or is_executor(call.name) for call in calls
    ):
        return None
    search = Search.of(linked[-1], table)
    return (search, openers[0]) if search is not None else None
