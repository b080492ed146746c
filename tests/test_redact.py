"""Secrets are taken out wherever they stand, and what only looks like one stays."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest

import pisama
from benchmarks.planted_secrets import BY_FORM, KINDS, planted
from benchmarks.secrets import hidden
from pisama.flags import Format
from pisama.mcp_pages import analysis_page, steps_page
from pisama.mcp_results import clipped
from pisama.output.rendering import rendered
from pisama.redact import redact
from pisama.text import quote

MADE = list(planted(each=2))
NO_SECRETS = (
    "password: str",
    "password = getpass.getpass()",
    "api_key=os.environ['OPENAI_API_KEY']",
    "api_key = settings.openai_api_key_2",
    "export TOKEN=$CI_JOB_TOKEN",
    "Authorization: Bearer ${TOKEN}",
    "Authorization: Bearer <token>",
    'headers={"Authorization": f"Bearer {token}"}',
    '"api_key": "YOUR_API_KEY"',
    '"api_key": "**********"',
    '"password": "The password of the account"',
    "The password is incorrect, try another one.",
    "password reset was requested",
    "total_tokens: 12345, max_tokens=4096",
    '"next_token": "AAAB3NzaC1yc2EAAAADAQAB7"',
    '{"token": " the", "logprob": -0.1}',
    "the secret of success is: patience4ever",
    "private_key = /etc/ssl/private/key1.pem",
    "git clone git@github.com:owner/repo.git",
    "ssh -T git@hf.co",
    "uses: actions/checkout@v5",
    "npm install left-pad@1.3.0 react@18.2.0",
    "image@2x.png and user@host",
    "https://example.com/@user/post",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "d3b07384-d113-4ec6-a0d6-1f2e3d4c5b6a",
    "sk-learn, sk-image and task-oriented-dialogue-systems-2024",
    "connect to postgres://localhost:5432/db and http://host:8080/a@b",
    "the cookie recipe: flour=200g, sugar=100g",
    "keyboard: qwerty1234567890",
    "tokenizer=AutoTokenizer2Fast12345",
    "jina_embeddings_v2_base_en and e2b_code_interpreter_1",
    '{"name": "password", "value": "The password of the account"}',
    '<label for="password">Forgot1 it?</label><token>the next</token>',
)
BESIDE = (
    '{"name": "DB_PASSWORD", "value": "SECRET"}',
    '[{"key": "x-api-key", "value": "SECRET"}]',
    '{\n  "name": "access_token",\n  "value": "SECRET"\n}',
    '<add key="password" value="SECRET"/>',
    "<password>SECRET</password>",
    "<Token>SECRET</Token>",
)
"""Where the name of a value stands beside it and not before it."""
OF_ADDRESSES = (
    "s3://AK" + "IAIOSFODNN7EXAMPLQ:SECRET@bucket/run.json",
    "smtp://someone@example.org:SECRET@mail.example.org:587",
    "https://bucket.s3.amazonaws.com/run.json?X-Amz-Expires=60&X-Amz-Signature=" + "0a1b2c3d" * 8,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_of_each_kind_is_hidden_in_every_place(kind: str) -> None:
    made = [each for each in MADE if each.kind == kind]
    assert made
    assert [each.text for each in made if not hidden(each, redact(each.text))] == []


@pytest.mark.parametrize("text", NO_SECRETS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", BESIDE)
def test_a_value_is_hidden_whose_name_stands_beside_it(text: str) -> None:
    assert (
        re.sub(r"\[secret:[0-9a-f]{4}\]", "SECRET", redact(text.replace("SECRET", "c0rrect-h0rse"))) == text
    )


@pytest.mark.parametrize("text", OF_ADDRESSES)
def test_an_address_is_told_without_what_opens_it(text: str) -> None:
    told = redact(text.replace("SECRET", "wJalrXUtnFEMIK7MDENG"))
    assert "wJalr" not in told
    assert "0a1b2c3d" not in told


def test_the_same_secret_gets_the_same_mark_wherever_it_stands() -> None:
    marks = defaultdict(set)
    for each in MADE:
        if each.kind in BY_FORM and each.kind != "Slack webhook":
            marks[each.secret].update(re.findall(r"\[\w+:[0-9a-f]{4}\]", redact(each.text)))
    again = {
        each.secret: redact(f"once {each.secret} and twice {each.secret}")
        for each in MADE
        if each.secret in marks
    }
    for secret, found in marks.items():
        (mark,) = found
        assert again[secret] == f"once {mark} and twice {mark}"


def test_a_redacted_text_is_redacted_no_further() -> None:
    for each in MADE:
        once = redact(each.text)
        assert redact(once) == once


@pytest.mark.parametrize("kind", ["private key", "OpenAI key", "JSON web token", "GitHub token"])
def test_a_quote_that_cuts_a_secret_shows_no_part_of_it(kind: str) -> None:
    each = next(each for each in MADE if each.kind == kind)
    text = f"{'before ' * 90}{each.secret}{' after' * 90}"
    begin = text.index(each.secret)
    for place in range(begin - 210, begin + len(each.secret) + 10, 7):
        assert hidden(each, quote(text, place, width=60)), place


@pytest.mark.parametrize("limit", [160, 400, 700])
def test_a_text_that_is_cut_for_an_assistant_shows_no_part_of_a_secret(limit: int) -> None:
    key = next(each for each in MADE if each.kind == "AWS access key").secret
    for place in range(4 * limit - len(key), 4 * limit + 1):
        long = f"eyJ{'a' * 50}.{'b' * (place - 55)} "
        text = f"{long}{key}{' and so on' * 1_000}"
        assert key[:10] not in clipped(text, limit), place


def test_no_output_shows_a_secret_of_a_name_or_an_id() -> None:
    key = next(each for each in MADE if each.kind == "AWS access key").secret
    call = {"id": key, "type": "function", "function": {"name": key, "arguments": {key: key}}}
    turn = [
        {"role": "assistant", "name": key, "content": key, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": key, "content": "Error: refused"},
    ]
    report = pisama.analyze(
        json.dumps({"id": key, "messages": [{"role": "user", "content": "Go"}, *(turn * 6)]})
    )
    assert key in (report.traces[0].trace.id, *report.traces[0].trace.agents)
    texts: dict[str, str] = {name: rendered(report, name) for name in Format if name is not Format.PARQUET}
    texts["notebook"] = report._repr_html_()
    assert {name for name, text in texts.items() if key in text} == set()


def test_no_output_shows_a_secret_of_the_trace() -> None:
    secrets = [next(each for each in MADE if each.kind == kind) for kind in KINDS]
    for each in secrets:
        call = {
            "id": "c",
            "type": "function",
            "function": {"name": "fetch", "arguments": json.dumps({"q": each.text})},
        }
        turn = [
            {"role": "assistant", "content": f"Now {each.text}", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": f"Error: refused, {each.text}"},
        ]
        run = [{"role": "user", "content": f"Do it with {each.text}"}, *(turn * 6)]
        report = pisama.analyze(json.dumps(run))
        assert report.issues, each.kind
        texts = [rendered(report, name) for name in Format if name is not Format.PARQUET]
        texts.append(analysis_page(report, None, None, 100_000).model_dump_json())
        texts.append(steps_page(report.traces[0].trace, 0, None, None, 1_200, 100_000).model_dump_json())
        assert [hidden(each, text) for text in texts] == [True] * len(texts), each.kind
