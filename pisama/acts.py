"""Acts: what a tool call or a verb does, in families that make different words comparable.

`book_reservation` and "your flight is booked" name one act; so do `make build` in a shell and "the
build passes". Which calls only look, which only keep books, and which carry an agent's words to
somebody are told apart here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from pisama.json_writing import to_json
from pisama.patterns import lazy
from pisama.text import stem, stems, words
from pisama.trace import JSON, Step, ToolCall

COMMAND_LIMIT = 2_000
"""Characters of a command or a script whose acts are read."""

_FAMILIES: tuple[frozenset[str], ...] = tuple(
    frozenset(group.split())
    for group in (
        "book rebook reserve reservation booking order purchase buy place checkout",
        "cancel cancellation",
        "refund reimburse credit",
        "update change modify edit upgrade downgrade patch replace reschedule move set rename configure adjust",
        "send email mail notify message sms post tell reply forward",
        "deploy release publish rollout ship push deployment",
        "build compile make package tsc cargo gradle mvn webpack",
        "test tests pytest jest tox unittest suite vitest rspec",
        "delete remove drop rm erase clear unlink",
        "create add insert new mkdir generate register open",
        "pay charge payment transfer",
        "save write store upload export put record dump",
        "install pip npm apt brew setup",
        "migrate migration",
        "merge",
        "commit",
        "submit file",
        "restart start stop reboot",
        "issue grant certificate voucher",
        "import load download",
        "schedule calendar event appointment meeting",
    )
)
_FAMILY_OF: dict[str, set[int]] = {}
for _number, _group in enumerate(_FAMILIES):
    for _word in _group:
        for _form in (_word, *stems(_word)):
            _FAMILY_OF.setdefault(_form, set()).add(_number)


def families(names: Iterable[str]) -> frozenset[str]:
    """The families of acts that words or their stems belong to, each named by its alphabetically first member."""
    numbers = {number for word in names for number in _FAMILY_OF.get(word, ())}
    return frozenset(min(_FAMILIES[number]) for number in numbers)


_READING = frozenset(
    """get search list find read view show fetch lookup look check query browse visit open inspect retrieve describe
    grep glob ls cat head tail count calculate calc compute scroll page status history info details click
    navigate screenshot web page_down page_up ask wiki wikipedia google bing arxiv stat load""".split()
)
_BOOKKEEPING = frozenset(
    """think thought thinking reflect plan todo todowrite todoread todo_write update_plan final_answer finalanswer answer
    finish submit_answer respond reply done complete attempt_completion exitplanmode task_complete terminate
    transfer handoff delegate""".split()
)
_ANSWERING = frozenset(
    """final_answer finalanswer answer finish submit submit_answer respond reply done complete attempt_completion
    task_complete""".split()
)
_EXECUTORS = frozenset(
    """bash sh shell zsh powershell terminal run_command run_shell_command execute_bash execute_command exec exec_command
    local_shell command python python3 ipython python_interpreter code_interpreter execute_code run_code run_python
    execute_python computer_terminal execute run jupyter command_execution run_ipython execute_ipython_cell""".split()
)
_HUMP = lazy(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMAND_START = lazy(
    r"(?:\A|[\n;|&(]|\bthen\b|\bdo\b)[ \t]{0,8}(?:sudo |time |env |npx |python3? -m |uv run |poetry run "
    r"|(?:/usr)?(?:/bin/)?(?:ba|z|da)?sh -l?c ['\"]?)?([\w./\-]{1,80}(?:[ \t]{1,3}[\w./:\-]{1,60}){0,3})"
)


@lru_cache(maxsize=1024)
def name_parts(name: str) -> tuple[str, ...]:
    """The words of a tool's name, lower case: `bookFlight` and `book_flight` are both book, flight."""
    return tuple(words(_HUMP.sub(" ", name).replace("_", " ")))


def is_executor(name: str) -> bool:
    """Whether a tool runs whatever command or code it is given."""
    return name.lower() in _EXECUTORS or (name_parts(name)[-1:] or ("",))[0] in (
        "bash",
        "shell",
        "terminal",
        "python",
        "interpreter",
    )


def is_bookkeeping(name: str) -> bool:
    """Whether a tool neither looks at the world nor changes it: thinking, planning, answering, handing over."""
    return name.lower() in _BOOKKEEPING or (name_parts(name)[:1] or ("",))[0] in (
        "think",
        "plan",
        "todo",
        "todowrite",
        "transfer",
        "handoff",
    )


def is_answering(name: str) -> bool:
    """Whether a tool delivers the final answer."""
    return name.lower() in _ANSWERING


def is_reading(name: str) -> bool:
    """Whether a tool, going by the first word of its name, looks without changing anything."""
    return (name_parts(name)[:1] or ("",))[0] in _READING


def acts_of_call(call: ToolCall, *, narrow: bool = False) -> frozenset[str]:
    """The families of acts that a call carries out: by its name, and for a shell by its commands.

    `narrow` keeps to the leading verb, so that `update_reservation` is an update and no reservation.
    """
    if not is_executor(call.name):
        if is_reading(call.name):
            return frozenset()
        parts = name_parts(call.name)
        if narrow and families(_forms(parts[:1])):
            parts = parts[:1]
        return families(_forms(parts))
    return _acts_of_script(command_of(call.arguments))


@lru_cache(maxsize=1024)
def _acts_of_script(script: str) -> frozenset[str]:
    starts = dict.fromkeys(_COMMAND_START.findall(script))
    return families(_forms(dict.fromkeys(part for start in starts for part in words(start))))


def _forms(parts: Iterable[str]) -> list[str]:
    return [form for part in parts for form in (part, stem(part))]


def command_of(arguments: JSON) -> str:
    """The command or the code in the arguments of an executor, bounded; empty when there is none."""
    if isinstance(arguments, str):
        return arguments[:COMMAND_LIMIT]
    if not isinstance(arguments, dict):
        return ""
    for key in ("command", "cmd", "code", "script", "input", "source"):
        value = arguments.get(key)
        if isinstance(value, str):
            return value[:COMMAND_LIMIT]
        if isinstance(value, list):
            return " ".join(part for part in value if isinstance(part, str))[:COMMAND_LIMIT]
    return ""


def spoken(step: Step) -> Iterator[tuple[str, int | None]]:
    """What a step says to others: its text, and the words it hands to answering tools with their call's number."""
    if step.text:
        yield step.text, None
    for number, call in enumerate(step.tool_calls):
        if call.name.lower() in _ANSWERING:
            yield from ((text, number) for text in _handed(call.arguments))


def _handed(arguments: JSON) -> list[str]:
    """The words among the arguments of an answering tool. Beside a sentence, a bare word is a status."""
    values = arguments.values() if isinstance(arguments, dict) else (arguments,)
    texts = [text for value in values if (text := as_words(value))]
    sentences = [text for text in texts if " " in text]
    return sentences if sentences and len(texts) > 1 else texts


def as_words(value: JSON) -> str:
    """A value as somebody would read it: a string as it is, anything else as JSON; empty for None.

    What JSON cannot hold, lone surrogates and nests hundreds of levels deep, is written as Python would, if at all.
    """
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)
