"""Made runs of any length, in the worst shapes: to see that no time grows faster than the trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import orjson

from pisama.trace import JSON

TASK = "Find the opening year of each museum in the list and report it with its source. Reply with DONE at the end."
FIRST = 100_000
"""Number of the first step: all numbers of a run have the same number of digits then, so that ten times the steps are ten
times the text."""
_PROSE = (
    "The page {0} says that the museum in Oslo was opened in 19{1:02d} by Anna Berg, see https://museum-{0}.example/about. "
    "I will now search for the next one. The file data/list_{0}.csv has {0},{2:03d} rows; 3 failed, {1} passed. "
)


def equal_steps(count: int) -> bytes:
    """The same call with the same result again and again."""
    return _chat(
        _call("search", {"query": "museum Oslo"}, "No results found.", "agent") for _ in range(count)
    )


def different_steps(count: int) -> bytes:
    """Calls, results and words that are all different."""
    return _chat(
        _call(
            f"tool_{number % 7}",
            {"query": f"museum {number}", "order_id": f"W{number}"},
            _prose(number),
            "agent",
            f"I have searched page {number}. Plan:\n1. Read page {number}.\n2. Report year {number}.",
        )
        for number in range(FIRST, FIRST + count)
    )


def one_agent(count: int) -> bytes:
    """One agent that speaks on and on."""
    return _talk(count, 1)


def thousand_agents(count: int) -> bytes:
    """A thousand agents that speak in turn, however long the run is."""
    return _talk(count, 1_000)


def many_agents(count: int) -> bytes:
    """Agents that speak in turn, five times each, so that their number grows with the steps."""
    return _talk(count, max(1, count // 5))


def _talk(count: int, agents: int) -> bytes:
    return _chat(
        [{"role": "assistant", "name": f"agent_{FIRST + number % agents}", "content": _prose(number)}]
        for number in range(FIRST, FIRST + count)
    )


def failing_steps(count: int) -> bytes:
    """Calls that fail in ever new words."""
    return _chat(
        _call("fetch", {"url": f"https://a.example/{number}"}, f"Error: page {number} not found", "agent")
        for number in range(FIRST, FIRST + count)
    )


def one_message(count: int) -> bytes:
    """One result of 200 characters a step, and hardly a step."""
    text = "".join(map(_prose, range(FIRST, FIRST + count)))
    return _chat([_call("read", {"path": "all.txt"}, text, "agent", "I have read the file.")])


def one_word(count: int) -> bytes:
    """One result of a single word, brackets, quotes and digits without an end."""
    text = "a" * 80 * count + "[" * 40 * count + '"' * 40 * count + "1" * 40 * count
    return _chat([_call("read", {"path": "all.txt"}, text, "agent", text)])


SHAPES: Mapping[str, Callable[[int], bytes]] = {
    "all steps equal": equal_steps,
    "all steps different": different_steps,
    "one agent": one_agent,
    "a thousand agents": thousand_agents,
    "an agent for five steps": many_agents,
    "all calls fail": failing_steps,
    "one long message": one_message,
    "one endless word": one_word,
}


def _prose(number: int) -> str:
    return _PROSE.format(number, number % 100, number % 1000)


def _call(
    tool: str, arguments: dict[str, JSON], result: str, agent: str, text: str | None = None
) -> list[dict[str, JSON]]:
    call: JSON = {
        "id": "c",
        "type": "function",
        "function": {"name": tool, "arguments": orjson.dumps(arguments).decode()},
    }
    return [
        {"role": "assistant", "name": agent, "content": text, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": result},
    ]


def _chat(turns: Iterator[list[dict[str, JSON]]] | list[list[dict[str, JSON]]]) -> bytes:
    messages: list[dict[str, JSON]] = [{"role": "user", "content": TASK}]
    number = FIRST
    for turn in turns:
        for message in turn:
            number += "tool_calls" in message
            for call in _calls(message):
                call["id"] = f"c{number}"
            if "tool_call_id" in message:
                message["tool_call_id"] = f"c{number}"
            messages.append(message)
    return orjson.dumps({"messages": messages})


def _calls(message: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        yield from (call for call in calls if isinstance(call, dict))
