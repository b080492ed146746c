"""`--dry-run`: what asking a model would take, trace by trace and together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pisama.config import Config
from pisama.output.layout import counted, usd
from pisama.output.terminal import printable
from pisama.report import Planned, TraceReport

NAME_WIDTH = 44
"""Characters of the name of a trace."""


def plan_text(planned: Sequence[Planned], traces: int, model: str, config: Config) -> str:
    """A line for each trace that would be asked about, and the sum."""
    lines = [f"{'trace':<{NAME_WIDTH}} {'tokens in':>10} {'out at most':>12} {'at most':>14}"]
    lines += [_line(each) for each in planned]
    paid = [each.usage for each in planned if each.usage is not None and not each.kept]
    known = [usage.cost for usage in paid if usage.cost is not None]
    cost = f"at most {usd(sum(known))}" if len(known) == len(paid) else "at a price that is not known"
    return "".join(
        f"{line}\n"
        for line in (
            *lines,
            "",
            f"{model}: {counted(len(paid), 'call')} for {len(planned)} of {counted(traces, 'trace')}, "
            f"{sum(usage.input_tokens or 0 for usage in paid):,} tokens in, estimated from the length, "
            f"at most {sum(usage.output_tokens or 0 for usage in paid):,} out, {cost}.",
            "An answer that cannot be true of its trace takes a second call. Nothing was sent.",
            *_bounds(sum(known), len(paid), config),
        )
    )


def _line(planned: Planned) -> str:
    name = _name(planned.report)
    if planned.usage is None:
        return f"{name:<{NAME_WIDTH}} too long, even shortened"
    if planned.kept:
        return f"{name:<{NAME_WIDTH}} {'answered before':>38}"
    usage = planned.usage
    cost = usd(usage.cost) if usage.cost is not None else "not known"
    return f"{name:<{NAME_WIDTH}} {usage.input_tokens or 0:>10,} {usage.output_tokens or 0:>12,} {cost:>14}"


def _bounds(cost: float, calls: int, config: Config) -> Iterator[str]:
    if cost > config.max_cost:
        yield f"max_cost is {config.max_cost:g} USD: no call is made that could take the cost above it."
    if config.max_traces is not None and calls > config.max_traces:
        yield f"max_traces is {config.max_traces}: no more traces than that are sent."


def _name(report: TraceReport) -> str:
    path = report.trace.at.path if report.trace.at is not None else None
    name = printable(path or report.trace.id or "input")
    return name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
