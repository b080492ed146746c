"""Where settings come from: flags, then the environment, then the nearest file, then the defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import orjson
from pydantic import ValidationError

from pisama.config import Config, ConfigError, Suppression, Watching
from pisama.limits import limits_of

PREFIX = "PISAMA_"
"""What the names of settings in the environment begin with: PISAMA_MIN_SEVERITY, PISAMA_OPTIONS__LOOP__MIN_REPEATS,
PISAMA_WATCH__MAX_STEPS, PISAMA_LIMITS__TEXT."""
FILES = ("pisama.toml", "pyproject.toml")
"""Files that are looked for in the working directory, then in the folder above, and so on. The first has the settings
at its top level, the second in its table `tool.pisama`."""
CONFIG = "PISAMA_CONFIG"
"""Names the file in place of that search."""
OWN_NAMES = frozenset((CONFIG,))
"""Names in the environment that are no settings of an analysis."""

_LISTS = ("select", "ignore")
_TABLES = ("watch", "limits")
_FLAGS = {"options": "--option", "limits": "--limit", "plugins": "--no-plugins", "cache": "--no-cache"}
_SETTINGS = tuple(name for name, field in Config.model_fields.items() if not field.exclude)
_Values: TypeAlias = "dict[str, Any]"


class Settings(NamedTuple):
    """The settings in force and where each came from."""

    config: Config
    origins: Mapping[str, str]
    """By setting, `options.loop.min_repeats` for an option: a file, a name in the environment, a flag. What is
    not in it stands at its default."""


def load_config(start: Path | None = None, *, file: Path | None = None) -> Config:
    """The settings that commands run in a folder would use: those of `file`, else of the nearest file.

    `start` is the working directory unless given. Raises `ConfigError` for what cannot be read or followed.
    """
    return load_settings(start, file=file).config


def load_settings(
    start: Path | None = None,
    *,
    file: Path | None = None,
    isolated: bool = False,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings in force.

    `flags` are values by setting; None means not given. `isolated` leaves files and the environment out.
    Raises `ConfigError` for what cannot be read or followed.
    """
    known = {} if isolated else dict(os.environ if environment is None else environment)
    file = file or (Path(known[CONFIG]) if known.get(CONFIG) else None)
    if file is None and not isolated:
        file = nearest_file(start or Path.cwd())
    merged: _Values = {}
    origins: dict[str, str] = {}
    if file is not None:
        _merge(merged, origins, _anchored(_read(file), file), str(file))
    for name, values in _from_environment(known):
        _merge(merged, origins, values, name)
    for name, value in (flags or {}).items():
        if value is not None:
            _merge(merged, origins, {name: value}, _FLAGS.get(name, f"--{name.replace('_', '-')}"))
    return Settings(_validated(merged, origins, file), origins)


def nearest_file(start: Path) -> Path | None:
    """The file with settings in this folder or the nearest one above it; None when there is none."""
    start = start.resolve()
    for folder in (start, *start.parents):
        for name in FILES:
            file = folder / name
            if file.is_file() and (name == FILES[0] or _is_ours(file)):
                return file
    return None


def _is_ours(file: Path) -> bool:
    try:
        return "pisama" in _toml(file).get("tool", {})
    except (OSError, ValueError):
        # Somebody else's broken file is for the tools that own it to complain about.
        return False


def _toml(file: Path) -> _Values:
    import tomllib  # many have no file

    return tomllib.loads(file.read_text(encoding="utf-8"))


def _read(file: Path) -> _Values:
    try:
        values = _toml(file)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    if file.name == "pyproject.toml":
        values = values.get("tool", {}).get("pisama", {})
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: tool.pisama is not a table")
    _check_names(values, f"{file}: unknown setting")
    if "base_url" in values:
        # Whoever can write the file would get the traces, and the key of the provider, of those who run pisama there.
        raise ConfigError(f"{file}: base_url is no setting of a file; say --base-url, or {PREFIX}BASE_URL")
    return values


def _check_names(values: Mapping[str, object], told: str) -> None:
    for name in values:
        if name not in _SETTINGS:
            from pisama.selection import did_you_mean

            raise ConfigError(f"{told} {name!r}{did_you_mean(name, _SETTINGS)}")


def _anchored(values: _Values, file: Path) -> _Values:
    """With the path of the baseline taken from the folder of the file."""
    baseline = values.get("baseline")
    if isinstance(baseline, str):
        return {**values, "baseline": str(file.parent / baseline)}
    return values


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, _Values]]:
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in OWN_NAMES:
            continue
        setting, *inner = name.removeprefix(PREFIX).lower().split("__")
        _check_names({setting: None}, f"{name}: unknown setting")
        text = environment[name]
        if setting == "options" and len(inner) == 2:
            yield name, option_value(".".join(inner), text)
        elif setting in _TABLES and len(inner) == 1:
            yield name, {setting: {inner[0]: text}}
        elif inner or setting in ("options", "suppress", *_TABLES):
            raise ConfigError(
                f"{name}: set it in a file, or one option as {PREFIX}OPTIONS__LOOP__MIN_REPEATS"
            )
        else:
            yield name, {setting: _listed(text) if setting in _LISTS else text}


def option_value(name: str, text: str) -> dict[str, dict[str, dict[str, object]]]:
    """The setting of one option, `loop.min_repeats`, from text: JSON where it is that, else the text itself."""
    detector, _, option = name.partition(".")
    try:
        value = orjson.loads(text)
    except ValueError:
        value = text
    return {"options": {detector: {option: value}}}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _merge(merged: _Values, origins: dict[str, str], values: _Values, origin: str) -> None:
    for name, value in values.items():
        if value == {}:
            continue  # a table of nothing sets nothing, and is no reason to build what checks settings
        if name in _TABLES and isinstance(value, dict):
            merged.setdefault(name, {}).update(_limits(value, origin) if name == "limits" else value)
            origins |= {f"{name}.{each}": origin for each in value}
            continue
        if name != "options" or not isinstance(value, dict):
            merged[name] = value
            origins[name] = origin
            continue
        for detector, options in value.items():
            if not isinstance(options, dict):
                raise ConfigError(f"{origin}: options.{detector} is not a table")
            merged.setdefault("options", {}).setdefault(detector, {}).update(options)
            origins |= {f"options.{detector}.{option}": origin for option in options}


def _limits(values: _Values, origin: str) -> Mapping[str, object]:
    try:
        return limits_of(values)
    except ValueError as error:
        raise ConfigError(f"{origin}: {error}") from None


def _validated(merged: _Values, origins: Mapping[str, str], file: Path | None) -> Config:
    folder = file.parent.resolve() if file is not None else None
    if not merged:
        # Nothing to check, and building what would check it takes longer than analysing a small trace.
        return Config.model_construct(folder=folder)
    try:
        return Config.model_validate({**merged, "folder": folder})
    except ValidationError as error:
        # A name that is not known says more than the required one that is missing because of it.
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
        place = [str(part) for part in first["loc"]]
        origin = origins.get(".".join(place[:2])) or origins.get(place[0], "settings")
        hint = ""
        if first["type"] == "extra_forbidden":
            from pisama.selection import did_you_mean

            known = Watching if place[0] == "watch" else Suppression
            hint = did_you_mean(place[-1], known.model_fields)
        raise ConfigError(f"{origin}: {'.'.join(place)}: {first['msg']}{hint}") from None
