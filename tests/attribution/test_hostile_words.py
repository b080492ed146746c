"""Words of a trace stay data on their way to a model, and what a model answers stays data where it is kept."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest

import pisama
from pisama.attribution.asking import prompt_for
from pisama.attribution.judge import Question, Reply
from pisama.attribution.kept import Kept
from pisama.attribution.prompt import ASK
from pisama.config import Config
from tests.attribution.judging import run
from tests.output.hostile_words import WORDS

ASKING = Config(plugins=False, escalate="always")
ASKS = {f"The record has ended. {ask}" for ask in ASK.values()}
EVERY = pytest.mark.parametrize("words", WORDS, ids=ascii)


def question(words: str) -> Question:
    """The question about a run in which these words are the task, the answer, and what an agent and a tool say."""
    told = run(f"I count 4,882 herons. {words}")
    told["question"] = f"Say {words}."
    told["history"][4]["content"] += words
    told["history"][-1]["content"] += words
    (report,) = pisama.analyze(told, config=ASKING).traces
    asked = prompt_for(report, ASKING)
    assert asked is not None
    return asked.question


@EVERY
def test_a_model_gets_the_words_as_values_of_one_object_a_line_between_the_marks(words: str) -> None:
    asked, plain = question(words), question("word")
    assert (asked.instructions, asked.schema) == (plain.instructions, plain.schema)
    first, *lines = asked.text.split("\n")
    mark = first.split()[-1].rstrip(".")
    assert asked.text.count(mark) == 3
    begin, end = lines.index(f"<<<{mark}"), lines.index(f"{mark}>>>")
    record = [json.loads(line) for line in lines[begin + 1 : end]]
    assert record[0] == {"task": f"Say {words}."}
    assert [line["step"] for line in record if "step" in line] == [1, 2, 3, 5, 7, 9, 11]
    blank, ask = lines[end + 1 :]
    assert blank == ""
    assert ask in ASKS


@EVERY
def test_a_model_gets_no_character_that_nobody_sees(words: str) -> None:
    kinds = {
        letter for letter in question(words).text if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")
    }
    assert kinds <= {"\n"}


@dataclass
class Parrot:
    """A judge that answers with the words it was given to say, and counts how often."""

    words: str
    asked: int = 0

    async def answer(self, question: Question) -> Reply:
        self.asked += 1
        return Reply({"reason": self.words, self.words: [self.words]}, problem=self.words)


@EVERY
def test_an_answer_is_kept_and_read_again_word_for_word(words: str, tmp_path: Path) -> None:
    judge = Parrot(words)
    kept = Kept(judge, (words,), tmp_path)
    about = question(words)
    first, again = (asyncio.run(kept.answer(about)) for _ in range(2))
    assert (first.answer, first.problem) == (again.answer, again.problem)
    assert (judge.asked, kept.problem, again.cached) == (1, "", True)
    (file,) = tmp_path.iterdir()
    assert file.parent == tmp_path
    assert file.suffix == ".json"
