"""`--format html`: one file that opens anywhere, with the verdicts, the issues, a timeline, and every step.

A trace is hostile. Its words stand in blocks of JSON that no browser runs, and the script of the page makes text nodes
of them; a Content-Security-Policy admits that script and the style sheet by their hashes, and nothing from outside.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256

from pisama import templates
from pisama.notebook import summary_of
from pisama.output.page_data import page_data
from pisama.patterns import lazy
from pisama.report import Report
from pisama.trace import JSON
from pisama.unseen import RUNNER

_UNSAFE = lazy("[<>&\u2028\u2029\ud800-\udfff]|" + RUNNER)
"""What could end the block that JSON stands in, and halves of characters, which no file can hold."""


def render(report: Report) -> str:
    """The report as one HTML document."""
    from markupsafe import Markup

    overview, traces = page_data(report)
    style, script = templates.style(), templates.script()
    return (
        templates.environment()
        .get_template("report.html")
        .render(
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704 - a file of this package
            script=Markup(script),  # noqa: S704 - files of this package
            overview=Markup(_block(overview)),  # noqa: S704 - escaped there
            traces=[Markup(_block(trace)) for trace in traces],  # noqa: S704
            summary=summary_of(report),
        )
    )


def _block(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
