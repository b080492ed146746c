"""JSON in the form of the JavaScript library `flatted`, which writes each object and text once.

The text is a list; its first element is the value, and in every object and list of it a string of
digits stands for the element of that number. (https://github.com/WebReflection/flatted)
"""

from __future__ import annotations

from collections.abc import Sequence

from pisama.trace import JSON

MAX_NODES_OF_ELEMENT = 50
"""How many times the elements of the list a value may unfold to; what is shared is written out again."""
MAX_TEXT_OF_ELEMENT = 50
"""The same for the characters of its texts."""
_FREE_NODES = 100_000
_FREE_TEXT = 10_000_000


class UnfoldingError(ValueError):
    """The list does not unfold to a value: a number is no element's, or it contains itself."""


def unfold(elements: Sequence[JSON]) -> JSON:
    """The value that the list stands for. Raises UnfoldingError."""
    nodes = _FREE_NODES + MAX_NODES_OF_ELEMENT * len(elements)
    characters = _FREE_TEXT + MAX_TEXT_OF_ELEMENT * sum(
        len(text) for text in elements if isinstance(text, str)
    )
    if not elements:
        raise UnfoldingError("an empty list")
    top: list[JSON] = [None]
    stack: list[tuple[JSON, list[JSON] | dict[str, JSON], int | str]] = [(elements[0], top, 0)]
    while stack:
        element, holder, place = stack.pop()
        value: JSON = element
        if isinstance(element, dict):
            value = dict.fromkeys(element)
            stack += [(_of(member, elements), value, key) for key, member in element.items()]
        elif isinstance(element, list):
            value = [None] * len(element)
            stack += [(_of(member, elements), value, number) for number, member in enumerate(element)]
        elif isinstance(element, str):
            characters -= len(element)
        holder[place] = value  # type: ignore[index]
        nodes -= 1
        if nodes - len(stack) < 0 or characters < 0:
            raise UnfoldingError("it contains itself, or unfolds without end")
    return top[0]


def _of(member: JSON, elements: Sequence[JSON]) -> JSON:
    if not isinstance(member, str):
        return member
    if not member.isdecimal() or len(member) > 10 or int(member) >= len(elements):
        raise UnfoldingError(f"no element {member[:20]}")
    return elements[int(member)]
