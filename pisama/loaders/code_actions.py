"""Acts that an agent wrote out as text: code in fences, calls in words, reports of a browser.

And what a code executor answers to them. Texts are searched by lines and by plain substrings, so
the work stays linear in their length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pisama.loaders.values import open_json
from pisama.patterns import lazy
from pisama.trace import JSON, Location, ToolCall

_FENCE = "```"
_LANGUAGES = {
    "": "python",
    "python": "python",
    "py": "python",
    "python3": "python",
    "ipython": "python",
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "console": "bash",
    "zsh": "bash",
}
_SHELL_STARTS = ("pip ", "pip3 ", "python ", "python3 ", "$ ", "#!/bin/")
_EXECUTORS = frozenset(
    (
        "computerterminal",
        "terminal",
        "codeexecutor",
        "codeexecutoragent",
        "codeexecutionagent",
        "codeinterpreter",
        "executor",
    )
)
_EXIT_CODE = lazy(r"exit ?code(?: was)?: ?(-?\d{1,6})", re.IGNORECASE)
_OUTPUTS = ("Code output:", "Its output was:")
_NO_CODE = ("There is no code from", "No code block")
_NAME = lazy(r"[A-Za-z_][\w.\-]{0,99}")
_BROWSER_VERBS = {"clicked": "click", "hovered": "hover", "visited": "visit"}
_SCREENSHOT = "\nHere is a screenshot of ["


class Reply(NamedTuple):
    """What a code executor answered."""

    text: str
    ran: bool
    """False when it found nothing to run."""
    error: str | None = None
    """The output, when the exit code was not 0."""


def is_executor(name: str | None) -> bool:
    """Whether a participant of this name only runs the code of others."""
    return name is not None and name.lower().translate({ord(mark): None for mark in "_- "}) in _EXECUTORS


def read_reply(text: str, *, executor: bool) -> Reply | None:
    """The answer of an executor; None when it is something else.

    `executor` says that the speaker is one by name: then any text is an answer. From others it takes
    the `exitcode:` that AutoGen puts first, or the `Observation:` of ReAct.
    """
    if text.startswith("exitcode:") or executor:
        code = _EXIT_CODE.search(text[: text.find("\n") if "\n" in text[:300] else 300])
        failed = code is not None and int(code.group(1)) != 0
        ran = not text.startswith(_NO_CODE)
        return Reply(text, ran, (_output(text) or code.group()) if code is not None and failed else None)
    if text.startswith("Observation:"):
        return Reply(text.removeprefix("Observation:").strip(), ran=True)
    return None


def _output(text: str) -> str:
    for mark in _OUTPUTS:
        _, found, output = text.partition(mark)
        if found:
            return output.strip()
    return text.strip()


def written_action(text: str) -> ToolCall | None:
    """The code or the call that a message asks to be run; None when it holds neither."""
    return _code(text) or _function(text) or _react(text)


def _code(text: str) -> ToolCall | None:
    """All fenced blocks as one call: executors run them in order and answer once."""
    if _FENCE not in text:
        return None
    blocks: list[tuple[str, str]] = []
    language: str | None = None
    lines: list[str] = []
    for line in text.splitlines():
        mark = line.strip()
        if not mark.startswith(_FENCE):
            lines.append(line)
        elif language is None:
            language, lines = mark.strip("`").strip().lower(), []
        else:
            blocks.append((language, "\n".join(lines)))
            language = None
    if language is not None and lines:
        blocks.append((language, "\n".join(lines)))
    blocks = [(name, code) for name, code in blocks if code.strip()]
    if not blocks:
        return None
    names = [_language(*block) for block in blocks]
    known = next((name for name in names if name in _LANGUAGES.values()), "code")
    return ToolCall(known, {"code": "\n\n".join(code for _, code in blocks)})


def _language(label: str, code: str) -> str:
    if not label and code.lstrip().startswith(_SHELL_STARTS):
        return "bash"
    word = label.split(maxsplit=1)[0] if label else ""
    return _LANGUAGES.get(word, word)


def _function(text: str) -> ToolCall | None:
    """`<function=name>…</function>` with JSON or `<parameter=key>` inside."""
    _, found, rest = text.partition("<function=")
    name, closed, body = rest.partition(">")
    if not found or not closed or not _NAME.fullmatch(name):
        return None
    body = body.partition("</function>")[0].strip()
    if not body.startswith("<parameter="):
        return ToolCall(name, open_json(body) if body else {})
    arguments: dict[str, JSON] = {}
    for part in body.split("<parameter=")[1:]:
        key, _, value = part.partition(">")
        arguments[key] = value.partition("</parameter>")[0].strip("\n")
    return ToolCall(name, arguments)


def _react(text: str) -> ToolCall | None:
    """`Action: name` with `Action Input: …`, or `Action: name(arguments)`; the last one counts."""
    start = 0 if text.startswith("Action:") else text.rfind("\nAction:") + 1
    if start == 0 and not text.startswith("Action:"):
        return None
    line, _, rest = text[start + len("Action:") :].partition("\n")
    line = line.strip()
    if _NAME.fullmatch(line):
        label, found, given = rest.lstrip().partition(":")
        if found and label.strip().lower() == "action input":
            return ToolCall(line, open_json(given.partition("\nObservation:")[0].strip()))
        return ToolCall(line, {})
    name, opened, arguments = line.partition("(")
    if opened and _NAME.fullmatch(name) and arguments.endswith(")"):
        return ToolCall(name, open_json(arguments[:-1].strip()) if arguments[:-1].strip() else {})
    return None


def browser_call(action: str, at: Location | None = None) -> ToolCall | None:
    """An action of BrowserGym, `click('a51')`; its arguments stay as they are written. None for no act."""
    name, opened, arguments = action.strip().partition("(")
    if not opened or not _NAME.fullmatch(name):
        return ToolCall("action", {"code": action}, at=at) if action.strip() else None
    return ToolCall(name, {"arguments": arguments.rstrip().removesuffix(")")}, at=at)


def browser_report(text: str) -> tuple[str, ToolCall] | None:
    """What a browsing agent says it did, and the call that this was with the page it came back with.

    Reads the reports of Magentic-One and its kin: `I clicked 'Go'.`, then a screenshot in words.
    """
    cut = text.find(_SCREENSHOT)
    if cut < 0 or not text.startswith("I "):
        return None
    said = text[:cut].strip()
    verb, _, rest = said[2:].partition(" ")
    rest = rest.rstrip(".")
    arguments: dict[str, JSON]
    if verb in ("typed", "input"):
        typed, _, target = rest.rpartition(" into ")
        name, arguments = "type", {"text": _unquoted(typed), "target": _unquoted(target)}
        if "address bar" in target:
            name, arguments = "visit", {"url": _unquoted(typed)}
        elif "search bar" in target:
            name, arguments = "search", {"query": _unquoted(typed)}
    elif verb == "scrolled":
        name, arguments = "scroll", {"direction": "up" if "up" in rest.split() else "down"}
    elif verb in _BROWSER_VERBS:
        name, arguments = _BROWSER_VERBS[verb], {"target": _unquoted(rest)}
    else:
        return None
    return said, ToolCall(name, arguments, result=text[cut:].strip())


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
