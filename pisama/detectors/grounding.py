"""Grounding: an answer holds facts that nothing in the run shows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.issue import Evidence, Issue
from pisama.text import quote
from pisama.trace import Trace
from pisama.ungrounded import Bounds, DespiteReport, Ungrounded, ungrounded


class Grounding(Detector):
    """An answer holds facts that nothing in the run shows.

    ## Why it is a failure

    The agent had the means to look, looked, and then wrote numbers, names or links of its own. They read
    like findings, and nobody can trace them to a source.

    ## What it does not flag

    What can be worked out from observed numbers (sums, differences, shares, conversions, rounding),
    what everybody knows (years, small and round numbers), facts in another spelling, facts that the
    task or a user gave, and what the agent wrote itself earlier.

    ## How to fix it

    Have the agent quote its source beside each fact, check the answer's numbers, names and links
    against the tool results before it goes out, and let it answer "not found".
    """

    id = "grounding"
    needs = frozenset({Needs.STEPS, Needs.RESULTS})
    tags = ("trail:Language-only", "mast:FM-3.3")
    signals: ClassVar = {
        "answer": Signal("the final answer itself occurs nowhere in the run", 65, 0.8),
        "despite_report": Signal("a definite answer after the report that nothing was found", 55, 0.65),
        "reference": Signal("a link or an address that nothing in the run shows", 50, 0.5),
        "figures": Signal("numbers that nothing in the run shows", 45, 0.5),
        "names": Signal("several names that nothing in the run shows", 41, 0.4),
    }

    answer_words: Annotated[int, Field(ge=1)] = 12
    """Words of an answer that counts as short, so that each of them must come from somewhere."""
    min_figures: Annotated[int, Field(ge=1)] = 2
    """Unknown numbers in one statement; one of four significant digits or more counts twice."""
    min_names: Annotated[int, Field(ge=1)] = 3
    """Unknown names in one statement."""
    max_issues: Annotated[int, Field(ge=1)] = 4
    """Issues in one trace."""

    quiet = (
        Example(
            "a status word beside the final message",
            """
            task: Fix the crash in match.c.
            agent: bash(command="make test") -> 2 failed
            agent: finish(message="The crash is fixed, but two tests still fail.", task_completed="partial")
            """,
        ),
        Example(
            "the number is in the page, spelled otherwise",
            """
            task: How many people live in Pomeroy?
            agent: visit(url="census.gov") -> Pomeroy city, Washington. Population: 1,389 (2020)
            agent: final_answer(answer="1389")
            """,
        ),
        Example(
            "sums and differences of what was seen",
            """
            task: What do both flights cost together?
            agent: search_flights(day="2024-05-20") -> [{"price": 152}, {"price": 103}]
            agent: The two flights cost $152 and $103, $255 together, which leaves $45 of your $300 voucher.
            """,
        ),
        Example(
            "rounding and per cent",
            """
            task: What share of the 412 files is tested?
            agent: count(kind="tested") -> 371 tested files
            agent: 371 of 412 files are tested, 90.05 %, or about 90.0 %.
            """,
        ),
        Example(
            "common knowledge and list numbers",
            """
            task: When does the shop open?
            agent: lookup(place="shop") -> Opens Monday at nine
            agent: 1. It opens on Monday.\\n2. In 2024 there are 52 weeks and 7 days in each.
            """,
        ),
        Example(
            "a file the agent made itself",
            """
            task: Save the report.
            agent: write(path="out/report_7731.txt", text="x") -> ok
            agent: The report is at out/report_7731.txt.
            """,
        ),
        Example(
            "says that it was not found",
            """
            task: How many people live in Pomeroy?
            agent: search(query="Pomeroy population") -> no results
            agent: final_answer(answer="Unable to determine")
            """,
        ),
        Example(
            "found elsewhere before",
            """
            task: Who designed the bridge?
            tools: search(query)
            agent: search(query="bridge designer") -> The Alder bridge was designed by Maria Holm and opened later.
            agent: search(query="bridge architect award") -> No results were found for this query. Try another one.
            agent: final_answer(answer="Maria Holm")
            """,
        ),
        Example(
            "the report says what it did find",
            """
            task: When was the bridge opened?
            agent: ask_library(question="opening of the bridge") -> I could not find the day, but the bridge was opened in May 1932.
            agent: final_answer(answer="May 1932")
            """,
        ),
    )
    fires = (
        Example(
            "an answer although the file could not be read",
            """
            task: Which pages should be read for the exam?
            agent: ask_reader(task="Transcribe the recording.") -> The recording was not found, so no page numbers could be extracted from it.
            agent: final_answer(answer="pages twelve and sixty")
            """,
            at=(1,),
        ),
        Example(
            "a number from nowhere",
            """
            task: How many people live in Pomeroy?
            agent: search(query="Pomeroy population") -> No results found for your query.
            agent: final_answer(answer="1,389")
            """,
            at=(1,),
        ),
        Example(
            "a link from nowhere",
            """
            task: Find the manual of the X100 and give its link.
            agent: search(query="X100 manual") -> The X100 is a camera. Its manual is sold in shops.
            agent: Its manual lies at https://support.fujifilm-x.com/manuals/x100_en_w.pdf for free.
            """,
            at=(1,),
        ),
        Example(
            "prices from nowhere",
            """
            task: What do the flights cost?
            agent: search_flights(to="Oslo") -> [{"flight": "HAT136"}, {"flight": "HAT039"}]
            agent: Two flights go to Oslo on that day: HAT136 costs $187, and HAT039 with a meal costs $2434.50.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each statement against all that was seen and said before it."""
        bounds = Bounds(self.answer_words, self.min_figures, self.min_names)
        for found in islice(ungrounded(trace, bounds), self.max_issues):
            if isinstance(found, DespiteReport):
                yield self._against(trace, found)
            else:
                yield self._stated(trace, found)

    def _against(self, trace: Trace, found: DespiteReport) -> Issue:
        statement, miss, answer = found.statement, found.miss, quote(found.answer, width=80)
        step = statement.step
        return self.issue(
            trace,
            "despite_report",
            step,
            f"{step.agent} answers “{answer}” right after it was told “{quote(miss.words, width=80)}”; nothing it was told holds that answer.",
            evidence=(
                Evidence(quote(statement.text), step.index, statement.call, "the answer"),
                Evidence(quote(miss.text, miss.words), miss.step.index, None, "the report"),
            ),
            recommendation="When a report says that nothing was found, have the agent look elsewhere or answer that it was not found.",
            about=(answer,),
        )

    def _stated(self, trace: Trace, found: Ungrounded) -> Issue:
        signal, statement, facts = found
        step = statement.step
        listed = ", ".join(quote(fact, width=60) for fact in facts[:4])
        more = f" and {len(facts) - 4} more" if len(facts) > 4 else ""
        return self.issue(
            trace,
            signal,
            step,
            f"{step.agent} states {listed}{more}, which no observation, message or computation in the run gives.",
            evidence=(Evidence(quote(statement.text, facts[0]), step.index, statement.call, "stated here"),),
            recommendation="Check the facts of a statement against the observations before it goes out, and have the agent say where each comes from.",
            about=tuple(facts[:4]),
        )
