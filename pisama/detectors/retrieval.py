"""Retrieval: searches that bring nothing, are asked again in other words, or are taken at their face."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from pisama.acts import is_executor, name_parts
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, Features, features
from pisama.issue import Evidence, Issue
from pisama.outcomes import ErrorKind
from pisama.patterns import lazy
from pisama.text import containment, overlap, quote
from pisama.trace import JSON, Step, Trace

_SEARCHES = frozenset(
    "search searches websearch query retrieve retriever retrieval lookup google bing duckduckgo tavily serper serpapi wiki wikipedia arxiv rag knowledge".split()
)
_NO_SEARCH = frozenset(
    "flight flights hotel hotels database sql db file files directory grep replace page code symbol class method".split()
)
"""Words in the name of a tool that looks up records or files, in which a query is not asked in words."""
_OPENERS = frozenset("visit open fetch browse navigate crawl scrape goto".split())
_QUERY_KEYS = (
    "query",
    "q",
    "search_query",
    "queries",
    "query_list",
    "search_term",
    "keywords",
    "question",
    "text",
    "input",
    "request",
)
_ADMITS = lazy(
    r"no (?:results?|information|data|evidence|record|match|answer|relevant|such|mention)|not (?:find|found|available|able|enough|certain|sure|clear|mention)"
    r"|could ?n[o']t|can ?n[o']t|can't|unable|unfortunately|unknown|insufficient|unclear|lack|do(?:es)? not|don't|without",
    re.IGNORECASE,
)
_LINK = lazy(r"https?://[^\s\"'<>)\]]{4,300}")
_HEAD = 8_000
"""Characters of a result in which the words of the query are looked for."""
_QUERY_WIDTH = 600


class Retrieval(Detector):
    """Poor search: nothing found and used all the same, or the same question asked over and over.

    ## Why it is a failure

    An answer can be no better than what was found. Asking the same thing in slightly other words
    brings the same documents; results that do not speak of the question, or none, support nothing.

    ## What it does not flag

    One refinement after a miss, different questions on one subject, an answer that says that nothing
    was found, and searches whose pages were then opened.

    ## How to fix it

    Have the agent state what is missing before it searches again, drop constraints when nothing comes
    back, open the page behind a snippet, and say in the answer what could not be found.
    """

    id = "retrieval"
    needs = frozenset({Needs.CALLS})
    tags = ("trail:Poor Information Retrieval", "trail:Resource Abuse")
    signals: ClassVar[Mapping[str, Signal]] = {
        "rephrased": Signal("the same question searched again and again in slightly other words", 40, 0.6),
        "nothing_found": Signal("an answer after searches that all found nothing", 50, 0.5),
        "misses": Signal("searches in a row that found nothing", 35, 0.5),
        "irrelevant": Signal("search results that do not speak of the question", 35, 0.4),
        "snippets": Signal("an answer from the snippets of a search; no page was opened", 25, 0.3),
    }

    rephrasings: Annotated[int, Field(ge=2)] = 3
    """Near-duplicate queries before they fire; the first two, a question and its refinement, are in order."""
    same_question: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Jaccard index of the stems of two queries from which on they ask the same thing."""
    min_misses: Annotated[int, Field(ge=2)] = 3
    """Searches in a row that find nothing before they fire."""
    relevant_share: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of the query's stems that a result must hold to be taken as about the question."""
    min_stems: Annotated[int, Field(ge=1)] = 4
    """Stems a query must have for its result to be judged by them."""
    max_evidence: Annotated[int, Field(ge=1)] = 5
    """Queries quoted in one issue."""

    quiet = (
        Example(
            "one refinement after a miss",
            """
            task: When was the bridge built?
            agent: search(query="Alder bridge built") -> No results found
            agent: search(query="Alder bridge construction year") -> The Alder bridge was built in 1904.
            agent: It was built in 1904.
            """,
        ),
        Example(
            "different questions on one subject",
            """
            task: Compare the two bridges.
            agent: search(query="Alder bridge length") -> The Alder bridge is 210 m long.
            agent: search(query="Birch bridge length") -> The Birch bridge is 180 m long.
            agent: search(query="Alder bridge year of construction") -> The Alder bridge was built in 1904.
            agent: search(query="Birch bridge year of construction") -> The Birch bridge was built in 1911.
            agent: Alder is longer and older.
            """,
        ),
        Example(
            "an honest answer after nothing was found",
            """
            task: Who designed the Alder bridge?
            agent: search(query="designer of the Alder bridge") -> []
            agent: I could not find who designed it.
            """,
        ),
        Example(
            "a lookup of records that has no match",
            """
            task: Is there a direct flight?
            agent: search_direct_flight(origin="OSL", destination="HAM") -> []
            agent: There is one with a stop in Copenhagen.
            """,
        ),
        Example(
            "the page behind the snippet was opened",
            """
            task: How long is the Alder bridge?
            tools: search(query), visit_page(url)
            agent: search(query="Alder bridge length metres") -> 1. Alder bridge https://a.org/1 2. Bridges https://a.org/2
            agent: visit_page(url="https://a.org/1") -> The Alder bridge is 210 m long.
            agent: It is 210 m long.
            """,
        ),
    )
    fires = (
        Example(
            "the same question five times",
            """
            task: Who designed the Alder bridge?
            agent: search(query="designer of the Alder bridge in Norwood") -> A list of bridges in Norwood.
            agent: search(query="the designer of Alder bridge, Norwood") -> A list of bridges in Norwood, and more.
            agent: search(query="Alder bridge Norwood designer") -> A list of bridges in Norwood.
            agent: search(query="who is the designer of the Alder bridge in Norwood?") -> Bridges in Norwood.
            agent: search(query="designer Norwood Alder bridge name") -> Bridges of Norwood.
            agent: I could not find it.
            """,
            at=(2,),
        ),
        Example(
            "an answer from nothing",
            """
            task: Who designed the Alder bridge?
            agent: search(query="designer of the Alder bridge") -> []
            agent: The Alder bridge was designed by Maria Holm in 1904.
            """,
            at=(1,),
        ),
        Example(
            "nothing found, three times in a row",
            """
            task: Find the paper.
            agent: web_search(query="paper on moss by Ida Berg 2019 site:a.org") -> No results found for query: paper on moss by Ida Berg 2019
            agent: web_search(query="Berg moss growth study 2019 site:b.org") -> No results found
            agent: web_search(query="Ida Berg bryophyte article filetype:pdf") -> No results found
            agent: web_search(query="moss") -> Moss is a small plant. See Ida Berg, 2019.
            agent: It is cited in an article on moss.
            """,
            at=(2,),
        ),
        Example(
            "an answer from snippets alone",
            """
            task: How long is the Alder bridge?
            tools: search(query), visit_page(url)
            agent: search(query="Alder bridge length metres") -> 1. Alder bridge: 200 m? https://a.org/1 2. Bridges https://a.org/2
            agent: It is 200 m long.
            """,
            at=(0,),
        ),
        Example(
            "documents about something else",
            """
            task: Who designed the Alder bridge?
            agent: search(query="designer architect Alder bridge Norwood opening") -> Pasta is made from durum wheat and water.
              | It is rolled, cut, dried in warm air, and cooked for ten minutes in salted boiling water before it is served.
              | Sauces vary with the region: tomatoes and basil in the south, butter and sage further north, and meat in between.
              | Dried pasta keeps for years in a cool cupboard; the fresh kind should be eaten on the day on which it was made.
            agent: It was designed by Maria Holm.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """The searches of each agent, as runs of near-duplicates and by what they found."""
        table = features(trace)
        after = _Aftermath(trace, table)
        for searches in _searches(table).values():
            yield from self._rephrased(trace, searches)
            yield from self._empty(trace, after, searches)
            yield from self._irrelevant(trace, table, after, searches)
        yield from self._snippets(trace, table)

    def _rephrased(self, trace: Trace, searches: Sequence[_Search]) -> Iterator[Issue]:
        group: list[_Search] = []
        for search in (*searches, None):
            if search is not None and not group:
                group = [search]
            elif search is not None and self._asks_again(group, search):
                group.append(search)
            else:
                if len(group) >= self.rephrasings and _varied(group):
                    yield self._again(trace, group)
                group = [search] if search is not None else []

    def _asks_again(self, group: Sequence[_Search], search: _Search) -> bool:
        return any(
            other.digits == search.digits and overlap(other.stems, search.stems) >= self.same_question
            for other in group[-2:]
        )

    def _again(self, trace: Trace, group: Sequence[_Search]) -> Issue:
        first = group[2] if len(group) > 2 else group[-1]
        return self._issue(
            trace,
            "rephrased",
            first.call.step,
            f"{first.call.name} was asked nearly the same {len(group)} times in a row: “{quote(group[0].query, width=100)}”.",
            [first, *group[3:], *group[:2]],
            "After one refinement change the approach: open a page that was found, drop a constraint, search for a part of the "
            "question, or answer from what is there.",
            severity=min(59, 25 + 4 * len(group)),
            at_call=True,
        )

    def _empty(self, trace: Trace, after: _Aftermath, searches: Sequence[_Search]) -> Iterator[Issue]:
        misses: list[_Search] = []
        for search in searches:
            if search.missed:
                misses.append(search)
                continue
            if len(misses) >= self.min_misses and _varied(misses):
                yield self._missed(trace, misses)
            misses = []
        if len(misses) >= self.min_misses and _varied(misses):
            yield self._missed(trace, misses)
        elif misses and len(misses) == len(searches):
            speaker = after.speaker(misses[-1].call)
            if speaker is not None:
                summary = f"{speaker.agent} answered although {_every(misses)} found nothing."
                advice = "Search with fewer words or another source, and if nothing is found, say so in the answer."
                yield self._issue(trace, "nothing_found", speaker, summary, misses, advice)

    def _missed(self, trace: Trace, misses: Sequence[_Search]) -> Issue:
        needless = misses[self.min_misses - 1]
        return self._issue(
            trace,
            "misses",
            needless.call.step,
            f"{len(misses)} searches in a row with {needless.call.name} found nothing, the last for “{quote(misses[-1].query, width=100)}”.",
            [needless, *(miss for miss in misses if miss is not needless)],
            "When nothing comes back, take words, quotes and site filters out of the query instead of changing them.",
            severity=min(55, 20 + 5 * len(misses)),
            at_call=True,
        )

    def _irrelevant(
        self, trace: Trace, table: Features, after: _Aftermath, searches: Sequence[_Search]
    ) -> Iterator[Issue]:
        if not searches:
            return
        last = searches[-1]
        result = last.call.call.result or ""
        if last.missed or last.call.outcome.failed or len(result) < 300 or len(last.stems) < self.min_stems:
            return
        if containment(last.stems, table.stem_set(result[:_HEAD])) >= self.relevant_share:
            return
        speaker = after.speaker(last.call)
        if speaker is not None:
            summary = f"{speaker.agent} answered after a search for “{quote(last.query, width=100)}” whose results do not speak of it."
            advice = "Check that a result names the subject of the question before using it, and search again when it does not."
            yield self._issue(trace, "irrelevant", speaker, summary, [last], advice, quoted=result)

    def _snippets(self, trace: Trace, table: Features) -> Iterator[Issue]:
        openers = sorted(name for name in table.offered.tools if _OPENERS.intersection(name_parts(name)))
        if not openers or not trace.final_answer or _ADMITS.search(trace.final_answer[:2_000]):
            return
        calls = [call for call in table.calls if not call.outcome.failed]
        linked = [
            call
            for call in calls
            if _is_search(call.name) and len(set(_LINK.findall((call.call.result or "")[:_HEAD]))) > 1
        ]
        if not linked or any(
            _OPENERS.intersection(name_parts(call.name)) or is_executor(call.name) for call in calls
        ):
            return
        search = _Search.of(linked[-1])
        if search is not None:
            summary = f"The answer rests on the snippets of {linked[-1].name}; no page was opened, though {openers[0]} was offered."
            advice = (
                f"Have the agent open the best result with {openers[0]} and quote the page before it answers."
            )
            yield self._issue(trace, "snippets", linked[-1].step, summary, [search], advice, at_call=True)

    def _issue(
        self,
        trace: Trace,
        signal: str,
        step: Step,
        summary: str,
        searches: Sequence[_Search],
        recommendation: str,
        *,
        severity: int | None = None,
        at_call: bool = False,
        quoted: str | None = None,
    ) -> Issue:
        return self.issue(
            trace,
            signal,
            step,
            summary,
            evidence=tuple(
                Evidence(
                    quote(quoted or search.query), search.call.step.index, search.call.number, search.came
                )
                for search in searches[: self.max_evidence]
            ),
            recommendation=recommendation,
            about=(searches[0].call.name, searches[0].query),
            severity=severity,
            call=searches[0].call.number if at_call else None,
        )


class _Search(NamedTuple):
    call: CallFeatures
    query: str
    stems: frozenset[str]
    digits: frozenset[str]

    @classmethod
    def of(cls, call: CallFeatures, table: Features | None = None) -> _Search | None:
        """The search a call makes, or None when it has no query in words."""
        query = _query(call.call.arguments)
        if not query:
            return None
        found = (table or Features(Trace("", ""))).stem_set(query)
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


def _searches(table: Features) -> dict[tuple[str, str], list[_Search]]:
    """The searches in words of every agent, by tool."""
    found: dict[tuple[str, str], list[_Search]] = {}
    for call in table.calls:
        if _is_search(call.name) and (search := _Search.of(call, table)) is not None:
            found.setdefault((call.step.agent, call.name), []).append(search)
    return found


def _varied(searches: Sequence[_Search]) -> bool:
    """Whether more than one question was asked; the very same one again and again is a loop."""
    return len({search.query for search in searches}) > 1


def _every(misses: Sequence[_Search]) -> str:
    return (
        f"its search for “{quote(misses[0].query, width=100)}”"
        if len(misses) == 1
        else f"all {len(misses)} of its searches"
    )


class _Aftermath:
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
