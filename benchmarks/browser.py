"""Headless Chromium, driven over WebDriver: for the tests of the HTML report, its picture, and its time to open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
MISSING = None if BROWSER and DRIVER else "Chromium and its driver are not installed"


@contextmanager
def chromium(width: int = 1400, height: int = 900) -> Iterator[Chrome]:
    """A browser that keeps what the console said and what was requested. Raises `OSError` where there is none."""
    if not BROWSER or not DRIVER:
        raise OSError(MISSING)
    options = ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        f"--window-size={width},{height}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()
