"""Reports in a real browser: headless Chromium, driven over WebDriver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 30
"""Seconds to wait for what a page does after a key or a word; it is there at once on an idle machine."""


class Page:
    """A report that is open."""

    def __init__(self, driver: Chrome, file: Path, fragment: str = "") -> None:
        self.driver = driver
        driver.get("about:blank")
        self.logs()
        driver.get(file.as_uri() + fragment)

    def run(self, script: str, *values: object) -> Any:
        """What a script, the body of a function, returns."""
        return self.driver.execute_script(script, *values)

    def text(self, selector: str) -> str:
        """What a person reads in the first element of a selector."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        """The text of each element of a selector, hidden ones included."""
        return list(
            self.run(
                "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)",
                selector,
            )
        )

    def click(self, selector: str) -> None:
        """Click the first element of a selector, as a person would: what covers it would be hit instead."""
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.driver.find_element("css selector", selector).click()

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def search(self, words: str) -> None:
        """Type into the search field."""
        self.driver.find_element("id", "search").send_keys(words)

    def until(self, script: str) -> None:
        """Wait until a script returns a true value."""
        WebDriverWait(self.driver, PATIENCE, 0.02).until(lambda _: self.run(f"return {script}"))

    def in_view(self, selector: str) -> bool:
        """Whether the middle of the first element of a selector is in the window, uncovered."""
        return bool(
            self.run(
                "const target = document.querySelector(arguments[0]); const box = target.getBoundingClientRect();"
                "const top = document.elementFromPoint(box.left + Math.min(20, box.width / 2), box.top + box.height / 2);"
                "return Boolean(top) && (target.contains(top) || top.contains(target))",
                selector,
            )
        )

    def logs(self) -> list[str]:
        """What the console said since it was last asked: errors, and violations of the policy."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def requests(self) -> list[str]:
        """Addresses that were asked for since this was last called."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
