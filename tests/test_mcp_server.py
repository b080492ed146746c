"""The MCP server: a session of the official client over standard input and output, then its tools one by one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ResourceTemplateReference, TextContent, TextResourceContents

from pisama.config import Config
from pisama.detectors import BUILT_IN
from pisama.mcp_files import Roots
from pisama.mcp_server import server

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
FAILING = EXAMPLES / "failing-tool.messages.json"
TOOLS = ["analyze_trace", "latest_session", "show_steps", "list_detectors", "explain_detector"]


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def talk(
    roots: Roots, conversation: Callable[[Client], Awaitable[None]], config: Config | None = None
) -> None:
    """A conversation with a server in this process."""

    async def run() -> None:
        async with Client(server(roots, config or Config(plugins=False))) as client:
            await conversation(client)

    anyio.run(run)


def call(roots: Roots, tool: str, config: Config | None = None, **arguments: Any) -> CallToolResult:
    results: list[CallToolResult] = []

    async def conversation(client: Client) -> None:
        results.append(await client.call_tool(tool, arguments))

    talk(roots, conversation, config)
    return results[0]


def data(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    assert json.loads(text_of(result)) == content
    return content


def refused(result: CallToolResult) -> str:
    assert result.is_error
    assert "Traceback" not in text_of(result)
    return text_of(result)


def test_a_session_of_the_official_client_over_stdio(tmp_path: Path) -> None:
    session = (
        tmp_path / "claude" / "projects" / str(tmp_path).replace("/", "-").replace("_", "-") / "one.jsonl"
    )
    session.parent.mkdir(parents=True)
    recorded = (EXAMPLES / "failing-tool.claude-code.jsonl").read_text()
    session.write_text(recorded.replace("/home/ann/trips", str(tmp_path)))
    (tmp_path / "trace.json").write_bytes(FAILING.read_bytes())
    environment = {
        **os.environ,
        "CLAUDE_CONFIG_DIR": str(tmp_path / "claude"),
        "CODEX_HOME": str(tmp_path / "codex"),
    }
    parameters = StdioServerParameters(
        command=str(Path(sys.executable).with_name("pisama")),
        args=["mcp-server"],
        env=environment,
        cwd=tmp_path,
    )

    async def conversation() -> None:
        async with Client(stdio_client(parameters)) as client:
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == TOOLS
            for tool in tools:
                assert tool.annotations is not None
                assert (tool.annotations.read_only_hint, tool.annotations.destructive_hint) == (True, False)
                assert tool.output_schema is not None
                assert tool.description
            schemas = {tool.name: tool.output_schema for tool in tools}
            for name, arguments in (
                ("analyze_trace", {"path": "trace.json"}),
                ("analyze_trace", {"trace": json.loads(FAILING.read_text())}),
                ("latest_session", {}),
                ("show_steps", {"path": "trace.json", "first": 4, "last": 8}),
                ("list_detectors", {}),
                ("explain_detector", {"id": "loop"}),
            ):
                result = await client.call_tool(name, arguments)
                Draft202012Validator(schemas[name] or {}).validate(data(result))
                assert len(result.model_dump_json(by_alias=True)) < 8_000
            found = data(await client.call_tool("latest_session", {}))
            assert found["path"] == str(session)
            assert found["traces"][0]["verdict"] == "failed"
            outside = await client.call_tool("analyze_trace", {"path": "/etc/passwd"})
            assert "is not in a folder that may be read" in refused(outside)
            (page,) = (await client.read_resource("pisama://detectors/loop")).contents
            assert isinstance(page, TextResourceContents)
            assert page.text.startswith("# loop\n")
            prompt = await client.get_prompt("triage", {"path": "trace.json"})
            assert 'analyze_trace with path "trace.json"' in str(prompt.messages[0].content)

    anyio.run(conversation)


@pytest.fixture
def examples() -> Roots:
    return Roots([EXAMPLES])


def test_an_analysis_names_the_failure_its_place_and_its_evidence(examples: Roots) -> None:
    found = data(call(examples, "analyze_trace", path=str(FAILING)))
    worst, repeated = found["issues"]
    assert (worst["type"], worst["level"], worst["step"]) == ("hallucination", "critical", 14)
    assert "is booked" in worst["evidence"][0]["quote"]
    assert (repeated["type"], repeated["more_evidence"]) == ("loop", 2)
    assert (found["total_issues"], found["next_cursor"]) == (2, None)


def test_the_cursor_leads_through_all_of_it_once(examples: Roots) -> None:
    whole = data(call(examples, "analyze_trace", path=str(EXAMPLES), max_bytes=500_000))
    assert whole["next_cursor"] is None
    traces, issues, cursor, pages = [], [], None, 0
    while cursor is not None or pages == 0:
        result = call(examples, "analyze_trace", path=str(EXAMPLES), cursor=cursor, max_bytes=4_000)
        assert len(result.model_dump_json(by_alias=True)) < 4_000
        page = data(result)
        traces += page["traces"]
        issues += page["issues"]
        cursor, pages = page["next_cursor"], pages + 1
    assert (traces, issues) == (whole["traces"], whole["issues"])
    assert pages > 3


def test_every_page_on_every_detector_is_small_and_complete(examples: Roots) -> None:
    async def conversation(client: Client) -> None:
        for kind in BUILT_IN:
            cursor = None
            text: list[str] = []
            while cursor is not None or not text:
                result = await client.call_tool("explain_detector", {"id": kind.id, "cursor": cursor})
                assert len(result.model_dump_json(by_alias=True)) < 8_000
                text.append(data(result)["page"])
                cursor = data(result)["next_cursor"]
            (whole,) = (await client.read_resource(f"pisama://detectors/{kind.id}")).contents
            assert isinstance(whole, TextResourceContents)
            assert "\n\n".join(text) == whole.text.rstrip("\n")

    talk(examples, conversation)


def test_a_result_stays_small_whatever_the_trace_says(tmp_path: Path) -> None:
    nasty = '\\"\u0000\ud83d\ude00字' * 20_000
    calls = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": "read", "arguments": json.dumps({"x": nasty})},
        }
        for number in range(60)
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": f"Error: {nasty}"} for call in calls]
    messages = [
        {"role": "user", "content": nasty},
        {"role": "assistant", "content": nasty, "tool_calls": calls},
        *results,
        {"role": "assistant", "content": "Done."},
    ]
    (tmp_path / "big.json").write_text(json.dumps({"messages": messages}))
    roots = Roots([tmp_path])
    for tool in ("analyze_trace", "show_steps"):
        result = call(roots, tool, path=str(tmp_path / "big.json"))
        assert len(result.model_dump_json(by_alias=True).encode()) < 8_000
        data(result)


def test_steps_are_shown_from_the_window_asked_for(examples: Roots) -> None:
    shown = data(call(examples, "show_steps", path=str(FAILING), first=13))
    assert shown["total_steps"] == 7
    (last,) = shown["steps"]
    assert last == {
        "step": 14,
        "agent": "assistant",
        "to": None,
        "seen": [
            {"role": "tool", "name": "book_flight", "text": "Error: payment service unavailable (503)"},
        ],
        "reasoning": None,
        "text": "Your flight from Oslo to London on 12 May is booked. The confirmation number is BK-77123.",
        "calls": [],
        "error": None,
        "left_out": 0,
    }


def test_secrets_do_not_leave_in_a_step(tmp_path: Path) -> None:
    secret = "ghp_" + "a1" * 18
    run = [
        {"role": "user", "content": "Push it."},
        {"role": "assistant", "content": f"The token is {secret}."},
    ]
    shown = call(Roots([tmp_path]), "show_steps", trace=run)
    assert secret not in text_of(shown)
    assert "[secret:" in text_of(shown)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "give either a path or a trace"),
        ({"path": "x.json", "trace": "{}"}, "give either a path or a trace"),
        ({"path": str(EXAMPLES / "absent.json")}, "there is no such file"),
        ({"path": str(EXAMPLES / ".." / "pyproject.toml")}, "is not in a folder that may be read"),
        ({"path": "a\0b"}, "NUL"),
        ({"path": "~nobody-of-this-name/a.json"}, "home directory"),
        ({"path": "s3://bucket/run.json"}, "is not in a folder that may be read"),
        ({"path": "file:///etc/passwd"}, "is not in a folder that may be read"),
        ({"path": str(FAILING), "detectors": ["lop"]}, "did you mean 'loop'?"),
        ({"path": str(FAILING), "cursor": "77"}, "the cursor '77' is none that these arguments gave"),
        ({"path": str(FAILING), "cursor": "-1"}, "the cursor '-1' is none that these arguments gave"),
        ({"path": str(FAILING), "min_severity": "awful"}, "'info', 'low', 'medium', 'high' or 'critical'"),
        ({"path": str(FAILING), "max_bytes": 1}, "greater than or equal to 2000"),
        ({"trace": "/etc/passwd"}, "not JSON"),
        ({"trace": {"name": "no trace"}}, "JSON of no known shape"),
    ],
)
def test_what_a_caller_does_wrong_is_an_error_that_says_so(
    examples: Roots, arguments: dict[str, Any], reason: str
) -> None:
    assert reason in refused(call(examples, "analyze_trace", **arguments))


@pytest.mark.parametrize("folder", ["a\0b", "~nobody-of-this-name"])
def test_a_folder_that_cannot_be_is_an_error_that_says_so(examples: Roots, folder: str) -> None:
    assert re.search("NUL|home directory", refused(call(examples, "latest_session", folder=folder)))


def test_an_error_shows_no_secret_and_no_unseen_character_of_a_name_of_a_file(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    key = "AK" + "IAIOSFODNN7EXAMPLQ"
    (inside / f"\x1b[2J\u202e {key}.json").symlink_to(FAILING)
    told = refused(call(Roots([inside]), "analyze_trace", path=str(inside)))
    assert "·[2J· [secret:" in told
    assert "leads outside" in told
    assert key not in told


def test_links_do_not_lead_out_of_the_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.json").write_bytes(FAILING.read_bytes())
    (inside / "own.json").write_bytes(FAILING.read_bytes())
    (inside / "link.json").symlink_to(outside / "secret.json")
    (inside / "folder").symlink_to(outside)
    roots = Roots([inside])
    for path in (
        "link.json",
        "folder/secret.json",
        "folder",
        "../outside/secret.json",
        "folder/../secret.json",
    ):
        assert "is not in a folder that may be read" in refused(
            call(roots, "analyze_trace", path=str(inside / path))
        )
    assert "leads outside" in refused(call(roots, "analyze_trace", path=str(inside)))
    assert data(call(roots, "analyze_trace", path=str(inside / "own.json")))["total_traces"] == 1


def test_a_linked_root_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(EXAMPLES)
    roots = Roots([tmp_path / "link"])
    assert data(call(roots, "analyze_trace", path=str(tmp_path / "link" / FAILING.name)))["total_issues"] == 2


def test_companions_behind_a_link_that_leads_outside_are_not_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    recorded = (EXAMPLES / "failing-tool.claude-code.jsonl").read_bytes()
    (inside / "87751d4c-a850-4e2c-84dc-da6a797d76de.jsonl").write_bytes(recorded)
    (outside / "agent-a1.jsonl").write_bytes(recorded.replace(b'"isSidechain":false', b'"isSidechain":true'))
    (inside / "87751d4c-a850-4e2c-84dc-da6a797d76de").symlink_to(outside)
    roots = Roots([inside])
    found = data(call(roots, "analyze_trace", path=str(next(inside.glob("*.jsonl")))))
    assert (found["total_traces"], found["traces"][0]["steps"]) == (1, 7)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    result = call(Roots([tmp_path]), "analyze_trace", path=str(tmp_path / "pipe.json"))
    assert "there is no such file" in refused(result)


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes((EXAMPLES / "healthy.messages.json").read_bytes())

    async def conversation(client: Client) -> None:
        before = data(await client.call_tool("analyze_trace", {"path": str(file)}))
        file.write_bytes(FAILING.read_bytes())
        after = data(await client.call_tool("analyze_trace", {"path": str(file)}))
        assert (before["total_issues"], after["total_issues"]) == (0, 2)

    talk(Roots([tmp_path]), conversation)


def test_the_settings_of_the_project_hold(examples: Roots) -> None:
    config = Config(ignore=frozenset({"loop"}), plugins=False)
    found = data(call(examples, "analyze_trace", config, path=str(FAILING)))
    assert [issue["type"] for issue in found["issues"]] == ["hallucination", "tool_error"]


def test_the_sessions_before_the_newest_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    recorded = (ROOT / "tests" / "traces" / "codex_rollout" / "threads.jsonl").read_text()
    day = tmp_path / "codex" / "sessions" / "2026" / "02" / "03"
    day.mkdir(parents=True)
    for number in (1, 2):
        file = day / f"rollout-2026-02-03T10-00-0{number}-x.jsonl"
        file.write_text(recorded.replace('"source": "exec"', f'"source": "exec", "cwd": "{tmp_path}"', 1))
        os.utime(file, (number, number))
    roots = Roots(None)
    for back, number in ((0, 2), (1, 1)):
        found = data(call(roots, "latest_session", folder=str(tmp_path), back=back))
        assert found["path"].endswith(f"0{number}-x.jsonl")
        assert found["traces"][0]["format"] == "codex-rollout"
    too_far = refused(call(roots, "latest_session", folder=str(tmp_path), back=2))
    assert f"sessions of Claude Code or Codex that were started in {tmp_path} and may be read: 2" in too_far
    elsewhere = refused(call(Roots([EXAMPLES]), "latest_session", folder=str(tmp_path)))
    assert f"sessions of Claude Code or Codex that were started in {tmp_path} and may be read: 0" in elsewhere


def test_resources_are_listed_completed_and_an_unknown_one_is_an_error(examples: Roots) -> None:
    async def conversation(client: Client) -> None:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert uris == ["pisama://detectors", *(f"pisama://detectors/{kind.id}" for kind in BUILT_IN)]
        reference = ResourceTemplateReference(type="ref/resource", uri="pisama://detectors/{id}")
        completed = await client.complete(reference, {"name": "id", "value": "inj"})
        assert completed.completion.values == ["injection"]
        with pytest.raises(MCPError, match="did you mean 'loop'"):
            await client.read_resource("pisama://detectors/lop")

    talk(examples, conversation)


def test_the_blocks_in_the_readme_start_the_server(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    settings = [
        next(iter(block.values()))["pisama"] for block in blocks if {"mcpServers", "servers"} & set(block)
    ]
    assert [entry["args"][:2] for entry in settings] == [["mcp-server", "--root"]] * 2

    async def conversation(entry: dict[str, Any]) -> None:
        program = str(Path(sys.executable).with_name(entry["command"]))
        arguments = [*entry["args"][:-1], str(EXAMPLES)]
        async with Client(
            stdio_client(StdioServerParameters(command=program, args=arguments, cwd=tmp_path))
        ) as client:
            data(await client.call_tool("analyze_trace", {"path": str(FAILING)}))

    anyio.run(conversation, settings[0])


def test_over_http_it_serves_the_official_client_and_refuses_rebound_names(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pisama", "mcp-server", "--http", "--port", str(port), "--isolated"]
    process = subprocess.Popen([*command, "--root", str(EXAMPLES)], cwd=tmp_path)
    address = f"http://127.0.0.1:{port}/mcp"

    async def session() -> None:
        with anyio.fail_after(60):
            await _answers(port)
            async with Client(address) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == TOOLS
                found = data(await client.call_tool("analyze_trace", {"path": str(FAILING)}))
                assert [issue["type"] for issue in found["issues"]] == ["hallucination", "loop"]

    try:
        anyio.run(session)
        for name, value in (("Host", "evil.example"), ("Origin", "http://evil.example")):
            connection = HTTPConnection("127.0.0.1", port)
            connection.request("POST", "/mcp", "{}", {"Content-Type": "application/json", name: value})
            assert connection.getresponse().status in (403, 421)
            connection.close()
    finally:
        process.terminate()
        process.wait()


async def _answers(port: int) -> None:
    """Returns as soon as something listens."""
    while True:
        try:
            stream = await anyio.connect_tcp("127.0.0.1", port)
        except OSError:
            await anyio.lowlevel.checkpoint()
        else:
            await stream.aclose()
            return
