"""What is set for the command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pisama.watch.environment import child_environment
from pisama.watch.instrument import instrument, interpreter_of
from pisama.watch.providers import api_of, routes_for
from pisama.watch.receiver import Tee, tees_of

PROGRAM = Path(sys.executable).with_name("pisama")


def test_providers_are_where_the_user_says_and_where_they_are_otherwise() -> None:
    routes = routes_for(
        {"OPENAI_BASE_URL": "http://localhost:11434/v1/", "AZURE_OPENAI_ENDPOINT": "https://a.example"}
    )
    assert {variable: (route.provider, route.base) for variable, route in routes.items()} == {
        "OPENAI_BASE_URL": ("openai", "http://localhost:11434/v1"),
        "OPENAI_API_BASE": ("openai", "http://localhost:11434/v1"),
        "ANTHROPIC_BASE_URL": ("anthropic", "https://api.anthropic.com"),
        "ANTHROPIC_API_URL": ("anthropic", "https://api.anthropic.com"),
        "ANTHROPIC_API_BASE": ("anthropic", "https://api.anthropic.com"),
        "GOOGLE_GEMINI_BASE_URL": ("gemini", "https://generativelanguage.googleapis.com"),
        "AZURE_OPENAI_ENDPOINT": ("azure", "https://a.example"),
    }


def test_two_addresses_of_one_provider_are_two_routes() -> None:
    routes = routes_for({"OPENAI_BASE_URL": "http://one/v1", "OPENAI_API_BASE": "http://two/v1"})
    assert routes["OPENAI_BASE_URL"].name != routes["OPENAI_API_BASE"].name


@pytest.mark.parametrize("address", ["http://host:notaport/v1", "http://host:99999/v1", "https://[::1/v1"])
def test_an_address_that_cannot_be_is_told_with_its_variable_before_anything_runs(
    address: str, tmp_path: Path
) -> None:
    for variable in ("OPENAI_BASE_URL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        done = subprocess.run(
            [PROGRAM, "watch", "--isolated", "--no-save", "--", "touch", tmp_path / "ran"],
            env={**os.environ, variable: address},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert re.fullmatch(rf"pisama: {variable} is no address: {re.escape(address)}.*: .+\n", done.stderr)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/chat/completions", "chat"),
        ("/openai/deployments/x/chat/completions", "chat"),
        ("/responses", "responses"),
        ("/v1/messages", "messages"),
        ("/v1/messages/count_tokens", None),
        ("/v1beta/models/gemini-2.0-flash:streamGenerateContent", "generate_content"),
        ("/embeddings", None),
    ],
)
def test_calls_of_models_are_told_by_their_path(path: str, api: str | None) -> None:
    assert api_of(path) == api


def test_the_users_own_settings_are_kept_beside_ours() -> None:
    child = child_environment(
        {
            "HTTPS_PROXY": "http://proxy:3128",
            "NO_PROXY": "intranet",
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/v1/traces",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            "KEPT": "yes",
        },
        {"OPENAI_BASE_URL": "http://127.0.0.1:1/word/openai/v1"},
        receiver_url="http://127.0.0.1:1/word/otlp",
    )
    assert child == {
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "intranet,127.0.0.1",
        "no_proxy": "intranet,127.0.0.1",
        "KEPT": "yes",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/word/openai/v1",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1/word/otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,gen_ai_latest_experimental",
        "OTEL_TRACES_EXPORTER": "console,otlp",
    }


def test_without_a_receiver_what_opentelemetry_is_told_stays() -> None:
    told = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}
    assert child_environment(told, {}, receiver_url=None) == told


def test_a_program_that_could_export_by_grpc_alone_is_not_made_to_by_http(tmp_path: Path) -> None:
    interpreter = tmp_path / "python3"
    interpreter.write_text('#!/bin/sh\necho \'[null, [], ["console", "otlp_proto_grpc"]]\'\n')
    interpreter.chmod(0o755)
    done = instrument([str(interpreter)], {})
    assert not done.can_export
    assert "opentelemetry-exporter-otlp-proto-http is not installed" in done.told
    interpreter.write_text('#!/bin/sh\necho \'[null, [], ["console", "otlp_proto_http"]]\'\n')
    assert instrument([str(interpreter)], {}).can_export


def test_exports_go_on_to_where_they_went_before() -> None:
    assert tees_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/", "OTEL_LOGS_EXPORTER": "none"}) == {
        "traces": Tee("http://c:4318/v1/traces"),
        "metrics": Tee("http://c:4318/v1/metrics"),
    }
    assert tees_of({}) == {}


def test_the_interpreter_of_a_script_is_read_from_its_first_line(tmp_path: Path) -> None:
    script = tmp_path / "agent"
    script.write_text(f"#!{sys.executable}\nprint()\n")
    script.chmod(0o755)
    assert interpreter_of([str(script)], {}) == Path(sys.executable)
    assert interpreter_of([sys.executable], {}) == Path(sys.executable)
    assert interpreter_of(["/bin/sh"], {}) is None
    assert interpreter_of([str(tmp_path / "absent")], {}) is None


def test_what_is_no_python_program_is_not_instrumented() -> None:
    done = instrument(["/bin/sh", "-c", "true"], {})
    assert (dict(done.variables), done.told) == (
        {},
        "instrumentation of Python: the command is no Python program",
    )
