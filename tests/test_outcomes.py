"""What a result says of its call, held to a labelled table of the texts that tools really return."""

from __future__ import annotations

import pytest

from pisama.outcomes import ErrorKind, Outcome, kind_of, outcome_of, outcome_of_text
from pisama.trace import ToolCall
from tests.hanging import no_hang

E = ErrorKind

FAILED: tuple[tuple[str, str, ErrorKind], ...] = (
    ("the plain prefix", "Error: user not found", E.NOT_FOUND),
    ("a refused business rule", "Error: gift card balance is not enough", E.RUNTIME),
    ("an upper-case label", "ERROR: relation \"users\" does not exist\nLINE 1: SELECT * FROM users", E.NOT_FOUND),
    ("a label in brackets", "[ERROR] Could not connect: connection refused", E.SERVICE),
    ("a label in bold", "**Error:** Invalid date format, use YYYY-MM-DD", E.BAD_ARGUMENTS),
    ("a mark before the label", "❌ Error: rate limit exceeded, retry in 20s", E.RATE_LIMIT),
    ("an exception by name", "ValueError: could not convert string to float: 'abc'", E.RUNTIME),
    ("an exception with its module", "requests.exceptions.HTTPError: 404 Client Error: Not Found for url: http://x.org/a", E.NOT_FOUND),
    ("a validation report of pydantic", "pydantic_core._pydantic_core.ValidationError: 1 validation error for Query\ncity\n  Field required", E.BAD_ARGUMENTS),
    ("a missing positional argument", "TypeError: search() missing 1 required positional argument: 'query'", E.BAD_ARGUMENTS),
    ("an unexpected keyword", "Error when executing tool page_down with arguments {'': ''}: TypeError: PageDownTool.forward() got an unexpected keyword argument "
     "''", E.BAD_ARGUMENTS),
    ("an observation that is an error", "Call id: call_3\nError:\n"
     "Code execution failed at line 'x = y' due to: InterpreterError: The variable `y` is not defined.", E.RUNTIME),
    ("a parse failure of the agent's code", "Error:\nError in code parsing:\nYour code snippet is invalid, because the regex pattern was not found in it.", E.SYNTAX),
    ("a syntax failure in an observation", "Call id: call_9\nError:\nCode parsing failed on line 3 due to: SyntaxError\nx = = 1\n    ^", E.SYNTAX),
    ("an import the sandbox refuses", "Call id: call_4\nError:\n"
     "Code execution failed at line 'import os' due to: InterpreterError: Import of os is not allowed. Authorized imports are: ['math']", E.FORBIDDEN),
    ("a function the sandbox refuses", "Error:\nCode execution failed at line 'open(p)' due to: InterpreterError: Forbidden function evaluation: 'open' is not among "
     "the explicitly allowed tools", E.FORBIDDEN),
    ("a code interpreter's reply", "exitcode: 1 (execution failed)\nCode output: Traceback (most recent call last):\n  File \"a.py\", line 403, in <module>\n"
     "    import bs4\nModuleNotFoundError: No module named 'bs4'\n", E.ENVIRONMENT),
    ("an unknown language", "exitcode: 1 (execution failed)\nCode output: unknown language json", E.SYNTAX),
    ("the exit code of a shell, first line", "Exit code 2\nmake: *** [Makefile:4: build] Error 2", E.RUNTIME),
    ("the exit code of a shell, in prose", "Chunk ID: 7af1\nWall time: 0.3 seconds\nProcess exited with code 1\nOriginal token count: 12\nOutput:\n"
     "ls: cannot access '/x': No such file or directory", E.NOT_FOUND),
    ("the exit code of a shell, last line", "src/a.c:3:5: note: declared here\n[Command finished with exit code 2]", E.RUNTIME),
    ("the exit code in a form", "Command: npm test\nDirectory: (root)\nOutput: 2 tests ran\nError: (none)\nExit Code: 1\nSignal: (none)", E.RUNTIME),
    ("a return code in tags", "<returncode>127</returncode>\n<output>\nbash: foo: command not found\n</output>", E.ENVIRONMENT),
    ("a status in brackets", "collected 3 items\n...\n(exit status 1)", E.RUNTIME),
    ("what subprocess raises", "Command '['git', 'push']' returned non-zero exit status 128.", E.RUNTIME),
    ("make without an exit code", "cc -o a a.c\na.c:1:1: note: here\nmake: *** [Makefile:2: a] Error 1", E.RUNTIME),
    ("a traceback", "Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\n    {}['a']\nKeyError: 'a'", E.RUNTIME),
    ("output, then a traceback", "loading\n" * 200 + "Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\n    open('a')\n"
     "FileNotFoundError: [Errno 2] No such file or directory: 'a'\n", E.NOT_FOUND),
    ("a syntax error of Python without a traceback", "  File \"/tmp/a.py\", line 3\n    x = = 1\n        ^\nSyntaxError: invalid syntax", E.SYNTAX),
    ("an uncaught error of Node", "/app/index.js:10\n  throw new TypeError('x')\n  ^\n\nTypeError: x\n    at Object.<anonymous> (/app/index.js:10:9)", E.RUNTIME),
    ("a compiler", "main.c:3:5: error: expected ';' before 'return'", E.RUNTIME),
    ("another compiler", "error[E0308]: mismatched types\n --> src/main.rs:4:5", E.RUNTIME),
    ("a panic", "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:", E.RUNTIME),
    ("a shell without the command", "bash: line 1: rg: command not found", E.ENVIRONMENT),
    ("a program without its file", "cat: /etc/nothing: No such file or directory", E.NOT_FOUND),
    ("a program that may not", "mkdir: cannot create directory '/root/x': Permission denied", E.AUTHENTICATION),
    ("git", "fatal: not a git repository (or any of the parent directories): .git", E.RUNTIME),
    ("a package manager", "npm ERR! code ENOENT\nnpm ERR! syscall open", E.NOT_FOUND),
    ("an error in tags", "<tool_use_error>File has not been read yet. Read it first before writing to it.</tool_use_error>", E.RUNTIME),
    ("a string to replace that is not there", "<tool_use_error>String to replace not found in file.\nString: foo</tool_use_error>", E.BAD_ARGUMENTS),
    ("arguments against the schema", "<tool_use_error>InputValidationError: Read failed due to the following issue:\n"
     "The required parameter `file_path` is missing</tool_use_error>", E.BAD_ARGUMENTS),
    ("a call of no tool", "unsupported call: search_web", E.UNKNOWN_TOOL),
    ("a call of no tool, in prose", "Error: No such tool available: browse", E.UNKNOWN_TOOL),
    ("a call of no tool, another wording", "Unknown tool name: 'open_url'. Available tools: search", E.UNKNOWN_TOOL),
    ("a patch that does not apply", "apply_patch verification failed: Failed to find expected lines in a.py", E.RUNTIME),
    ("redacted details", "Tool execution failed. Error details are redacted.", E.RUNTIME),
    ("a library's default message", "An error occurred while running the tool. Please try again. Error: connection reset by peer", E.SERVICE),
    ("HTTP in prose", "HTTP Error 403: Forbidden", E.AUTHENTICATION),
    ("HTTP by status line", "HTTP/1.1 502 Bad Gateway\nServer: nginx", E.SERVICE),
    ("HTTP by client message", "Request failed with status code 429", E.RATE_LIMIT),
    ("HTTP by number", "Status code: 500\nInternal Server Error", E.SERVICE),
    ("a timeout", "Timed out after 30 seconds", E.TIMEOUT),
    ("a command that took too long", "Command timed out after 2m 0.0s", E.TIMEOUT),
    ("a browser", "Error: page.goto: net::ERR_NAME_NOT_RESOLVED at https://nowhere.example/", E.SERVICE),
    ("a browser's timeout", "TimeoutError: locator.click: Timeout 30000ms exceeded.\nCall log:\n  - waiting for locator('#go')", E.TIMEOUT),
    ("a page that is an error page", "Address: https://x.org/a\nTitle: Error 404 (Not Found)!!1\nViewport position: Showing page 1 of 1.\n=======\n"
     "404. That is an error.", E.NOT_FOUND),
    ("a page behind a guard", "Address: https://x.org/a\nTitle: Just a moment...\nViewport position: Showing page 1 of 1.\n=======\nVerify you are human", E.AUTHENTICATION),
    ("Node's code for a missing file", "ENOENT: no such file or directory, open '/tmp/a.json'", E.NOT_FOUND),
    ("a context that is too long", "Error code: 400 - {'error': {'message': \"This model's maximum context length is 8192 tokens\"}}", E.EXHAUSTED),
    ("a file too large to read", "Error: File content (31337 tokens) exceeds maximum allowed tokens (25000).", E.EXHAUSTED),
    ("memory", "MemoryError: Unable to allocate 8.0 GiB", E.EXHAUSTED),
    ("a user who said no", "Error: The user doesn't want to proceed with this tool use.", E.REFUSED),
    ("inability in brief", "Could not find a flight with number HAT999.", E.NOT_FOUND),
    ("inability with regret", "Sorry, I was unable to open the page.", E.RUNTIME),
    ("a thing that is not there, in brief", "Reservation ZFA04Y not found", E.NOT_FOUND),
    ("an input that is wrong, in brief", "Invalid airport code: XX", E.BAD_ARGUMENTS),
    ("a requirement, in brief", "The parameter 'limit' must be between 1 and 50", E.BAD_ARGUMENTS),
    ("no access, in brief", "Access denied for user 'guest'", E.AUTHENTICATION),
    ("a bad key", "AuthenticationError: Incorrect API key provided", E.AUTHENTICATION),
    ("JSON: an error text", '{"error": "Unknown city: Atlantis"}', E.NOT_FOUND),
    ("JSON: an error object", '{"error": {"code": 429, "message": "Too many requests"}}', E.RATE_LIMIT),
    ("JSON: JSON-RPC", '{"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Invalid params: missing required parameter city"}}', E.BAD_ARGUMENTS),
    ("JSON: GraphQL", '{"data": null, "errors": [{"message": "Field required: owner"}]}', E.BAD_ARGUMENTS),
    ("JSON: success is false", '{"success": false, "message": "Payment method not found"}', E.NOT_FOUND),
    ("JSON: ok is false", '{"ok": false, "reason": "quota exhausted"}', E.RATE_LIMIT),
    ("JSON: a status in words", '{"status": "error", "message": "Permission denied"}', E.AUTHENTICATION),
    ("JSON: a status in numbers", '{"status": 503, "title": "Service Unavailable"}', E.SERVICE),
    ("JSON: MCP", '{"content": [{"type": "text", "text": "Path is outside the allowed directories"}], "isError": true}', E.RUNTIME),
    ("JSON: an exit code in metadata", '{"output": "ls: /x: No such file or directory\\n", "metadata": {"exit_code": 1, "duration_seconds": 0.1}}', E.NOT_FOUND),
    ("JSON: an exit code", '{"stdout": "", "stderr": "sh: foo: not found", "exit_code": 127}', E.ENVIRONMENT),
    ("JSON: an error inside a result", '{"result": "Error: division by zero"}', E.RUNTIME),
    ("JSON: FastAPI", '{"detail": "Not Found"}', E.NOT_FOUND),
    ("JSON: a gateway", '{"message": "Internal Server Error"}', E.SERVICE),
    ("JSON: a string", '"Error: no such table: orders"', E.RUNTIME),
    ("JSON: content blocks", '[{"type": "text", "text": "Error: ENOENT: no such file or directory"}]', E.NOT_FOUND),
    ("a dict as Python prints it", "{'error': 'InvalidRequestException: The id is not valid'}", E.BAD_ARGUMENTS),
    # In the words of the emitters that the loaders read.
    ("OpenCode: an unknown tool", "Model tried to call unavailable tool 'no_such_tool'. Available tools: bash, edit.", E.UNKNOWN_TOOL),
    ("OpenCode: a command", '{"output": "error: missing header foo.h", "metadata": {"exit": 2, "truncated": false}}', E.RUNTIME),
    ("Codex: a command, in prose", "Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 2\nOutput:\nmake: *** [Makefile:2: build] Error 2", E.RUNTIME),
    ("Codex: a command, as JSON", '{"output":"make: *** no rule","metadata":{"exit_code":2,"duration_seconds":0.1}}', E.RUNTIME),
    ("Codex: a patch", "apply_patch verification failed: Failed to read file to update /x.py: No such file or directory", E.NOT_FOUND),
    ("Codex: an unknown tool", "unsupported call: no_such_tool", E.UNKNOWN_TOOL),
    ("Gemini CLI: a command", "Command: make\nDirectory: (root)\nOutput: error: missing header foo.h\nError: (none)\nExit Code: 2", E.RUNTIME),
    ("Gemini CLI: an unknown tool", 'Tool "no_such_tool" not found in registry. Tools must use the exact names that are registered.', E.UNKNOWN_TOOL),
    ("Claude Code: a command", "Exit code 2\nerror: missing header foo.h\nmake: *** [Makefile:2: build] Error 2", E.RUNTIME),
    ("Claude Code: a file not yet read", "<tool_use_error>File has not been read yet. Read it first before writing to it.</tool_use_error>", E.RUNTIME),
    ("Claude Code: too many matches", "Found 3 matches of the string to replace, but replace_all is false.", E.BAD_ARGUMENTS),
    ("Claude Code: a refusal of the user", "The user doesn't want to proceed with this tool use. The tool use was rejected.", E.REFUSED),
    ("Claude Code: a refusal by rule", "Permission to use Bash has been denied.", E.REFUSED),
    ("Claude Code: an approval that is missing", "This command requires approval", E.REFUSED),
    ("Pi: arguments", 'Validation failed for tool "edit":\n  - path: must have required property', E.BAD_ARGUMENTS),
    ("aider: an edit", "# 1 SEARCH/REPLACE block failed to match!", E.RUNTIME),
    ("OpenHands: an edit", "ERROR:\nNo replacement was performed, old_str `x` did not appear verbatim in /a.py.", E.RUNTIME),
    ("OpenHands: an edit, without the label", "No replacement was performed, old_str `x` did not appear verbatim in /a.py.", E.RUNTIME),
    ("SWE-agent: a time limit", "EXECUTION TIMED OUT", E.TIMEOUT),
    ("mini-SWE-agent: a command", '{"returncode": 2, "output": "error: missing header foo.h"}', E.RUNTIME),
    ("pydantic-ai: an unknown tool", "Unknown tool name: 'get_weather'. Available tools: 'weather_retry'", E.UNKNOWN_TOOL),
    ("pydantic-ai: arguments", "1 validation error for get_weather\ncity\n  Field required [type=missing]\n\nFix the errors and try again.", E.BAD_ARGUMENTS),
    ("OpenAI Agents SDK: a redacted error", "Error running tool (non-fatal): Tool execution failed. Error details are redacted.", E.RUNTIME),
    ("OpenAI Agents SDK: the words for the model", "An error occurred while running the tool. Please try again. Error: no seats left", E.RUNTIME),
    ("CrewAI: a tool that raised", "I encountered an error while trying to use the tool. This was the error: no seats left.", E.RUNTIME),
    ("CrewAI: an unknown tool", "Action 'book' don't exist, these are the only available Actions:\nTool Name: search", E.UNKNOWN_TOOL),
    ("Dify: a tool that raised", "tool invoke error: no seats left", E.RUNTIME),
    ("LangChain: an exception as its representation", "ToolException('no seats left')", E.RUNTIME),
    ("LangChain: the same of Python", "ValueError(\"invalid date '2026-13-40'\")", E.BAD_ARGUMENTS),
    ("LangChain: a limit", "Agent stopped due to max iterations.", E.EXHAUSTED),
    ("smolagents: a tool that raised", "Error executing tool 'book' with arguments {'date': '2026-13-40'}: ValueError: no seats left", E.RUNTIME),
    ("MCP: a time limit", "MCP error -32001: Request timed out", E.TIMEOUT),
    ("MCP: a failed call", '{"content": [{"type": "text", "text": "Error: boom"}], "isError": true}', E.RUNTIME),
    ("a wrapper in tags", '<error type="conflict">the seat is taken</error>', E.RUNTIME),
    ("a cancelled call", "Tool call was cancelled by the user.", E.REFUSED),
    ("a status of the response", '{"response_status": "Error", "message": "no data for these dimensions"}', E.RUNTIME),
    ("a state", '{"state": "failed", "reason": "quota exceeded"}', E.RATE_LIMIT),
    ("curl", "curl: (6) Could not resolve host: api.example.org", E.SERVICE),
    ("an apology of a service", "Oops! Something went wrong", E.RUNTIME),
)  # fmt: skip

