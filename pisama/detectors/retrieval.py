"""Retrieval: searches that bring nothing, are asked again in other words, or are taken at their face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Evidence, Issue
from pisama.searches import (
    Aftermath,
    Search,
    answer_to_nothing,
    answer_to_other,
    misses_in_a_row,
    rephrased,
    searches_of,
    unopened,
)
from pisama.text import quote
from pisama.trace import Step, Trace


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
        after = Aftermath(trace, table)
        for searches in searches_of(table).values():
            for group in rephrased(searches, self.same_question, self.rephrasings):
                yield self._rephrased(trace, group)
            missed = list(misses_in_a_row(searches, self.min_misses))
            yield from (self._missed(trace, misses) for misses in missed)
            speaker = answer_to_nothing(after, searches)
            if speaker is not None and not missed:
                yield self._nothing_found(trace, speaker, searches)
            speaker = answer_to_other(after, table, searches[-1], self.min_stems, self.relevant_share)
            if speaker is not None:
                yield self._irrelevant(trace, speaker, searches[-1])
        found = unopened(trace, table)
        if found is not None:
            yield self._snippets(trace, *found)

    def _rephrased(self, trace: Trace, group: Sequence[Search]) -> Issue:
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

    def _missed(self, trace: Trace, misses: Sequence[Search]) -> Issue:
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

    def _nothing_found(self, trace: Trace, speaker: Step, misses: Sequence[Search]) -> Issue:
        summary = f"{speaker.agent} answered although {_every(misses)} found nothing."
        advice = "Search with fewer words or another source, and if nothing is found, say so in the answer."
        return self._issue(trace, "nothing_found", speaker, summary, misses, advice)

    def _irrelevant(self, trace: Trace, speaker: Step, last: Search) -> Issue:
        summary = f"{speaker.agent} answered after a search for “{quote(last.query, width=100)}” whose results do not speak of it."
        advice = "Check that a result names the subject of the question before using it, and search again when it does not."
        shown = last.call.call.result
        return self._issue(trace, "irrelevant", speaker, summary, [last], advice, quoted=shown)

    def _snippets(self, trace: Trace, search: Search, opener: str) -> Issue:
        call = search.call
        summary = f"The answer rests on the snippets of {call.name}; no page was opened, though {opener} was offered."
        advice = f"Have the agent open the best result with {opener} and quote the page before it answers."
        return self._issue(trace, "snippets", call.step, summary, [search], advice, at_call=True)

    def _issue(
        self,
        trace: Trace,
        signal: str,
        step: Step,
        summary: str,
        searches: Sequence[Search],
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


def _every(misses: Sequence[Search]) -> str:
    return (
        f"its search for “{quote(misses[0].query, width=100)}”"
        if len(misses) == 1
        else f"all {len(misses)} of its searches"
    )
