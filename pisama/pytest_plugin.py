"""The pytest plugin: traces of agents under test must show no failures.

    def test_the_agent_books_a_flight(pisama):
        pisama.check(run_agent("Book me a flight"))
        pisama.assert_no_issues(level="high", ignore=["loop"])

Light at import, because pytest imports it in every run of an environment that has pisama.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pisama.api import Source
    from pisama.config import Config
    from pisama.issue import Issue
    from pisama.report import Report

FORMATS = {
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
    ".md": "markdown",
    ".html": "html",
    ".txt": "text",
}
"""What `--pisama-report` writes, by the extension of the file."""

_REPORTS: pytest.StashKey[list[Report]] = pytest.StashKey()
_CONFIG: pytest.StashKey[Config] = pytest.StashKey()


class Pisama:
    """The fixture `pisama`: checks traces, and fails the test for what is wrong with them."""

    def __init__(self, config: Config, gathered: list[Report]) -> None:
        self._config = config
        self._gathered = gathered
        self._checked: list[Report] = []

    def check(self, source: Source, *, input_format: str | None = None) -> Report:
        """Analyse a path, JSON text, bytes, a decoded JSON value, or a `pisama.Trace`; fails nothing by itself."""
        from pisama.api import analyze

        report = analyze(source, config=self._config, input_format=input_format)
        self._checked.append(report)
        self._gathered.append(report)
        return report

    def assert_no_issues(self, *, level: str | None = None, ignore: Collection[str] = ()) -> None:
        """Fail if what was checked so far in this test has an issue at or above a level.

        `level` is `info`, `low`, `medium`, `high` or `critical`, and `fail_on` of the configuration unless given.
        `ignore` are ids of detectors, signals of them (`loop.identical`) or fingerprints. Input that could not
        be read, a detector that crashed, and having checked nothing fail too: what was not examined is not clean.
        """
        __tracebackhide__ = True
        from pisama.issue import Level

        names = (ignore,) if isinstance(ignore, str) else tuple(ignore)
        self._check_names(names)
        floor = (Level(level) if level is not None else self._config.fail_on).floor
        lines = list(self._unexamined())
        for report in self._checked:
            found = [issue for issue in report.issues if issue.severity >= floor]
            lines += [_told(issue) for issue in found if not _named(issue, names)]
        if lines:
            pytest.fail("\n".join(lines), pytrace=False)

    def _unexamined(self) -> Iterator[str]:
        from pisama.output.terminal import printable, told

        if not self._checked:
            yield "no trace was checked: call pisama.check(trace) first"
        for report in self._checked:
            yield from (f"not readable: {printable(str(error))}" for error in report.errors)
            for trace in report.traces:
                yield from (told(f"{crash.detector} crashed: {crash.error}") for crash in trace.crashed)

    def _check_names(self, names: Collection[str]) -> None:
        from pisama.selection import available, did_you_mean

        known = available(plugins=self._config.plugins)
        for name in names:
            detector = name.partition(".")[0]
            if detector not in known and not _is_fingerprint(name):
                raise pytest.UsageError(f"there is no detector {detector!r}{did_you_mean(detector, known)}")


def _is_fingerprint(name: str) -> bool:
    return len(name) == 16 and set(name) <= set("0123456789abcdef")


def _named(issue: Issue, names: Collection[str]) -> bool:
    return not {issue.type, f"{issue.type}.{issue.signal}", issue.fingerprint}.isdisjoint(names)


def _told(issue: Issue) -> str:
    from pisama.output.terminal import told

    step = f" step {issue.step}" if issue.step is not None else ""
    return (
        f"{issue.level.value} {issue.type}{step} [{issue.fingerprint}]: {told(issue.summary)}\n"
        f"    “{told(issue.evidence[0].quote)}”\n"
        f"    fix: {told(issue.recommendation)}"
    )


@pytest.fixture
def pisama(request: pytest.FixtureRequest) -> Pisama:
    """Checks the traces of agents: `pisama.check(trace)`, then `pisama.assert_no_issues(level="high")`."""
    return Pisama(_config(request.config), request.config.stash[_REPORTS])


def _config(config: pytest.Config) -> Config:
    """The settings of the project, read once a run and only when a test asks."""
    if _CONFIG not in config.stash:
        from pisama.config import ConfigError
        from pisama.settings import load_config

        try:
            config.stash[_CONFIG] = load_config(config.rootpath)
        except ConfigError as error:
            raise pytest.UsageError(f"pisama: {error}") from None
    return config.stash[_CONFIG]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option `--pisama-report`."""
    parser.getgroup("pisama").addoption(
        "--pisama-report",
        metavar="FILE",
        help="Write what the fixture `pisama` found to this file: "
        f"{', '.join(f'*{extension} is {name}' for extension, name in FORMATS.items())}. Workers of pytest-xdist "
        "write a file each, named after them.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known, and refuses a report whose format nobody can tell."""
    config.addinivalue_line(
        "markers",
        "pisama(level=None, ignore=()): when the test is done, assert that what its fixture `pisama` checked has "
        "no issue at or above the level",
    )
    config.stash[_REPORTS] = []
    target = config.getoption("--pisama-report")
    if target and Path(target).suffix not in FORMATS:
        raise pytest.UsageError(f"--pisama-report {target}: use one of the extensions {', '.join(FORMATS)}")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """What the marker promises, as part of the test itself, so that it fails and is no error of its tear-down."""
    __tracebackhide__ = True
    result = yield
    marker = pyfuncitem.get_closest_marker("pisama")
    if marker is not None:
        checker = pyfuncitem.funcargs.get("pisama")
        if not isinstance(checker, Pisama):
            pytest.fail("the marker `pisama` needs a test that takes the fixture `pisama`", pytrace=False)
        checker.assert_no_issues(**marker.kwargs)
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the report that `--pisama-report` asks for."""
    target = session.config.getoption("--pisama-report")
    if not target:
        return
    from pisama.file_writing import replace_file
    from pisama.output.rendering import rendered
    from pisama.report import Report

    file = Path(target)
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker is not None:
        file = file.with_name(f"{file.stem}.{worker}{file.suffix}")
    elif getattr(session.config.option, "numprocesses", None):
        return  # the workers have it
    reports = session.config.stash[_REPORTS]
    together = Report(
        tuple(trace for report in reports for trace in report.traces),
        tuple(error for report in reports for error in report.errors),
    )
    replace_file(file, rendered(together, FORMATS[file.suffix]).encode("utf-8"))
