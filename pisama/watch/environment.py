"""What is set for the command so that its calls and its spans pass by here."""

from __future__ import annotations

from collections.abc import Mapping

from pisama.watch.incoming import LOOPBACK

LATEST = "gen_ai_latest_experimental"
"""Makes instrumentors follow the current GenAI conventions."""
_UNLESS_SET = {
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
}
"""Content in spans, and spans exported soon (milliseconds)."""
_NOBODY_ASKED = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
"""Of a command that exported nothing before, only spans are wanted."""
_OF_SIGNALS = (
    *("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    *("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"),
    *("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"),
)
_HEADERS = ("", "TRACES_", "LOGS_", "METRICS_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def child_environment(
    environment: Mapping[str, str], addresses: Mapping[str, str], *, receiver_url: str | None
) -> dict[str, str]:
    """The user's environment with the addresses of the providers and of the receiver replaced by ours.

    Without a receiver, what OpenTelemetry is told stays as it is.
    """
    child = {**environment, **addresses}
    if receiver_url is not None:
        _send_spans_to(receiver_url, child)
    if any(environment.get(name) for name in _PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            before = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
            child[name] = _with(before, LOOPBACK)
    return child


def _send_spans_to(receiver_url: str, child: dict[str, str]) -> None:
    exports = any(name.startswith("OTEL_EXPORTER_OTLP_") for name in child)
    for name, value in (_UNLESS_SET if exports else {**_UNLESS_SET, **_NOBODY_ASKED}).items():
        child.setdefault(name, value)
    for name in _OF_SIGNALS:
        child.pop(name, None)
    for signal in _HEADERS:
        # The tee sends them on; here nobody asks for them.
        child.pop(f"OTEL_EXPORTER_OTLP_{signal}HEADERS", None)
    child["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver_url
    child["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    child["OTEL_TRACES_EXPORTER"] = _with(child.get("OTEL_TRACES_EXPORTER", ""), "otlp", without="none")
    child["OTEL_SEMCONV_STABILITY_OPT_IN"] = _with(child.get("OTEL_SEMCONV_STABILITY_OPT_IN", ""), LATEST)


def _with(listed: str, item: str, *, without: str = "") -> str:
    items = [each.strip() for each in listed.split(",") if each.strip() and each.strip() != without]
    return ",".join(items if item in items else [*items, item])
