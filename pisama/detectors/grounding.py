"""Grounding: an answer holds facts that nothing in the run shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field

from pisama.acts import command_of, is_bookkeeping, is_executor, spoken
from pisama.claims import gives_up, prose
from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import Element, ElementKind
from pisama.features import features
from pisama.grounds import Grounds
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.reported_misses import Miss, ReportedMisses
from pisama.text import quote, words
from pisama.trace import Step, ToolCall, Trace

_LABEL = lazy(r"\A\W{0,4}(?:final answer|answer|the answer is|the final answer is)\W{0,6}", re.IGNORECASE)
_TAGS = lazy(r"</?\w{1,20}>")
_CLOSING = lazy(r"\bTERMINATE\b\W{0,4}\Z")
_NUMBER = lazy(
    r"(?<![\w.])\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,9})?(?![\w])|(?<![\w.])\d{1,15}(?:\.\d{1,9})?(?!\w)"
)
_SOURCED = lazy(
    r"\b(?:according to|(?:retrieved|obtained|taken|collected|gathered|extracted) from|as (?:reported|stated|listed|published) (?:by|in|on)"
    r"|(?:states|shows|reports|lists|indicates|confirms) that|official (?:data|figures)|published figures|the following (?:are|is) the)\b",
    re.IGNORECASE,
)
"""Words that give a statement a source before anything was observed."""
_WORKED_OUT = lazy(r"(?:=|≈|\\approx|\\frac\{|\()[ \t$\\(]{0,4}\Z")
"""What comes before a number whose computation is written out."""
_RELAYED = lazy(r"\b(?:[Vv]iewport|screenshot of|Traceback|Address: )")
"""Words of an agent that hands on a page or a tool's output as it is."""
_PROPOSED = lazy(
    r"\b(?:visit|go to|open|check|try|navigate|access|use|see|search|query|download|install|e\.g|such as|example|could|can|would|will|let['\u2019]s)\b[^.\n]{0,120}\Z",
    re.IGNORECASE,
)
"""What comes before a link that is a proposal rather than a finding."""
_REFERENCES = (ElementKind.URL, ElementKind.EMAIL)


class _Statement(NamedTuple):
    step: Step
    text: str
    call: int | None
    final: bool


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
            agent: HAT136 costs $187 and HAT039 costs $2434.50.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Each statement against all that was seen and said before it."""
        yield from islice(self._issues(trace), self.max_issues)

    def _issues(self, trace: Trace) -> Iterator[Issue]:
        grounds, misses = Grounds(), ReportedMisses()
        observed = False
        if trace.task:
            grounds.hear(trace.task, terms=True)
        for step in trace.steps:
            misses.hear(step)
            for message in step.seen:
                grounds.hear(message.text, terms=message.role == "user")
                observed = observed or message.role == "tool"
            answers = [text for text, number in spoken(step) if number is not None]
            for call in step.tool_calls:
                if not is_bookkeeping(call.name) and not _echoes(call, answers):
                    grounds.hear(call.result or call.error or "")
                    observed = observed or call.result is not None
            for statement in self._statements(trace, step):
                miss = misses.ignored_by(_core(statement.text), step) if statement.final else None
                if miss is not None:
                    yield self._against(trace, statement, miss)
                else:
                    yield from self._judge(trace, statement, grounds, observed=observed)
            grounds.hear(step.words, terms=True)
            for call in step.tool_calls:
                grounds.hear(str(call.arguments))
                grounds.hear(call.result or "")

    def _statements(self, trace: Trace, step: Step) -> Iterator[_Statement]:
        last = step is trace.steps[-1] and trace.complete
        if step is trace.steps[0] and len(trace.agents) > 1 and not step.tool_calls:
            # In a group the first speaker hands out the task.
            return
        for text, number in spoken(step):
            yield _Statement(step, text, number, number is not None or last)

    def _judge(
        self, trace: Trace, statement: _Statement, grounds: Grounds, *, observed: bool
    ) -> Iterator[Issue]:
        text = prose(statement.text)
        if gives_up(text[:1000]) or _RELAYED.search(text[:4000]):
            return
        if statement.final:
            core = _core(text)
            if 0 < len(words(core)) <= self.answer_words and self._unknown_answer(core, grounds):
                yield self._issue(trace, "answer", statement, [core])
                return
        if not observed and not _SOURCED.search(text):
            return
        unknown_facts = [item for item in features(trace).elements(text) if not grounds.knows(item)]
        references = [item for item in unknown_facts if self._is_finding(item, text)]
        figures = [
            item
            for item in unknown_facts
            if item.kind is ElementKind.NUMBER
            and not _WORKED_OUT.search(text[max(0, item.start - 12) : item.start])
        ]
        names = [item for item in unknown_facts if self._is_invented_name(item, text, grounds)]
        if references:
            yield self._issue(trace, "reference", statement, _texts(references))
        elif sum(map(_precision, {item.value for item in figures})) >= self.min_figures:
            yield self._issue(trace, "figures", statement, _texts(figures))
        elif len({item.value for item in names}) >= self.min_names:
            yield self._issue(trace, "names", statement, _texts(names))

    def _is_finding(self, item: Element, text: str) -> bool:
        """A link to a page, or an address, that is not merely where one might look."""
        page = item.kind is ElementKind.EMAIL or ("/" in item.value and "?q=" not in item.value)
        return (
            item.kind in _REFERENCES
            and page
            and _PROPOSED.search(text[max(0, item.start - 200) : item.start]) is None
        )

    def _is_invented_name(self, item: Element, text: str, grounds: Grounds) -> bool:
        """A name of several words of which none was seen; a heading or a label is none."""
        parts = [word for word in words(item.text) if len(word) > 3]
        after = text[item.start + len(item.text) :][:4]
        return (
            item.kind is ElementKind.NAME
            and len(parts) > 1
            and not any(grounds.knows_word(word) for word in parts)
            and not after.startswith((":", "**", " (", "'s:", "\n"))
        )

    def _unknown_answer(self, core: str, grounds: Grounds) -> bool:
        """Whether some number of a short answer, or else all that it says, comes from nowhere."""
        numbers = [match.group() for match in _NUMBER.finditer(core)]
        if numbers:
            return any(not grounds.knows_number(number, years=False) for number in numbers)
        telling = [word for word in words(core) if len(word) > 2]
        return bool(telling) and not any(grounds.knows_word(word) for word in telling)

    def _against(self, trace: Trace, statement: _Statement, miss: Miss) -> Issue:
        step, answer = statement.step, quote(_core(statement.text), width=80)
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

    def _issue(self, trace: Trace, signal: str, statement: _Statement, facts: Sequence[str]) -> Issue:
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


def _core(text: str) -> str:
    """An answer without the label and the tags around it."""
    return _CLOSING.sub("", _LABEL.sub("", _TAGS.sub("", prose(text)))).strip()


def _echoes(call: ToolCall, answers: Sequence[str]) -> bool:
    """Whether a program only printed an answer that stands in it word for word."""
    if not answers or not is_executor(call.name):
        return False
    code = command_of(call.arguments)
    return any(answer[:200] in code or answer[:200] in code.replace("\\n", "\n") for answer in answers)


def _precision(number: str) -> int:
    """2 for a number of four significant digits or more, which nobody writes by chance; else 1."""
    return 2 if len(number.strip("-0").rstrip("0").replace(".", "")) >= 4 else 1


def _texts(items: Sequence[Element]) -> list[str]:
    return list(dict.fromkeys(item.text for item in items))
