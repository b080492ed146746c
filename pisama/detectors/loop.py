"""Loop: the same thing done again and again while nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from pisama.detectors.base import Detector, Example, Needs, Signal
from pisama.features import CallFeatures, features
from pisama.issue import Evidence, Issue
from pisama.text import quote
from pisama.trace import Trace


class Loop(Detector):
    """The same step taken again and again while nothing changes.

    ## Why it is a failure

    An agent that repeats a state it has been in cannot get anywhere new: it burns tokens, time and
    money until a limit stops it, and then often reports success.

    ## What it does not flag

    Polling whose results change, the same tool on different inputs, and a retry that ends in
    success within the limit.

    ## How to fix it

    Give the agent its last results in a form that shows that nothing changed, cap identical calls
    in the tool runner, and tell the agent what to do when a tool keeps failing.
    """

    id = "loop"
    needs = frozenset({Needs.CALLS})
    tags = ("trail:Resource Abuse", "mast:FM-1.3")
    signals = {
        "identical": Signal("the same calls with the same results, over and over", 70, 0.8),
    }

    min_repeats: Annotated[int, Field(ge=2)] = 3
    """Identical states in a row before it fires."""

    quiet = (
        Example(
            "polling that makes progress",
            """
            task: Wait for the build.
            agent: status(id=7) -> 10% done
            agent: status(id=7) -> 50% done
            agent: status(id=7) -> 100% done
            """,
        ),
    )
    fires = (
        Example(
            "the same failing call three times",
            """
            task: List the folder.
            agent: ls(path="/x") -> error: no such directory
            agent: ls(path="/x") -> error: no such directory
            agent: ls(path="/x") -> error: no such directory
            """,
            at=(0,),
        ),
    )

    def check(self, trace: Trace) -> Iterator[Issue]:
        """Runs of identical calls."""
        run: list[CallFeatures] = []
        for call in features(trace).calls:
            if run and call.state != run[-1].state:
                yield from self._judge(trace, run)
                run = []
            run.append(call)
        yield from self._judge(trace, run)

    def _judge(self, trace: Trace, run: list[CallFeatures]) -> Iterator[Issue]:
        if len(run) < self.min_repeats:
            return
        first = run[0]
        yield self.issue(
            trace,
            "identical",
            first.step,
            f"{first.name} was called {len(run)} times with the same arguments and the same result.",
            evidence=tuple(
                Evidence(quote(call.call.result or call.call.error or ""), call.step.index, call.number)
                for call in run
            ),
            recommendation="Cap identical calls and tell the agent what to do instead.",
            about=(first.name, str(first.call.arguments)),
            call=first.number,
        )
