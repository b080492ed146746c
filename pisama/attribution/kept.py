"""Answers of a judge, kept on disk: the same question is never paid for twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
from pydantic import BaseModel, JsonValue, ValidationError

from pisama.attribution.judge import Judge, Question, Reply
from pisama.file_writing import replace_file
from pisama.trace import Usage

FORM = 1
"""Raised when the files mean something else than before."""


class _File(BaseModel):
    answer: JsonValue
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost: float | None
    estimated: bool
    problem: str


class Kept:
    """Passes on the questions that were not answered before.

    A file of the folder is named by a hash of the question and of `identity`, which says who is asked. It holds the
    answer and what it cost, and nothing of the question.
    """

    def __init__(self, judge: Judge, identity: tuple[str, ...], folder: Path) -> None:
        self._judge = judge
        self._identity = identity
        self._folder = folder
        self.problem = ""
        """Why answers cannot be kept; empty as long as they can."""

    async def answer(self, question: Question) -> Reply:
        """The answer that is kept, else the judge's."""
        path = kept_path(self._folder, self._identity, question)
        known = kept_reply(path)
        if known is not None:
            return known
        reply = await self._judge.answer(question)
        self._write(path, reply)
        return reply

    def _write(self, path: Path, reply: Reply) -> None:
        usage = reply.usage
        file = _File.model_construct(
            answer=reply.answer,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cost=usage.cost,
            estimated=reply.estimated,
            problem=reply.problem,
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, file.model_dump_json().encode("utf-8", "replace"), mode=0o600)
        except OSError as error:
            self.problem = f"{self._folder}: answers cannot be kept: {error.strerror or error}"


def cache_folder() -> Path:
    """Where answers are kept: below the folder that the operating system has for caches."""
    from platformdirs import user_cache_path

    return user_cache_path("pisama") / "answers"


def kept_path(folder: Path, identity: tuple[str, ...], question: Question) -> Path:
    """The file for the answer to a question."""
    parts = (FORM, identity, question.instructions, question.text, dict(question.schema))
    digest = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return folder / f"{digest}.json"


def kept_reply(path: Path) -> Reply | None:
    """The reply in a file; None when there is none, or none that can be read."""
    try:
        file = _File.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    usage = Usage(file.input_tokens, file.output_tokens, file.cached_tokens, file.cost)
    return Reply(file.answer, usage, file.problem, file.estimated, cached=True)