FINE: tuple[tuple[str, str], ...] = (
    ("plain words", "Paris is the capital of France."),
    ("a page about errors", "Error handling in Go\n\nGo programs express error state with error values. A nil error denotes success."),
    ("a page with a heading about exceptions", "Exceptions\n\nErrors detected during execution are called exceptions: ZeroDivisionError: division by zero"),
    ("a page about HTTP", "Status codes in literature: HTTP 404 is the title of a novel that plays with the number."),
    ("a page about exit codes", "Bash manual\n\nExit code 1 indicates a general failure. Exit code 127 means that the command was not found."),
    ("a film of that name", "The Error (2019) is a film about a failed experiment. It was not found worthy of a prize by the jury."),
    ("a search result about an error", "1. [How to fix 'TypeError: x is not a function'](https://x.org)\n2. [ValueError explained](https://y.org)"),
    ("a question with a traceback in it", "Q: why does this fail?\nTraceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'a'\n\n"
     "A: The key is missing from the dictionary; use get() and give a default value instead.\n" + "More answers follow here. " * 60),
    ("source code", "class NotFoundError(Exception):\n    \"\"\"Raised when the thing was not found.\"\"\"\n\ndef fail():\n    raise NotFoundError('error: not found')\n"),
    ("numbered source code", "     1\timport sys\n     2\tsys.exit('error: failed')\n     3\tprint('Error: no')\n"),
    ("matches in source code", "src/a.py:12:        raise ValueError(\"error: bad\")\nsrc/b.py:4:# Error: see above"),
    ("a log the user asked for", "ERROR: connection lost\n2026-01-02 10:00:01 INFO reconnected\n2026-01-02 10:00:02 INFO ready"),
    ("a dated log", "2026-01-02 10:00:00 ERROR db: connection refused\n2026-01-02 10:00:05 INFO db: connected"),
    ("a table with a column of errors", "name,errors\nalpha,0\nbeta,3"),
    ("tests that pass", "============ 12 passed, 0 failed in 0.31s ============"),
    ("a check without findings", "0 errors, 0 warnings"),
    ("a count of errors that is zero", "Errors: 0\nWarnings: 2"),
    ("an error that is none", "Output: done\nError: none\nExit Code: 0"),
    ("an exit code of zero", "exitcode: 0 (execution succeeded)\nCode output: Error: this text is only printed"),
    ("a process that ended well", "Chunk ID: 1\nProcess exited with code 0\nOutput:\nerror.log\nfatal.log"),
    ("a return code of zero in tags", "<returncode>0</returncode>\n<output>\n3 errors were fixed\n</output>"),
    ("an observation", "Observation:\nExecution logs:\nThe error rate is 4%.\nLast output from code snippet:\n0.04"),
    ("a page in a browser", "Address: https://x.org/errors\nTitle: List of error codes - Wiki\nViewport position: Showing page 1 of 3.\n=======\n404 Not Found"),
    ("a quoted page", "<html><head><title>Errors we made</title></head><body>failed: never</body></html>"),
    ("a number that looks like a status", "404"),
    ("a sum", "500 euros were transferred."),
    ("JSON: a record", '{"id": 7, "name": "Ada", "status": "active"}'),
    ("JSON: an error that is null", '{"result": 5, "error": null}'),
    ("JSON: no errors", '{"errors": [], "value": 3}'),
    ("JSON: a build that failed, as asked", '{"build": 7, "status": "failed", "finished_at": "2026-01-02", "branch": "main"}'),
    ("JSON: a payment that was denied, as asked", '{"payment_id": "p1", "status": "denied", "amount": 20}'),
    ("JSON: a count of errors", '{"lines": 120, "errors": 3, "file": "app.log"}'),
    ("JSON: an exit code of zero", '{"stdout": "fatal.txt", "stderr": "warning: x", "exit_code": 0}'),
    ("JSON: success", '{"success": true, "message": "Error log was cleared"}'),
    ("JSON: documents about errors", '{"result": [[{"document": {"id": "1", "contents": "Error: a history of mistakes"}}]]}'),
    ("JSON: a list of records", '[{"id": 1, "error": null}, {"id": 2, "error": "late"}]'),
    ("JSON: true", "true"),
    ("a short success", "File created successfully at: /tmp/errors.txt"),
    ("a removal", "Removed the failed job. All checks completed."),
    ("code that was saved", "The file /tmp/error_handler.py has been updated. Here is the result of running `cat -n`"),
    ("a comparison", "def could_not(): return 'unable to'"),
    ("a long answer that regrets something", "I could not find the exact day, but the archive lists three meetings in May: the 3rd, the 12th and the 20th. " + "The "
     "third of them is described at length in the minutes. " * 10),
    ("a title with a colon", "Terror: a short history of the revolution"),
    ("an issue text", "Issue #12: raise an error when the file is missing\n\nSteps: open the file. Expected: error. Actual: nothing."),
    # What resembles the words of emitters.
    ("a film called Error", "Error 404 is a film about a page that nobody finds."),
    ("a film with a negation", "Cannot Buy Me Love is a 1987 film directed by Steve Rash."),
    ("praise", "Could not have been better: the best hotel of our trip."),
    ("a film with a date", "Invalid Date is a film of 2001"),
    ("issues that were closed", "2 issues closed as not found"),
    ("a song", "Something Went Wrong (Again) is a song by Buzzcocks"),
    ("a thrown error in a search", "src/a.ts:4: throw new Error('failed')\nsrc/b.ts:9: throw new TypeError('x')"),
    ("an exception raised in a listing", "12: raise ValueError('bad date')\n13:\n14: def next(): ..."),
    ("a summary of a build", "Build succeeded.\n    0 Warning(s)\n    0 Error(s)"),
    ("a log with a count", "[INFO] 12 files checked, 0 errors, 0 failed"),
    ("a report of validation", "3 validation errors were reported by users last year and fixed."),
    ("empty error tags", "<error></error><value>5</value>"),
    ("error tags that say none", "<error>None</error>"),
    ("a state of what was asked for", '{"order": "o1", "state": "failed", "items": 3}'),
    ("a game of chess", "The move was rejected by critics as timid."),
    ("source that prints an exit code", 'print("exit code: 1")\nsys.exit(1)'),
)  # fmt: skip

