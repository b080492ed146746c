"""Derailment: the run leaves the task and does not come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import features
from pisama.issue import Evidence, Issue
from pisama.off_task import (
    TASK,
    Drift,
    LeftOut,
    OtherAnswer,
    OtherName,
    OtherSource,
    OtherYear,
    drifted,
    misanswered,
    other_name,
    other_source,
    other_year,
    query_of,
    wishes_of,
)
from pisama.text import quote
from pisama.trace import Trace


class Derailment(Detector):
    """The work drifts off the task: another thing is asked for or answered, or only a part of it.

    ## Why it is a failure

    Every step may be sound by itself and the result still be useless: the answer is to a question
    that nobody asked.

    ## What it does not flag

    Detours that return (an install, a debugging session), values that a result or the user brought
    up, names the agent itself ties to the task's, and short answers that need not repeat the question.

    ## How to fix it

    Repeat the task in every prompt, have the agent check queries and the answer against its names,
    dates and sub-questions, and limit the steps it may take without progress on them.
    """

    id = "derailment"
    needs = frozenset({Needs.TASK})
    tags = ("trail:Goal Deviation", "mast:FM-2.3")
    signals: ClassVar = {
        "other_year": Signal("queries ask for a year that is not the task's", 50, 0.6),
        "other_name": Signal("calls use a name nobody gave and none of the task's", 50, 0.6),
        "other_source": Signal("the source the task names is in no call and no result", 35, 0.55),
        "other_answer": Signal("a long answer that shares next to nothing with the task", 55, 0.7),
        "part_answered": Signal("the answer leaves out one of the task's questions", 40, 0.45),
        "drifted": Signal(
            "the last steps share nothing with the task and the answer does not return", 45, 0.5
        ),
    }

    queries: Annotated[int, Field(ge=1)] = 2
    """Calls with another year from which it counts as meant."""
    long_answer: Annotated[int, Field(ge=1)] = 40
    """Words from which an answer is expected to name what it is about."""
    share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the task's words up to which a long answer is to something else."""
    window: Annotated[int, Field(ge=3)] = 6
    """Steps at the end without a word of the task from which the run counts as drifted."""

    quiet = (
        Example(
            "an install on the way",
            """
            task: Plot the monthly rainfall of Bergen from rain.csv.
            agent: shell(command="python plot.py rain.csv") -> error: No module named matplotlib
            agent: shell(command="pip install matplotlib") -> ok
            agent: shell(command="python plot.py rain.csv") -> saved
            agent: The plot of the rainfall of Bergen is in plot.png.
            """,
        ),
        Example(
            "a year that a result brought up",
            """
            task: In which year after 2010 did the club win the cup again?
            agent: search(query="club cup winners") -> The club won in 2014 and 2016.
            agent: search(query="club cup 2014 final") -> 2:1
            agent: search(query="club cup 2016 final") -> 3:1
            agent: In 2014.
            """,
        ),
        Example(
            "a name the agent derives from the task",
            """
            task: What is the weather in the capital of France?
            agent: The capital of France is Paris.
              weather(city="Paris") -> 20 degrees
            agent: 20 degrees.
            """,
        ),
        Example(
            "a short answer",
            """
            task: Who wrote the novel about the whale, and in which year was it published?
            agent: search(query="novel about the whale author") -> Moby-Dick, Herman Melville, 1851
            agent: Herman Melville, 1851.
            """,
        ),
        Example(
            "the user changes the subject",
            """
            task: Book a flight to Rome.
            agent: book(city="Rome") -> ok
            user: Now the weather in Oslo, please.
            agent: weather(city="Oslo") -> snow
            agent: It snows in Oslo.
            """,
        ),
        Example(
            "both questions answered in other words",
            """
            task: Which company makes the engine? How much does the engine weigh?
            agent: look(page="engine") -> made by Rolls-Royce, mass 7,277 kg
            agent: The engine is built by Rolls-Royce, a company in Derby that is known for its turbofans, and it weighs 7,277 kg without its nacelle.
            """,
        ),
    )
    fires = (
        Example(
            "every query asks for another year",
            """
            task: What was the revenue of Acme in 2021?
            agent: search(query="Acme revenue 2019") -> 10 million
            agent: search(query="Acme annual report 2019") -> report
            agent: The revenue of Acme was 10 million.
            """,
            at=(0,),
        ),
        Example(
            "another city than the one asked for",
            """
            task: What is the weather in Bergen tomorrow?
            agent: weather(city="Oslo") -> 20 degrees
            agent: It will be sunny with 20 degrees.
            """,
            at=(0,),
        ),
        Example(
            "the answer is to another question",
            """
            task: Explain how the tides of the Atlantic depend on the phases of the moon.
            agent: To bake sourdough bread, mix flour with water and a spoon of starter, let the dough rest
              in a cool place over night, fold it four times, shape a loaf, and bake it in a hot iron pot for
              forty minutes until the crust turns dark brown.
            """,
            at=(0,),
        ),
        Example(
            "the source the task names is never looked at",
            """
            task: According to Girls Who Code, what share of computer scientists were women in 1995?
            agent: search(query="share of women in computing 1995") -> 37 percent, says a blog
            agent: 37 percent.
            """,
            at=(0,),
        ),
        Example(
            "drifts off and does not return",
            """
            task: Compare the ferry connections between Stavanger and Bergen by price and duration.
            agent: search(query="ferry Stavanger Bergen price") -> Fjord Line
            agent: search(query="ferry Stavanger Bergen duration") -> 5 hours
            agent: The ferry has a restaurant.
            agent: search(query="Fjord Line duration of the ferry") -> 5 hours
            agent: search(query="prices on the ferry") -> menu
            agent: open(page="ferry menu price") -> soup
            agent: search(query="best fish soup recipe") -> recipe
            agent: search(query="how to clean mussels") -> rinse
            agent: search(query="mussels white wine") -> dish
            agent: search(query="cream or butter in soup") -> cream
            agent: search(query="fish soup side dish bread") -> bread
            agent: Serve the soup with bread.
            """,
            at=(6,),
        ),
        Example(
            "one of two questions is forgotten",
            """
            task: Which rivers flow through Geneva? What does a monthly tram subscription cost?
            agent: search(query="rivers through Geneva") -> Rhone, Arve
            agent: Two rivers flow through Geneva: the Rhone, which leaves the lake there, and the Arve, which comes from the Alps and joins it at the Jonction west of the centre.
            """,
            at=(1,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """What the calls ask for, then what the answer says, then where the run ends up."""
        wishes = wishes_of(trace)
        if (year := other_year(trace, wishes, self.queries)) is not None:
            yield self._other_year(trace, year)
        if (name := other_name(trace, wishes)) is not None:
            yield self._other_name(trace, name, wishes)
        if (source := other_source(trace)) is not None:
            yield self._other_source(trace, source)
        answered = list(misanswered(trace, self.long_answer, self.share))
        for fault in answered:
            if isinstance(fault, OtherAnswer):
                yield self._other_answer(trace, fault)
            else:
                yield self._part(trace, fault)
        if not answered and (drift := drifted(trace, wishes, self.window)) is not None:
            yield self._drift(trace, drift, wishes)

    def _other_year(self, trace: Trace, found: OtherYear) -> Issue:
        calls, year, asked = found.calls, found.year, ", ".join(found.wanted)
        return self.issue(
            trace,
            "other_year",
            calls[0].step,
            f"The task asks for {asked}; {len(calls)} calls ask for {year} and none for {asked}.",
            evidence=tuple(
                Evidence(quote(query_of(each), year), each.step.index, each.number, year)
                for each in calls[:5]
            ),
            recommendation=f"Have the agent copy {asked} into its queries and check each against the task.",
            about=("year", asked, year),
            call=calls[0].number,
        )

    def _other_name(self, trace: Trace, found: OtherName, wishes: str) -> Issue:
        call, value, names = found
        asked = " or ".join(dict.fromkeys(name.text for name in names))
        return self.issue(
            trace,
            "other_name",
            call.step,
            f"{call.name} is called for {value}; the task is about {asked}, which no call names.",
            evidence=(
                Evidence(quote(query_of(call), value), call.step.index, call.number, "what is asked for"),
                Evidence(quote(wishes, names[0].text), trace.steps[0].index, None, "what was asked for"),
            ),
            recommendation=f"Check that names in arguments come from the task ({asked}) or from a result.",
            about=("name", asked.lower(), value.lower()),
            call=call.number,
        )

    def _other_source(self, trace: Trace, found: OtherSource) -> Issue:
        source, words, last = found
        asked = quote(trace.task or "", words)
        return self.issue(
            trace,
            "other_source",
            last.step,
            f"The task asks for what {source} says; no call and no result has to do with it.",
            evidence=(
                Evidence(quote(query_of(last)), last.step.index, last.number, "the last query"),
                Evidence(asked, trace.steps[0].index, None, "the source asked for"),
            ),
            recommendation=f"Have the agent look at {source} itself, and say so when it cannot.",
            about=("source", source.lower()),
        )

    def _other_answer(self, trace: Trace, found: OtherAnswer) -> Issue:
        first, last, task = found.first, trace.steps[-1], (trace.task or "")[:TASK]
        return self.issue(
            trace,
            "other_answer",
            first,
            f"Works on something else up to the answer, which shares {found.shared} of the {found.wanted} words of the task.",
            evidence=(
                Evidence(quote(first.words), first.index, None, "leaves the task"),
                Evidence(quote(trace.final_answer or ""), last.index, None, "the answer"),
                Evidence(quote(task), None, None, "the task"),
            ),
            recommendation="Have the agent restate the task before it answers, and compare the answer with it.",
            about=("answer", quote(task, width=80)),
        )

    def _part(self, trace: Trace, found: LeftOut) -> Issue:
        last = trace.steps[-1]
        return self.issue(
            trace,
            "part_answered",
            last,
            f"The answer says nothing on one of the {found.questions} questions: {quote(found.question, width=100)}",
            evidence=(
                Evidence(quote(trace.final_answer or ""), last.index, None, "the answer"),
                Evidence(quote(found.question), note="left out"),
            ),
            recommendation="List the questions of the task and have the agent answer each under its own heading.",
            about=("part", found.question),
        )

    def _drift(self, trace: Trace, found: Drift, wishes: str) -> Issue:
        first, last = found.first, trace.steps[-1]
        shown = first.words or query_of(features(trace).calls_by_step[first.index][0])
        return self.issue(
            trace,
            "drifted",
            first,
            f"From step {first.index} on, {found.steps} steps have not one word of the task, to the end.",
            evidence=(
                Evidence(quote(shown), first.index, None, "leaves the task"),
                Evidence(quote(last.words or "(only calls)"), last.index, None, "does not return"),
            ),
            recommendation="Put the task into the prompt of every step and stop after a few steps that do not serve it.",
            about=("drift", quote(wishes, width=80)),
        )
