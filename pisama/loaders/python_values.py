"""Values of a running program, or of a columnar file, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import cast

import orjson

from pisama.trace import JSON


def plain_json(value: object) -> JSON:
    """The value as JSON, which also detaches it from its owner.

    Times become ISO 8601 text, NaN and infinity null. Raises TypeError for a value that is no JSON.
    """
    text = orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    return cast("JSON", orjson.loads(text))


def _plain(value: object) -> object:
    """What chat clients keep among plain dicts, their own message objects, and what tables hold."""
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return list(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal | PurePath):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} is no JSON value")
