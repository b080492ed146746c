from dataclasses import replace
from inspect import cleandoc

from pisama.output.as_markdown import render
from pisama.report import Report
from tests.output.reports import CLAIM, SEVERAL, trace_report


def test_a_table_of_traces_and_then_every_issue_folded() -> None:
    loop = """
    <details><summary><b>medium loop</b>, booker, step 1: search&#95;flights was called twice.</summary>

    Severity 45, confidence 0.50.

    - step 1: “SK803”
    - step 1: “SK803”
    - step 1: “SK803”

    and 3 more pieces of evidence

    **Fix:** Cap it.

    </details>
    """
    head = """
    ## pisama

    | | trace | issues | worst |
    |---|---|---|---|
    | ❌ failed | run-1 | 2 | “It is booked.” is claimed although book&#95;flight failed. |
    | ⚪ nothing found | run-1 | 0 |  |
    | ⚠️ suspect | run-1 | 1 | search&#95;flights was called twice. |

    ❗ not readable: broken.json:1: not JSON: line 1, column 1

    <details><summary><b>critical hallucination</b>, booker, step 3: “It is booked.” is claimed although book&#95;flight failed.</summary>

    Severity 85, confidence 0.90.

    - step 3: “It is booked.” (the claim)
    - step 2: “payment service unavailable” (the last result of book&#95;flight)

    **Fix:** Let the agent report failure.

    </details>
    """
    tail = "3 more under the severity or confidence asked for.\n"
    assert render(SEVERAL) == "\n\n".join([cleandoc(head), cleandoc(loop), cleandoc(loop), tail])


def test_words_of_a_trace_make_no_markup() -> None:
    hostile = replace(
        CLAIM,
        summary="</summary><script>x</script> [a](https://b) ![c](d) @team #12 | **e** `f` www.g.h\n# i",
    )
    (row,) = (line for line in render(Report((trace_report(hostile),))).splitlines() if "❌" in line)
    assert row == (
        "| ❌ failed | run-1 | 1 | &#60;/summary&#62;&#60;script&#62;x&#60;/script&#62; &#91;a&#93;(https&#58;//b) "
        "!&#91;c&#93;(d) &#64;&#8203;team &#35;&#8203;12 &#124; &#42;&#42;e&#42;&#42; &#96;f&#96; www&#46;g.h &#35;&#8203; i |"
    )
