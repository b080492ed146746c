"""Derailment: the run leaves the task and does not come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.elements import Element, ElementKind
from pisama.facts import fields, refuses
from pisama.features import CallFeatures, canonical, features
from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.text import quote, sentences, stems, words
from pisama.trace import Step, Trace

_READ = 20_000
"""Characters of a text that are read."""
_TASK = 6_000
"""Characters of a task that are taken for the wish; what follows in a long one is material."""
_YEAR = lazy(r"(?:19|20)\d\d(?<![\w.,-].{4})(?![\w,.]\d|\w)")
_SOURCE = lazy(
    r"\b[Aa]ccording to (?:the )?(?:official )?(?P<source>[A-Z][\w'&.-]{1,30}(?: (?:of |for |the |and )?[A-Z][\w'&.-]{1,30}){0,4})"
)
_PLACE_KEYS = lazy(
    r"(?:^|_)(?:city|location|place|country|town|state|company|person|team|player|artist|author|dataset|product|brand|destination)$"
)
_PROPER = lazy(r"[A-Z][a-z][\w'-]{1,30}(?: [A-Z][\w'-]{1,30}){0,3}")
_ASCII = lazy(r"[A-Za-z]")


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
        wishes = _wishes(trace)
        yield from self._other_year(trace, wishes)
        yield from self._other_name(trace, wishes)
        yield from self._other_source(trace)
        answered = list(self._answer(trace))
        yield from answered
        if not answered:
            yield from self._drift(trace, wishes)

    def _other_year(self, trace: Trace, wishes: str) -> Iterator[Issue]:
        wanted = set(_YEAR.findall((trace.task or "")[:_TASK]))
        if not wanted:
            return
        known = set(_YEAR.findall(wishes))
        wrong: list[tuple[CallFeatures, str]] = []
        for call in features(trace).calls:
            used = _YEAR.findall(_query(call))
            if wanted.intersection(used):
                return
            wrong.extend((call, year) for year in used[:1] if year not in known)
            known.update(_YEAR.findall((call.call.result or "")[:_READ]))
            known.update(_YEAR.findall(call.step.words[:_READ]))
        if len(wrong) < self.queries or len({year for _, year in wrong}) > 1:
            return
        call, year = wrong[0]
        asked = ", ".join(sorted(wanted))
        yield self.issue(
            trace,
            "other_year",
            call.step,
            f"The task asks for {asked}; {len(wrong)} calls ask for {year} and none for {asked}.",
            evidence=tuple(
                Evidence(quote(_query(each), year), each.step.index, each.number, year)
                for each, _ in wrong[:5]
            ),
            recommendation=f"Have the agent copy {asked} into its queries and check each against the task.",
            about=("year", asked, year),
            call=call.number,
        )

    def _other_name(self, trace: Trace, wishes: str) -> Iterator[Issue]:
        strange = self._strange_name(trace, wishes.lower())
        if strange is None:
            return
        names = [
            element
            for element in features(trace).elements(wishes[:_TASK])
            if element.kind == ElementKind.NAME
        ]
        if not 0 < len({name.value for name in names}) <= 3:
            return
        said = [f"{_query(call)}\n{call.step.words[:_READ]}" for call in features(trace).calls]
        said.append(trace.final_answer or "")
        if any(_mentioned(name, text.lower()) for text in said for name in names):
            return
        call, value = strange
        asked = " or ".join(dict.fromkeys(name.text for name in names))
        yield self.issue(
            trace,
            "other_name",
            call.step,
            f"{call.name} is called for {value}; the task is about {asked}, which no call names.",
            evidence=(
                Evidence(quote(_query(call), value), call.step.index, call.number, "what is asked for"),
                Evidence(quote(wishes, names[0].text), trace.steps[0].index, None, "what was asked for"),
            ),
            recommendation=f"Check that names in arguments come from the task ({asked}) or from a result.",
            about=("name", asked.lower(), value.lower()),
            call=call.number,
        )

    def _strange_name(self, trace: Trace, wishes: str) -> tuple[CallFeatures, str] | None:
        """The first proper name for a place that a call asks for and that neither users nor results gave."""
        seen = ""
        for call in features(trace).calls:
            for fact in fields(call.call.arguments) if isinstance(call.call.arguments, dict) else ():
                if (
                    _PLACE_KEYS.search(fact.key)
                    and _PROPER.fullmatch(fact.value)
                    and fact.value.lower() not in wishes
                    and fact.value.lower() not in seen
                ):
                    return call, fact.value
            seen = f"{seen}\n{(call.call.result or '')[:2000].lower()}"[-_READ:]
        return None

    def _other_source(self, trace: Trace) -> Iterator[Issue]:
        match = _SOURCE.search((trace.task or "")[:_TASK])
        calls = features(trace).calls
        if match is None or not calls or not trace.complete:
            return
        if refuses(f"{trace.final_answer or ''}\n{_query(calls[-1])}"):
            return
        parts = [word for word in words(match["source"]) if len(word) > 3] or words(match["source"])
        for call in calls:
            text = f"{_query(call)}\n{(call.call.result or '')[:_READ]}".lower()
            if any(part in text for part in parts):
                return
        step = calls[-1].step
        yield self.issue(
            trace,
            "other_source",
            step,
            f"The task asks for what {match['source']} says; no call and no result has to do with it.",
            evidence=(
                Evidence(quote(_query(calls[-1])), step.index, calls[-1].number, "the last query"),
                Evidence(
                    quote(trace.task or "", match.group()), trace.steps[0].index, None, "the source asked for"
                ),
            ),
            recommendation=f"Have the agent look at {match['source']} itself, and say so when it cannot.",
            about=("source", match["source"].lower()),
        )

    def _answer(self, trace: Trace) -> Iterator[Issue]:
        """The answer against the task, in runs with a single wish."""
        answer, task = trace.final_answer or "", (trace.task or "")[:_TASK]
        if not trace.steps or _turns(trace) > 1 or len(words(answer[:_READ])) < self.long_answer // 2:
            return
        if not _is_prose(answer[:_READ]) or len(trace.task or "") > _TASK:
            return
        said, last = features(trace).stem_set(answer[:_READ]), trace.steps[-1]
        wanted = frozenset(stem for stem in stems(task) if len(stem) > 2)
        if (
            len(wanted) >= 5
            and len(words(answer)) >= self.long_answer
            and len(wanted & said) <= self.share * len(wanted)
        ):
            first = self._left(trace, wanted)
            yield self.issue(
                trace,
                "other_answer",
                first,
                f"Works on something else up to the answer, which shares {len(wanted & said)} of the {len(wanted)} words of the task.",
                evidence=(
                    Evidence(quote(first.words), first.index, None, "leaves the task"),
                    Evidence(quote(answer), last.index, None, "the answer"),
                    Evidence(quote(task), None, None, "the task"),
                ),
                recommendation="Have the agent restate the task before it answers, and compare the answer with it.",
                about=("answer", quote(task, width=80)),
            )
            return
        yield from self._part(trace, task, said, last)

    def _left(self, trace: Trace, wanted: frozenset[str]) -> Step:
        """The first of the steps up to the end that are not on the task."""
        table = features(trace)
        first = trace.steps[-1]
        for step in reversed(trace.steps):
            if len(table.stem_set(step.words[:_READ]) & wanted) > max(1, self.share * len(wanted)):
                break
            first = step if step.words else first
        return first

    def _part(self, trace: Trace, task: str, said: frozenset[str], last: Step) -> Iterator[Issue]:
        questions = [(text, frozenset(stems(text))) for text in sentences(task) if text.endswith("?")]
        if not 2 <= len(questions) <= 6:
            return
        for number, (text, mine) in enumerate(questions):
            others = frozenset[str]().union(*(stem for at, (_, stem) in enumerate(questions) if at != number))
            own = mine - others
            if (
                len(own) < 3
                or own & said
                or not any(len(stem & said) >= 2 for at, (_, stem) in enumerate(questions) if at != number)
            ):
                continue
            yield self.issue(
                trace,
                "part_answered",
                last,
                f"The answer says nothing on one of the {len(questions)} questions: {quote(text, width=100)}",
                evidence=(
                    Evidence(quote(trace.final_answer or ""), last.index, None, "the answer"),
                    Evidence(quote(text), note="left out"),
                ),
                recommendation="List the questions of the task and have the agent answer each under its own heading.",
                about=("part", text),
            )

    def _drift(self, trace: Trace, wishes: str) -> Iterator[Issue]:
        """The last steps and the answer without one word of the wishes, after steps that had them."""
        if len(trace.steps) < 2 * self.window:
            return
        wanted = frozenset(stem for stem in stems(wishes[:_TASK]) if len(stem) > 2)
        if len(wanted) < 5:
            return
        table = features(trace)
        calls = table.calls_by_step
        begin = len(trace.steps)
        while begin > 0:
            step = trace.steps[begin - 1]
            done = f"{step.words[:4000]}\n" + "\n".join(
                _query(call)[:2000] for call in calls.get(step.index, ())
            )
            mine = table.stem_set(done)
            if wanted & mine or (not step.words and not step.tool_calls) or not _ASCII.search(done):
                break
            begin -= 1
        first = trace.steps[begin] if begin < len(trace.steps) else None
        if first is None or len(trace.steps) - begin < self.window or begin < 2:
            return
        yield self.issue(
            trace,
            "drifted",
            first,
            f"From step {first.index} on, {len(trace.steps) - begin} steps have not one word of the task, to the end.",
            evidence=(
                Evidence(
                    quote(first.words or _query(calls[first.index][0])), first.index, None, "leaves the task"
                ),
                Evidence(
                    quote(trace.steps[-1].words or "(only calls)"),
                    trace.steps[-1].index,
                    None,
                    "does not return",
                ),
            ),
            recommendation="Put the task into the prompt of every step and stop after a few steps that do not serve it.",
            about=("drift", quote(wishes, width=80)),
        )


def _wishes(trace: Trace) -> str:
    """The task and all users' words."""
    said = [trace.task or ""]
    said += [message.text[:_TASK] for step in trace.steps for message in step.seen if message.role == "user"][
        :200
    ]
    return "\n".join(dict.fromkeys(said))[: 10 * _READ]


def _turns(trace: Trace) -> int:
    return sum(any(message.role == "user" for message in step.seen) for step in trace.steps[:500])


def _is_prose(text: str) -> bool:
    """Whether a text is words in Latin letters; a patch, a program or a table need not name what it is about."""
    stripped = text.lstrip()
    letters = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in stripped)
    return not stripped.startswith(("---", "diff ", "{", "[", "<")) and letters >= 0.7 * len(stripped)


def _query(call: CallFeatures) -> str:
    return canonical(call.call.arguments).decode("utf-8", "replace")[:4000]


def _mentioned(name: Element, text: str) -> bool:
    """Whether a text has any telling word of a name."""
    parts = [part for part in words(name.value) if len(part) > 3] or [name.value]
    return any(part in text for part in parts)
