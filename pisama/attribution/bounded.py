"""A judge within bounds: what its answers may cost together, and how many runs it is asked about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson

from pisama.attribution.judge import Judge, JudgeError, Question, Reply
from pisama.attribution.models import MAX_OUTPUT_TOKENS
from pisama.prices import estimated_tokens
from pisama.trace import Usage

Price = Callable[[Usage], float | None]
"""USD for so many tokens; None where no price is known."""


def most(question: Question) -> Usage:
    """The tokens that a question takes, estimated, and the most that its answer can."""
    schema = orjson.dumps(dict(question.schema)).decode()
    return Usage(estimated_tokens(question.instructions + question.text + schema), MAX_OUTPUT_TOKENS)


@dataclass(slots=True)
class Bounded:
    """Passes questions on while they fit the bounds.

    A question fits when all that was spent, the most that the calls under way may cost, and the most that it may
    cost itself stay within `max_cost`. Costs are those that the judge tells, else the price of its tokens.
    """

    judge: Judge
    price: Price
    max_cost: float
    max_traces: int | None
    spent: float = 0.0
    _reserved: float = 0.0
    _under_way: int = 0
    _traces: int = 0
    _stopped: str = ""
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, question: Question) -> Reply:
        """The judge's answer, with its price. Raises `JudgeError` when the question does not fit, and from then on."""
        cost = self.price(most(question)) or 0.0
        await self._admit(question, cost)
        charged = 0.0
        try:
            reply = _counted(await self.judge.answer(question), question, self.price)
            charged = reply.usage.cost or 0.0
        except JudgeError as error:
            charged = cost if error.billed else 0.0
            if error.final:
                self._stopped = str(error)
            raise
        finally:
            self._reserved -= cost
            self._under_way -= 1
            if not self._under_way:
                self._reserved = 0.0  # what rounding left of it
            self.spent += charged
            self._freed.set()
        return reply

    async def _admit(self, question: Question, cost: float) -> None:
        if not question.again and self.max_traces is not None and self._traces >= self.max_traces:
            self._stopped = self._stopped or f"max_traces is {self.max_traces}"
        while not self._stopped and self.spent + self._reserved + cost > self.max_cost:
            if self._under_way:
                self._freed.clear()
                await self._freed.wait()
            else:
                self._stopped = (
                    f"max_cost is {self.max_cost:g} USD, {self.spent:.6f} are spent, "
                    f"and one more call may cost {cost:.6f}"
                )
        if self._stopped:
            raise JudgeError(self._stopped, final=True)
        self._reserved += cost
        self._under_way += 1
        self._traces += not question.again


def _counted(reply: Reply, question: Question, price: Price) -> Reply:
    usage = reply.usage
    if usage.input_tokens is None:
        guess = most(question)
        told = reply.answer if isinstance(reply.answer, str) else orjson.dumps(reply.answer).decode()
        usage = replace(usage, input_tokens=guess.input_tokens, output_tokens=estimated_tokens(told))
        reply = replace(reply, estimated=True)
    if usage.cost is None:
        usage = replace(usage, cost=price(usage))
    return replace(reply, usage=usage)
