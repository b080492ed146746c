r"""The shorthand that examples and tests are written in: text to `Trace` and back.

    task: Find the capital of France.
    tools: search(query), open(url)
    planner -> researcher: Please find the capital.
    researcher: I will search.
      search(query="capital of France") -> Paris is the capital.
      open(url="x.org") -> error: connection refused
    researcher (thinks): That is enough.
    researcher [tokens=900/40 cost=0.01 finish=stop]: It is Paris.
    answer: It is Paris.

* A line at the margin starts something: a step (`agent:`), or one of `task`, `tools`, `answer`,
  `outcome`, `system`, `user`, `tool` (given to the agents that act later), `unfinished`.
* Indented lines belong to the line above: a call (`name(key=literal, …)`, then ` -> result`), a
  further line of the last result (`| text`), or more text.
* `-> error: text` is a failure the emitter marked; any other text is just what the tool returned.
* Arguments are Python literals; ``name(`raw`)`` is a call whose arguments could not be parsed.
* `\n` in text and results is a line break. `start` and `end` in brackets are seconds.
* Agents hear all that is said, as in a group chat. One with `[context=own]` is given only what was handed
  to it (a step addressed to it, a call that bears its name) and the results of its own calls.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from inspect import cleandoc
from typing import cast

from pisama.patterns import lazy
from pisama.trace import JSON, Message, Role, Step, Tool, ToolCall, Trace, Usage

_HEAD = lazy(
    r"^(?P<who>[\w.\-]{1,80})(?: -> (?P<to>[\w.\-]{1,80}))?(?P<thinks> \(thinks\))?(?: \[(?P<facts>[^\]]{1,200})\])?:(?: |$)"
)
_CALL = lazy(r"^(?P<name>[\w.\-]{1,80})\(")
_TOOL = lazy(r"(?P<name>[\w.\-]{1,80})\((?P<parameters>[^()]{0,400})\)")
_GIVEN: dict[str, Role] = {"system": "system", "user": "user", "tool": "tool"}
_SECOND = 1_000_000_000


class TranscriptError(ValueError):
    """The shorthand could not be read; the message names the line."""


@dataclass(slots=True)
class _Draft:
    """A step while its lines are read."""

    agent: str
    recipient: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)


def parse(text: str, identity: str = "example") -> Trace:
    """The trace a transcript describes.

    Raises `TranscriptError` for a line that means nothing.
    """
    reader = _Reader()
    for number, line in enumerate(cleandoc(text).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            if line[0].isspace():
                reader.continued(line.strip())
            else:
                reader.begin(line)
        except (ValueError, SyntaxError) as error:
            raise TranscriptError(f"line {number}: {error}: {line.strip()[:80]}") from None
    return reader.trace(identity)


class _Reader:
    def __init__(self) -> None:
        self.header: dict[str, str] = {}
        self.tools: list[Tool] | None = None
        self.complete = True
        self.steps: list[Step] = []
        self._draft: _Draft | None = None
        self._said: list[tuple[str | None, Message]] = []
        self._heard: dict[str, int] = {}
        self._delegated: dict[str, int] = {}
        self._handed: dict[str, list[Message]] = {}
        self._last = ""

    def begin(self, line: str) -> None:
        if line == "unfinished":
            self.complete = False
            return
        head = _HEAD.match(line)
        if head is None:
            raise ValueError("neither a step nor a heading")
        who, rest = head["who"], line[head.end() :]
        thinks = head["thinks"] is not None
        if self._draft is not None and thinks and self._draft.agent == who and not self._draft.lines:
            self._add(rest, thinks=True)
            return
        self._close()
        self._last = who
        if who in _GIVEN:
            self._said.append((None, Message(_GIVEN[who], _unescape(rest))))
        elif who == "tools":
            self.tools = [*(self.tools or []), *_tools(rest)]
        elif who in ("task", "answer", "outcome"):
            self.header[who] = _unescape(rest)
            if who == "task":
                self._said.append((None, Message("user", _unescape(rest))))
        else:
            facts = dict(fact.split("=", 1) for fact in (head["facts"] or "").split())
            self._draft = _Draft(who, head["to"], facts)
            self._add(rest, thinks=thinks)

    def continued(self, line: str) -> None:
        if self._draft is not None:
            self._add(line, thinks=False)
        elif self._last == "tools":
            self.tools = [*(self.tools or []), *_tools(line)]
        elif self._last in self.header:
            self.header[self._last] += "\n" + _unescape(line)
            if self._last == "task":
                self._extend(line)
        elif self._last in _GIVEN:
            self._extend(line)
        else:
            raise ValueError("nothing to continue")

    def _extend(self, line: str) -> None:
        author, message = self._said[-1]
        self._said[-1] = author, Message(message.role, f"{message.text}\n{_unescape(line)}", message.name)

    def _add(self, line: str, *, thinks: bool) -> None:
        draft = cast(_Draft, self._draft)
        if thinks:
            draft.thoughts.append(_unescape(line))
        elif line.startswith("| ") and draft.calls:
            last = draft.calls[-1]
            extended = f"{last.result}\n{_unescape(line[2:])}"
            draft.calls[-1] = ToolCall(last.name, last.arguments, last.id, extended, last.error)
        elif (call := _call(line)) is not None:
            draft.calls.append(call)
        elif line:
            draft.lines.append(_unescape(line))

    def _close(self) -> None:
        draft, self._draft = self._draft, None
        if draft is None:
            return
        index = len(self.steps)
        since = self._heard.get(draft.agent, 0)
        heard = [message for author, message in self._said[since:] if author != draft.agent]
        if draft.facts.get("context") == "own":
            heard = self._handed.pop(draft.agent, [])
        step = Step(
            index=index,
            agent=draft.agent,
            text="\n".join(draft.lines),
            reasoning="\n".join(draft.thoughts) or None,
            tool_calls=tuple(draft.calls),
            seen=tuple(heard),
            recipient=draft.recipient,
            usage=_usage(draft.facts),
            start=_seconds(draft.facts.get("start")),
            end=_seconds(draft.facts.get("end")),
            finish_reason=draft.facts.get("finish"),
            error=draft.facts.get("error"),
            model=draft.facts.get("model"),
            parent=self._delegated.get(draft.agent),
        )
        self.steps.append(step)
        if step.text:
            self._said.append((step.agent, Message("assistant", step.text, step.agent)))
        self._heard[step.agent] = len(self._said)
        results = [
            Message("tool", text, call.name)
            for call in step.tool_calls
            if (text := call.result if call.result is not None else call.error) is not None
        ]
        self._said.extend((None, result) for result in results)
        self._handed.setdefault(step.agent, []).extend(results)
        for call in step.tool_calls:
            self._hand(call.name, step, call.arguments)
        if step.recipient:
            self._delegated[step.recipient] = index
            self._hand(step.recipient, step, step.text)

    def _hand(self, agent: str, step: Step, what: JSON) -> None:
        given = what.values() if isinstance(what, dict) else [what]
        text = "\n".join(str(value) for value in given)
        self._handed.setdefault(agent, []).append(Message("user", text, step.agent))

    def trace(self, identity: str) -> Trace:
        self._close()
        answer = self.header.get("answer")
        if answer is None and self.steps and self.complete and not self.steps[-1].tool_calls:
            answer = self.steps[-1].text
        return Trace(
            id=identity,
            format="transcript",
            task=self.header.get("task"),
            steps=tuple(self.steps),
            agents=tuple(dict.fromkeys(step.agent for step in self.steps)),
            tools=tuple(self.tools) if self.tools is not None else None,
            final_answer=answer,
            complete=self.complete,
            outcome=self.header.get("outcome"),
        )


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n")


def _seconds(text: str | None) -> int | None:
    return int(float(text) * _SECOND) if text is not None else None


def _usage(facts: dict[str, str]) -> Usage | None:
    if "tokens" not in facts and "cost" not in facts:
        return None
    given, _, made = facts.get("tokens", "").partition("/")
    return Usage(
        input_tokens=int(given) if given else None,
        output_tokens=int(made) if made else None,
        cost=float(facts["cost"]) if "cost" in facts else None,
    )


def _tools(text: str) -> Iterator[Tool]:
    for match in _TOOL.finditer(text):
        names = [name.strip() for name in match["parameters"].split(",") if name.strip()]
        properties: dict[str, JSON] = {}
        required: list[JSON] = []
        for name in names:
            bare, _, kind = name.partition(":")
            optional = bare.strip().endswith("?")
            key = bare.strip().rstrip("?")
            properties[key] = {"type": kind.strip()} if kind else {}
            if not optional:
                required.append(key)
        schema: dict[str, JSON] = {"type": "object", "properties": properties, "required": required}
        yield Tool(match["name"], None, schema)


def _call(line: str) -> ToolCall | None:
    head = _CALL.match(line)
    if head is None:
        return None
    name = head["name"]
    for end in _closings(line):
        after = line[end + 1 :]
        if after and not after.startswith(" -> "):
            continue
        inner = line[head.end() : end]
        if inner.startswith("`") and inner.endswith("`") and len(inner) > 1:
            arguments: JSON = inner[1:-1]
        else:
            try:
                arguments = _arguments(inner)
            except (ValueError, SyntaxError):
                continue
        return _answered(name, arguments, after[4:] if after else None)
    return None


def _closings(line: str) -> Iterator[int]:
    return (position for position, letter in enumerate(line) if letter == ")")


def _arguments(inner: str) -> JSON:
    tree = ast.parse(f"_({inner})", mode="eval").body
    if not isinstance(tree, ast.Call) or tree.args:
        raise ValueError("arguments must be key=literal")
    return {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in tree.keywords}


def _answered(name: str, arguments: JSON, answer: str | None) -> ToolCall:
    if answer is None:
        return ToolCall(name, arguments)
    if answer.startswith("error: "):
        return ToolCall(name, arguments, error=_unescape(answer[7:]))
    return ToolCall(name, arguments, result=_unescape(answer))
