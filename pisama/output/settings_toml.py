"""The settings in force as TOML, for `--show-config`: each with where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

import orjson

from pisama.config import Config


def settings_toml(config: Config, origins: Mapping[str, str]) -> str:
    """TOML that can be saved as `pisama.toml`. A setting that has no value stands in a comment."""
    return "".join(f"{line}\n" for line in _lines(_values(config), origins))


def _values(config: Config) -> dict[str, Any]:
    values = config.model_dump(mode="json")
    return {**values, "limits": {name: config.limits.written(name) for name in values["limits"]}}


def _lines(values: dict[str, Any], origins: Mapping[str, str]) -> Iterator[str]:
    suppressions, options = values.pop("suppress"), values.pop("options")
    tables = {"limits": values.pop("limits"), "watch": values.pop("watch")}
    yield from (_line(name, value, origins.get(name)) for name, value in values.items())
    for table, inner in tables.items():
        yield from ("", f"[{table}]")
        yield from (_line(name, value, origins.get(f"{table}.{name}")) for name, value in inner.items())
    for rule in suppressions:
        yield from ("", f"[[suppress]]  # {origins.get('suppress', 'default')}")
        yield from (f"{name} = {_value(value)}" for name, value in rule.items() if value is not None)
    for detector, chosen in options.items():
        yield from ("", f"[options.{_key(detector)}]")
        for name, value in chosen.items():
            origin = origins.get(f"options.{detector}.{name}", "default")
            yield f"{_key(name)} = {_value(value)}  # {origin}"


def _line(name: str, value: object, origin: str | None) -> str:
    told = f"# {name} is not set" if value is None else f"{name} = {_value(value)}"
    return f"{told}  # {origin or 'default'}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in sorted(value, key=str))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(name)} = {_value(item)}' for name, item in value.items())} }}"
    if value == inf:
        return "inf"
    # What JSON writes of strings, numbers and truth values is TOML too, DEL apart.
    return orjson.dumps(value).decode().replace("\x7f", "\\u007F")


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _value(name)
