"""How secrets look: tokens that say by their form what they are, and values that are told by what stands before them.

The forms are those that the issuers document for secret scanning. Each is tried only where letters stand that all of
its matches hold, and every repetition is bounded, so the cost is that of finding those letters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pisama.patterns import lazy


class Form(NamedTuple):
    """A kind of token that is recognised anywhere."""

    kind: str
    needles: tuple[str, ...]
    """Letters of which each match holds one, as they are written."""
    pattern: re.Pattern[str]
    back: int = 0
    """Characters before the needle, at most, where a match may begin."""


def _form(kind: str, pattern: str, *needles: str, back: int = 0) -> Form:
    return Form(kind, needles, lazy(pattern), back)


_B = r"(?<![A-Za-z0-9_\-])"
"""No token goes on to the left."""
_E = r"(?![A-Za-z0-9_\-])"
"""No token goes on to the right."""
_T = r"[A-Za-z0-9_\-]"

FORMS: tuple[Form, ...] = (
    _form(
        "private key",
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        # What a look-ahead has found is not tried in another way, as in an atomic group.
        r"(?=(?P<body>(?:[A-Za-z0-9+/=]{1,100}|\\{1,6}[nr]|\s"
        r"|(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): [^\n\\]{0,100}){0,1200}))(?P=body)"
        r"(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?",
        "-----BEGIN ",
    ),
    _form("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{20,80}", "AGE-SECRET-KEY-1"),
    _form("Anthropic key", _B + rf"sk-ant-{_T}{{10,200}}", "sk-ant-"),
    _form("OpenAI key", _B + rf"sk-(?:proj-|svcacct-|admin-|or-)?{_T}{{16,200}}", "sk-"),
    _form("GitHub token", _B + r"gh[pousr]_[A-Za-z0-9]{20,255}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _form("GitHub token", r"github_pat_[A-Za-z0-9_]{20,255}", "github_pat_"),
    _form("GitLab token", rf"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|oas|agent)-{_T}{{20,300}}", "gl"),
    _form("AWS access key", _B + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + _E, "AKIA", "ASIA", "ABIA", "ACCA"),
    _form("Google key", rf"AIza{_T}{{35}}", "AIza"),
    _form("Google client secret", rf"GOCSPX-{_T}{{20,40}}", "GOCSPX-"),
    _form("Google access token", r"\bya29\.[A-Za-z0-9_\-]{20,2000}", "ya29."),
    _form("Google refresh token", _B + r"1//0[A-Za-z0-9_\-]{30,200}", "1//0"),
    _form("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,250}|\bxapp-\d-[A-Za-z0-9\-]{10,250}", "xox", "xapp-"),
    _form("Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/]{20,120}", "hooks.slack.com/"),
    _form("Discord webhook", r"/api/webhooks/\d{10,25}/[A-Za-z0-9_\-]{30,120}", "/api/webhooks/"),
    _form("Discord token", _B + r"[A-Za-z0-9]{23,28}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}" + _E, ".", back=28),
    _form("Telegram token", r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_\-]{33}" + _E, ":AA", back=10),
    _form("Stripe key", r"(?:[srp]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,200}",
          "sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_", "whsec_"),
    _form("Twilio key", _B + r"(?:SK|AC)[0-9a-f]{32}" + _E, "SK", "AC"),
    _form("SendGrid key", r"\bSG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{30,64}", "SG."),
    _form("Mailgun key", _B + r"key-[0-9a-f]{32}" + _E, "key-"),
    _form("Mailchimp key", _B + r"[0-9a-f]{32}-us\d{1,2}\b", "-us", back=32),
    _form("npm token", r"\bnpm_[A-Za-z0-9]{30,60}", "npm_"),
    _form("PyPI token", r"\bpypi-[A-Za-z0-9_\-]{40,300}", "pypi-"),
    _form("Hugging Face token", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,60}", "hf_", "api_org_"),
    _form("model provider key", _B + rf"(?:gsk_|xai-|r8_|pplx-|fw_|csk-|nvapi-|tgp_v1_){_T}{{24,200}}",
          "gsk_", "xai-", "r8_", "pplx-", "fw_", "csk-", "nvapi-", "tgp_v1_"),
    _form("tracing key", _B + r"(?:lsv2_(?:pt|sk)_[0-9a-f_]{32,80}|sk-lf-[0-9a-f\-]{30,40}|pylf_v\d_[a-z]{2}_[A-Za-z0-9]{20,80})",
          "lsv2_", "sk-lf-", "pylf_"),
    _form("DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{40,80}", "dop_v1_", "doo_v1_", "dor_v1_"),
    _form("Databricks token", _B + r"dapi[0-9a-f]{32}(?:-\d)?" + _E, "dapi"),
    _form("Shopify token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", "shp"),
    _form("Square token", rf"\bsq0[a-z]{{3}}-{_T}{{20,60}}|\bEAAA[A-Za-z0-9_\-]{{56,70}}", "sq0", "EAAA"),
    _form("Vault token", rf"\bhv[sbr]\.{_T}{{20,300}}", "hvs.", "hvb.", "hvr."),
    _form("Terraform token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,70}", ".atlasv1.", back=14),
    _form("Azure signature", r"(?<=[?&;])sig=[A-Za-z0-9%/+=]{30,120}", "sig="),
    _form("signature of an address", r"X-(?:Amz|Goog)-Signature=[0-9a-fA-F]{64,1024}", "X-Amz-Signature=", "X-Goog-Signature="),
    _form("key of an agent's service", _B + r"(?:pcsk_[A-Za-z0-9]{4,8}_|tvly-(?:dev-|prod-)?|jina_|sbp_|e2b_|pscale_(?:pw|tkn|oauth)_)[A-Za-z0-9]{20,120}|"
          + _B + r"fc-[0-9a-f]{32}" + _E,
          "pcsk_", "tvly-", "jina_", "sbp_", "e2b_", "pscale_", "fc-"),
    _form("Notion token", r"\bntn_[A-Za-z0-9]{40,60}|\bsecret_[A-Za-z0-9]{40,50}" + _E, "ntn_", "secret_"),
    _form("Linear key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,80}", "lin_"),
    _form("Grafana token", r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{32,400}", "glsa_", "glc_"),
    _form("New Relic key", r"\bNR(?:AK|JS|II|RA|AL)-[A-Za-z0-9]{20,40}", "NR"),
    _form("Sentry token", r"\bsntry[su]_[A-Za-z0-9+/=_]{40,400}", "sntry"),
    _form("Postman key", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-"),
    _form("Atlassian token", r"\bATATT3[A-Za-z0-9_\-=]{50,250}", "ATATT3"),
    _form("Airtable token", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat"),
    _form("Figma token", rf"\bfig[dor]_{_T}{{30,80}}", "figd_", "figo_", "figr_"),
    _form("Doppler token", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.\-]{30,80}", "dp."),
    _form("Fly token", r"\bFlyV1 fm\d[A-Za-z0-9_+/=,]{40,800}|\bfo1_[A-Za-z0-9_\-]{40,50}", "FlyV1 ", "fo1_"),
    _form("Docker token", rf"\bdckr_(?:pat|oat)_{_T}{{20,60}}", "dckr_"),
    _form("JSON web token", r"\beyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{8,8000}(?:\.[A-Za-z0-9_\-]{8,1000})?", "eyJ"),
)  # fmt: skip


class Carrier(NamedTuple):
    """Words behind which a secret stands."""

    needles: tuple[str, ...]
    """The words, in lower case."""
    behind: re.Pattern[str]
    """What follows them: `quoted` or `bare` is the secret."""
    holds: str
    """What the secret must look like: `password`, `key` (letters and digits, and longer), or `anything`."""
    ahead: re.Pattern[str] | None = None
    """What must stand right before the words."""


_QUOTE = r"""(?:\\{0,6}["'`])"""
_PAIR = rf"{_QUOTE}\s{{0,3}}[,\s]\s{{0,20}}{_QUOTE}?[Vv]alue{_QUOTE}?[ \t]{{0,3}}[:=]"
"""Between the name and the value of an entry that names both: `{"name": "password", "value": …`, `key="token" value=…`."""
_JOINT = rf"(?P<joint>{_PAIR}[ \t]{{0,3}}|[ \t]{{0,3}}{_QUOTE}?[ \t]{{0,3}}(?::=|=>|[:=])[ \t]{{0,3}}|[ \t]{{1,3}}(?:is|was)[: \t]{{1,3}}|[ \t])"
_VALUE = rf"""(?:{_QUOTE}(?P<quoted>[^"'`\\\r\n]{{4,400}})|(?P<bare>[^\s"'`\\<>,;&|)}}\]]{{4,1000}}))"""
_ASSIGNED = lazy(
    r"(?:s(?=\W))?(?:[_\-]?(?:value|base64|b64|prod|production|dev|test|live|key|\d{1,2}))?"
    + _JOINT
    + _VALUE,
    re.IGNORECASE,
)
_PLAIN = r"(?P<bare>[A-Za-z0-9._~+/=\-]{12,4000})(?P<quoted>)"

CARRIERS: tuple[Carrier, ...] = (
    Carrier(("password", "passwd", "passphrase", "passwort", "pwd"), _ASSIGNED, "password"),
    Carrier(("pass",), _ASSIGNED, "password", lazy(r"(?:\A|[^A-Za-z])\Z")),
    Carrier(("secret", "credential", "token", "jwt"), _ASSIGNED, "key"),
    Carrier(
        ("key",),
        _ASSIGNED,
        "key",
        lazy(
            r"(?:api|access|private|secret|signing|encryption|account|subscription|master|auth|service|license|deploy|webhook|shared|_)"
            r"[_\-. ]?\Z",
            re.IGNORECASE,
        ),
    ),
    Carrier(
        ("authorization",),
        lazy(
            rf"{_QUOTE}?[ \t]{{0,3}}[:=,][ \t]{{0,3}}{_QUOTE}?(?:(?:bearer|basic|token|apikey|digest)[ \t]{{1,3}})?{_PLAIN}",
            re.IGNORECASE,
        ),
        "anything",
    ),
    Carrier(
        ("password>", "passwd>", "secret>", "token>", "apikey>", "api_key>"),
        lazy(r"(?P<bare>[^\s<>&]{8,400})(?P<quoted>)(?=</)"),
        "key",
    ),
    Carrier(("bearer",), lazy(rf"[ \t]{{1,3}}{_PLAIN}"), "key"),
    Carrier(
        ("-u ", "-u=", "--user ", "--user=", "--proxy-user "),
        lazy(r"""["']?[\w.@\-]{1,60}:(?P<bare>[^\s"'\\/]{4,200})(?P<quoted>)"""),
        "password",
        lazy(r"(?:\A|\s)\Z"),
    ),
    Carrier(
        ("identified by ", "sshpass -p "),
        lazy(r"""["'](?P<bare>[^\s"'\\;]{4,200})(?P<quoted>)"""),
        "anything",
    ),
    Carrier(
        ("machine ",),
        lazy(
            r"[ \t]{0,3}[^\s]{1,100}\s{1,3}login\s{1,3}[^\s]{1,100}\s{1,3}password\s{1,3}(?P<bare>[^\s\\]{4,200})(?P<quoted>)"
        ),
        "anything",
    ),
    Carrier(
        ("phpsessid=", "jsessionid=", "sessionid=", "session_id=", "connect.sid=", "laravel_session=", "csrftoken="),
        lazy(r"(?P<bare>[A-Za-z0-9%._\-]{12,400})(?P<quoted>)"),
        "key",
    ),
)  # fmt: skip

COOKIES = lazy(
    rf"{_QUOTE}?[ \t]{{0,3}}[:=,][ \t]{{0,3}}{_QUOTE}?(?P<value>[\w\-.]{{1,80}}=[^\r\n\"'\\]{{4,4000}})"
)
"""What follows `cookie` in a header."""
COOKIE = lazy(r"(?<![\w\-.])(?P<name>[\w\-.]{1,80})=(?P<value>[^;\s]{6,4000})")
COOKIE_ATTRIBUTES = frozenset(
    {"expires", "max-age", "domain", "path", "samesite", "priority", "lang", "theme", "locale"}
)

_USER = r"[^\s:/@\"'\\<>{}\[\](),]"
IN_URL = lazy(
    rf"://(?:\[(?:secret|email):[0-9a-f]{{4}}\]|{_USER}{{0,100}}(?:@{_USER}{{1,100}})?):(?P<value>[^\s/@\"'\\<>{{}}]{{3,300}})(?=@)"
)
"""The password between the user and the host of an address. The user may have been recognised as a secret before."""

EMAIL = lazy(
    r"(?<![A-Za-z0-9._%+/@\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.){1,6}"
    r"(?P<top>[A-Za-z]{2,24})(?![A-Za-z0-9@/\-]|[.:][A-Za-z0-9~])"
)
FILES = frozenset(
    {
        "css", "gif", "html", "jpeg", "jpg", "js", "json", "md", "png", "py", "service", "svg", "ts", "txt", "webp",
        "yaml", "yml",
    }
)  # fmt: skip
"""Ends of names of files, which are no top-level domains."""
