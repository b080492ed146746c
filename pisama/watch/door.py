"""From the options of `pisama watch` to its exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

from pisama.config import Config
from pisama.issue import Level
from pisama.prices import can_price
from pisama.report import Exit
from pisama.watch.captured import Instructions, Written
from pisama.watch.live import Limits, View
from pisama.watch.session import AnalystLostError, Outcome, watch

CANNOT_START = 127
"""Exit code of shells for a command that does not exist."""
NOT_EXECUTABLE = 126
ENTRY_POINTS = "pisama.detectors"
"""Entry point group of other packages' detectors, as in `pisama.selection`, which loads ours."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    command: tuple[str, ...]
    config: Config
    follow: tuple[str, ...] = ()
    follow_from: str | None = None
    save: Path | None = None
    no_save: bool = False
    keep_secrets: bool = False
    fail_on: Level | None = Level.HIGH
    quiet: bool = False
    written: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """What is left to say when it is over."""

    reports: tuple[str, ...]
    """In each form that was wanted; none when there is none to be had."""
    exit_code: int
    told: tuple[str, ...] = ()
    """Said after the report: why it was stopped, what was not captured, where it is saved."""
    problems: tuple[str, ...] = ()
    """Said before it."""


def run(request: Request) -> End:
    """Runs the command under watch. Raises ValueError for options that cannot be followed."""
    if not request.command and not request.follow:
        raise ValueError("there is nothing to watch: give a command, or files with --follow")
    wanted = request.config.watch
    if wanted.max_cost is not None and not can_price():
        raise ValueError("--max-cost needs the prices of genai-prices: pip install 'pisama[watch]'")
    _check(request.config)
    limits = Limits(
        steps=wanted.max_steps,
        tokens=wanted.max_tokens,
        cost=wanted.max_cost,
        seconds=wanted.timeout,
        stop_on=_stop_on(request),
    )
    save = None if request.no_save else str(request.save or _default_trail())
    follow = tuple(str(Path(path).expanduser()) for path in request.follow)
    instructions = Instructions(
        config=request.config,
        command=request.command,
        written=request.written,
        fail_on=request.fail_on,
        save=save,
        keep_secrets=request.keep_secrets,
        follow=follow,
        old=_sizes(follow, request.follow_from),
    )
    try:
        outcome = watch(instructions, limits, View(limits, quiet=request.quiet))
    except AnalystLostError as error:
        return End((), Exit.CRASHED, (str(error),))
    except FileNotFoundError as error:
        return End((), CANNOT_START, (f"{error.filename}: {error.strerror}",))
    except OSError as error:
        return End((), NOT_EXECUTABLE, (f"{error.filename or 'watch'}: {error.strerror or error}",))
    return _end(request, outcome, save)


def _check(config: Config) -> None:
    """Raises `ConfigError` when this names detectors or options that there are not, or a detector cannot be had.

    Detectors are loaded for that, here as in the analysing process, only where that can be.
    """
    named = config.select or config.ignore or config.options
    if named or (config.plugins and entry_points(group=ENTRY_POINTS)):
        from pisama.selection import chosen

        chosen(config)


def _end(request: Request, outcome: Outcome, save: str | None) -> End:
    told = [f"the command was stopped: {outcome.stopped}"] if outcome.stopped and request.command else []
    finished = outcome.finished
    if finished.tally.unpriced and request.config.watch.max_cost is not None:
        told.append(
            f"{finished.tally.unpriced} calls have no known price and were not counted for --max-cost"
        )
    if not _captured(outcome):
        told += _nothing(outcome)
    if save is not None and Path(save).is_file():
        told.append(f"saved in {save}")
    return End(finished.reports, _exit_code(request, outcome), tuple(told), finished.problems)


def _exit_code(request: Request, outcome: Outcome) -> int:
    if not _captured(outcome):
        return Exit.UNREADABLE
    own = outcome.finished.exit_code
    if own in (Exit.CRASHED, Exit.ISSUES) or (outcome.stopped and request.command):
        return own if own is Exit.CRASHED else Exit.ISSUES
    return outcome.exit_code if outcome.exit_code is not None else own


def _captured(outcome: Outcome) -> bool:
    """Whether anything that an agent did was captured; the spans of a web server are nothing of the kind."""
    return outcome.finished.steps > 0


def _nothing(outcome: Outcome) -> list[str]:
    spans = outcome.finished.tally.spans
    none = f"none of {spans:,} spans is an act of an agent" if spans else "no call of a model and no span"
    return [
        f"NOTHING WAS CAPTURED: {none}. This says nothing about the run. Tried:",
        *(f"  {way}" for way in outcome.tried),
        "what helps: a program that reads OPENAI_BASE_URL, ANTHROPIC_BASE_URL or GOOGLE_GEMINI_BASE_URL, or that "
        "exports OpenTelemetry spans; for Python `pip install 'pisama[watch]'` and the instrumentor of its framework, "
        "such as openinference-instrumentation-openai-agents, beside the program; for a coding agent --follow with "
        "the folder of its sessions",
    ]


def _stop_on(request: Request) -> Level | str | None:
    wanted = request.config.watch.stop_on
    if wanted is None:
        return None
    if wanted in [level.value for level in Level]:
        return Level(wanted)
    from pisama.selection import ConfigError, available, did_you_mean

    known = [*(level.value for level in Level), *available(plugins=request.config.plugins)]
    if wanted not in known:
        raise ConfigError(
            f"--stop-on takes a level or a detector, not {wanted!r}{did_you_mean(wanted, known)}"
        )
    return wanted


def _sizes(paths: Iterable[str], begin: str | None) -> dict[Path, int]:
    """The files that are there, of whose content only what comes from now on counts: by default those in folders."""
    sizes: dict[Path, int] = {}
    for path in map(Path, paths):
        if (begin or ("now" if path.is_dir() else "beginning")) == "now":
            inside = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
            for each in inside or [path]:
                with suppress(OSError):
                    sizes[each] = each.stat().st_size
    return sizes


def _default_trail() -> Path:
    """Where the trail of a session is kept unless a file is named: the user's state directory (XDG)."""
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "pisama" / "watch" / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.otlp.jsonl"
