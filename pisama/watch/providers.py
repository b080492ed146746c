"""Where programs look for the address of a provider, and which requests are calls of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from pisama.redact import redact

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
GEMINI = "https://generativelanguage.googleapis.com"

VARIABLES: Mapping[str, tuple[str, str | None]] = {
    "OPENAI_BASE_URL": ("openai", OPENAI),
    "OPENAI_API_BASE": ("openai", OPENAI),
    "ANTHROPIC_BASE_URL": ("anthropic", ANTHROPIC),
    "ANTHROPIC_API_URL": ("anthropic", ANTHROPIC),
    "ANTHROPIC_API_BASE": ("anthropic", ANTHROPIC),
    "GOOGLE_GEMINI_BASE_URL": ("gemini", GEMINI),
    "GOOGLE_VERTEX_BASE_URL": ("gemini", None),
    "GEMINI_API_BASE": ("gemini", None),
    "AZURE_OPENAI_ENDPOINT": ("azure", None),
    "AZURE_API_BASE": ("azure", None),
    "OPENROUTER_BASE_URL": ("openrouter", None),
    "OPENROUTER_API_BASE": ("openrouter", None),
    "GROQ_BASE_URL": ("groq", None),
    "MISTRAL_BASE_URL": ("mistral", None),
    "DEEPSEEK_API_BASE": ("deepseek", None),
    "XAI_API_BASE": ("xai", None),
}
"""By variable: the provider, and its address when the user set none; None is redirected only where it is set.

Sources: the SDKs of OpenAI, Anthropic, Google and Groq, LangChain, and LiteLLM.
"""

_SAME = {
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "ANTHROPIC_API_URL": "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_BASE": "ANTHROPIC_BASE_URL",
}
"""An older spelling, unless it is set, means what the newer one says."""


class Api(StrEnum):
    """A protocol in which models are called."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GENERATE = "generate_content"


MESSAGES: Mapping[Api, str] = {
    Api.CHAT: "messages",
    Api.MESSAGES: "messages",
    Api.RESPONSES: "input",
    Api.GENERATE: "contents",
}
"""The field of a request that holds the conversation."""

_SUFFIXES = {
    "/chat/completions": Api.CHAT,
    "/responses": Api.RESPONSES,
    "/messages": Api.MESSAGES,
    ":generateContent": Api.GENERATE,
    ":streamGenerateContent": Api.GENERATE,
}


def api_of(path: str) -> Api | None:
    """The protocol of a request to this path; None when it calls no model."""
    return next((api for suffix, api in _SUFFIXES.items() if path.rstrip("/").endswith(suffix)), None)


@dataclass(frozen=True, slots=True)
class Route:
    """A provider's address as the user set it, and the name under which it is reached here."""

    name: str
    provider: str
    base: str
    """URL without a slash at its end."""

    @property
    def host(self) -> str:
        """Host of the provider."""
        return urlsplit(self.base).hostname or ""

    @property
    def port(self) -> int:
        """Port of the provider."""
        parts = urlsplit(self.base)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        return urlsplit(self.base).netloc.rpartition("@")[2]

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return urlsplit(self.base).scheme == "https"

    @property
    def path(self) -> str:
        """Path of the base URL; the local address ends in the same, since programs look at it."""
        return urlsplit(self.base).path


def is_web_address(text: str, variable: str) -> bool:
    """Whether an address that a variable holds is one of HTTP. Raises ValueError, which names it, for one that cannot be."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{variable} is no address: {redact(text)}: {error}") from None


def routes_for(environment: Mapping[str, str]) -> dict[str, Route]:
    """By variable that has to be set for the command: where its requests go.

    Raises ValueError for an address that cannot be.
    """
    routes: dict[str, Route] = {}
    known: dict[tuple[str, str], Route] = {}
    for variable, (provider, default) in VARIABLES.items():
        newer = environment.get(_SAME.get(variable, ""))
        base = (environment.get(variable) or newer or default or "").rstrip("/")
        if not is_web_address(base, variable):
            continue
        number = len(known)
        name = (
            provider
            if all(route.provider != provider for route in known.values())
            else f"{provider}-{number}"
        )
        routes[variable] = known.setdefault((provider, base), Route(name, provider, base))
    return routes
