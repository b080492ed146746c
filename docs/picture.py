"""Write the pictures of the HTML report in README.md: `python docs/picture.py`. Needs Chromium and its driver."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory

import pisama
from benchmarks.browser import chromium
from pisama.config import Config
from pisama.output.as_html import render

ROOT = Path(__file__).parent.parent
EXAMPLE = "examples/sales-team.genai.otlp.json"
WIDTH, HEIGHT, SCALE = 1280, 860, 1.5


def main() -> None:
    """Open the report of the example, and photograph it in light and in dark."""
    with TemporaryDirectory() as folder, chromium() as driver:
        file = Path(folder) / "report.html"
        report = pisama.analyze(ROOT / EXAMPLE, config=Config(plugins=False))
        file.write_text(render(report).replace(f"{ROOT}/", ""), encoding="utf-8")
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        for theme in ("light", "dark"):
            scheme = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
            driver.get(file.as_uri())
            picture = driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"]
            (ROOT / f"docs/report-{theme}.png").write_bytes(b64decode(picture))


if __name__ == "__main__":
    main()
