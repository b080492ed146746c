"""Secrets never leave in a quote, a report or a prompt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Set
from dataclasses import replace

from pisama.issue import Evidence, Issue
from pisama.patterns import lazy
from pisama.spots import holds

_SECRETS = lazy(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    r"|\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_\-]{16,200}"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}|glpat-[A-Za-z0-9_\-]{20,64})"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[A-Za-z0-9_\-]{35}\b"
    r"|\bxox[abeoprs]-[A-Za-z0-9\-]{10,200}"
    r"|\b(?:hf|npm|pypi|dop_v1|sq0atp|shpat)[_-][A-Za-z0-9_\-]{20,200}"
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,99}"
    r"|\beyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{8,4000}\.[A-Za-z0-9_\-]{8,1000}"
)
_PREFIXES = (
    *(
        "-----BEGIN ",
        "sk-",
        "sk_",
        "rk_",
        "pk_",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
    ),
    *(
        "AKIA",
        "ASIA",
        "AIza",
        "xox",
        "hf_",
        "hf-",
        "npm_",
        "npm-",
        "pypi_",
        "pypi-",
        "dop_v1",
        "sq0atp",
        "shpat",
        "eyJ",
    ),
)
"""One of these begins each secret that is told by its form."""
_CARRIED = lazy(
    r"(?P<before>\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@]{1,64}:)(?P<password>[^\s@/]{3,200})(?=@)"
    r"|(?P<bearer>\b(?:authorization|proxy-authorization)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3}"
    r"|\bbearer\s{1,3})(?P<token>[A-Za-z0-9._~+/=\-]{12,2000})"
    r"|(?P<name>\b[\w\-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token"
    r"|refresh[_-]?token|client[_-]?secret)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?P<value>[^\s\"',;&}]{6,400})",
    re.IGNORECASE,
)

_WORD = lazy(r"[^\s\"'“”‘’.,;:&(){}<>!?][^\s\"'“”‘’,;&(){}<>]{4,400}[^\s\"'“”‘’.,;:&(){}<>!?]")

_CARRIERS = ("://", "authorization", "bearer", "password", "passwd", "secret", "key", "token")
"""One of these stands before each secret that is told by its place."""


def redact(text: str) -> str:
    """The text with every recognised secret replaced by `[secret:XXXX]`, the same secret by the same mark."""
    if holds(text, _PREFIXES):
        text = _SECRETS.sub(lambda match: _mark(match.group()), text)
    return _CARRIED.sub(_carried, text) if holds(text.lower(), _CARRIERS) else text


def secrets_in(text: str) -> Iterator[str]:
    """The secrets that are recognised in a text, lower case."""
    if holds(text, _PREFIXES):
        yield from (match.group().lower() for match in _SECRETS.finditer(text))
    if holds(text.lower(), _CARRIERS):
        for match in _CARRIED.finditer(text):
            secret = match["password"] or match["token"] or match["value"]
            if not secret.startswith("[secret:"):
                yield secret.lower().rstrip(".:!?")


def redact_known(text: str, secrets: Set[str]) -> str:
    """The text without these secrets, which were recognised by what stood before them elsewhere."""
    if not secrets:
        return text
    return _WORD.sub(lambda match: _mark(match[0]) if match[0].lower() in secrets else match[0], text)


def redact_issue(issue: Issue) -> Issue:
    """The issue with secrets out of everything that quotes the trace."""
    evidence = tuple(
        Evidence(redact(item.quote), item.step, item.call, redact(item.note)) for item in issue.evidence
    )
    return replace(
        issue, summary=redact(issue.summary), recommendation=redact(issue.recommendation), evidence=evidence
    )


def _carried(match: re.Match[str]) -> str:
    for before, value in (("before", "password"), ("bearer", "token"), ("name", "value")):
        if match[value] is not None:
            return match[before] + (
                match[value] if match[value].startswith("[secret:") else _mark(match[value])
            )
    return match.group()


def _mark(secret: str) -> str:
    return f"[secret:{hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}]"