EMPTY: tuple[tuple[str, str], ...] = (
    ("nothing", ""),
    ("white space", " \n\t"),
    ("an empty list", "[]"),
    ("an empty list in a list", "[[]]"),
    ("an empty object", "{}"),
    ("null", "null"),
    ("None", "None"),
    ("no results", "No results found."),
    ("no results for a query", "No results found for query 'tallest red barn in Ohio'."),
    ("no search results", "No search results were returned"),
    ("no matches", "No matches found"),
    ("no files", "No files found"),
    ("found nothing", "Found 0 matching documents"),
    ("a phrase that is not on the page", "The search string 'Battle' was not found on this page."),
    ("a command without output", "(no output)"),
    ("a tool without output", "Tool ran without output or errors"),
    ("JSON: no results", '{"results": []}'),
    ("JSON: no results, with the query", '{"query": "x", "results": [], "count": 0}'),
    ("JSON: a result that is a list of nothing", '{"result": [[]]}'),
    ("JSON: output that is empty", '{"stdout": "", "stderr": "", "exit_code": 0}'),
    ("JSON: a string of nothing", '""'),
    ("JSON: a wrapped refusal to find", '{"result": "No results found"}'),
    ("JSON: content blocks without text", '[{"type": "text", "text": ""}]'),
    ("code that printed nothing", "Observation:\nExecution logs:\nLast output from code snippet:\nNone"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), [pytest.param(text, kind, id=name) for name, text, kind in FAILED])
def test_a_result_that_reports_a_failure_is_an_error_of_its_class(text: str, kind: ErrorKind) -> None:
    outcome = outcome_of_text(text)
    assert (outcome.status, outcome.kind) == ("error", kind), outcome
    assert outcome.message


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in FINE])
def test_a_result_that_only_talks_about_errors_is_a_success(text: str) -> None:
    assert outcome_of_text(text) == Outcome("success")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in EMPTY])
def test_a_result_without_content_is_an_empty_success(text: str) -> None:
    assert outcome_of_text(text) == Outcome("success", empty=True)


def test_a_call_without_a_recorded_result_is_unknown() -> None:
    assert outcome_of(ToolCall("search", {"query": "x"})) == Outcome("unknown")


def test_the_mark_of_the_emitter_counts_whatever_the_text_says() -> None:
    call = ToolCall("search", {}, result="fine", error="connection refused")
    assert outcome_of(call) == Outcome("error", ErrorKind.SERVICE, "connection refused")


def test_a_marked_failure_without_words_takes_those_of_the_result() -> None:
    assert (
        outcome_of(ToolCall("run", {}, result="Exit code 2\nmake: no rule", error="")).message
        == "make: no rule"
    )


@pytest.mark.parametrize(
    "command", ["grep -n TODO src/a.py", "cd /app && git diff --quiet", "cat a | rg foo"]
)
def test_exit_code_one_of_a_search_without_output_means_that_nothing_was_found(command: str) -> None:
    assert outcome_of(ToolCall("Bash", {"command": command}, result="Exit code 1")) == Outcome(
        "success", empty=True
    )


def test_exit_code_one_of_any_other_command_is_a_failure() -> None:
    assert outcome_of(ToolCall("Bash", {"command": "make deploy"}, result="Exit code 1")).failed


def test_the_message_of_a_traceback_is_its_last_line() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 404\n    boom()\nValueError: bad thing'
    assert outcome_of_text(text) == Outcome("error", ErrorKind.RUNTIME, "ValueError: bad thing")


def test_the_message_of_a_traceback_is_found_above_what_was_printed() -> None:
    text = "exitcode: 1 (execution failed)\nCode output: Traceback (most recent call last):\n"
    text += "  File \"a.py\", line 2\n    f()\nKeyError: 'year'\n" + "A line that was printed before.\n" * 100
    assert outcome_of_text(text) == Outcome("error", ErrorKind.RUNTIME, "KeyError: 'year'")


def test_the_message_of_an_exit_code_is_what_stands_below_it() -> None:
    assert outcome_of_text("Exit code 2\nmake: *** no rule to make target 'x'.").message.startswith(
        "make: ***"
    )


def test_the_message_of_a_failed_build_is_the_line_that_reports_it() -> None:
    text = "Exit code 1\n-- The C compiler is GNU\n-- Found zlib\nCMake Error at CMakeLists.txt:27 (find_package):\n  none"
    assert outcome_of_text(text).message == "CMake Error at CMakeLists.txt:27 (find_package):"


def test_a_label_before_the_message_is_left_out() -> None:
    text = (
        "Command: make\nDirectory: (root)\nOutput: error: missing header foo.h\nError: (none)\nExit Code: 2"
    )
    assert outcome_of_text(text).message == "error: missing header foo.h"


def test_line_numbers_in_a_traceback_are_no_http_status() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 429, in f\n    g(404)\nIndexError: list index out of range'
    assert kind_of(text) is ErrorKind.RUNTIME


@pytest.mark.parametrize(
    "text",
    [
        "error " * 4_000_000,
        "a" * 20_000_000,
        " " * 20_000_000,
        "[" * 150_000,
        '{"a":' * 30_000,
        "\n" * 10_000_000 + "x",
        "Traceback (most recent call last)" + "x: " * 5_000_000,
        ("word " * 40 + "\n") * 50_000,
        "Error" + "_" * 5_000_000 + ":",
        "(" * 5_000_000,
        '"' + "\\n" * 90_000 + '"',
    ],
    ids=[
        "words",
        "one word",
        "blanks",
        "brackets",
        "objects",
        "line breaks",
        "traceback",
        "prose",
        "label",
        "parentheses",
        "escapes",
    ],
)
def test_a_long_hostile_text_is_judged_in_a_moment(text: str) -> None:
    with no_hang():
        outcome_of_text(text)
