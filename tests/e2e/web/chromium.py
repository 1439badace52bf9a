"""Debian's Chromium on the page of `rcq web`: keys as a person types them, and the words that its terminal holds.

The page draws its terminal on a canvas, so there is no text in it to look for. Its terminal object has the cells that
are drawn; a few lines that run before the page's own script keep hold of it.
"""

import json
import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_KEEP = """
Object.defineProperty(Object.prototype, "terminal", {configurable: true, set(made) {
  Object.defineProperty(this, "terminal", {value: made, writable: true, configurable: true});
  if (made && made.buffer) { window.drawn = made; delete Object.prototype.terminal; }
}});
"""
_READ = """
const cells = window.drawn ? window.drawn.buffer.active : null;
if (!cells) return [];
return Array.from({length: window.drawn.rows}, (_, row) => cells.getLine(cells.baseY + row).translateToString(true));
"""


class Chromium:
    """One window. Everything that the page complains of is kept. Close it."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,800"):
            options.add_argument(flag)  # no sandbox: it needs rights that root in a container has not
        options.add_argument(f"--user-data-dir={profile}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._driver = webdriver.Chrome(options=options, service=Service(executable_path=str(DRIVER)))
        self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _KEEP})

    def open(self, url: str) -> None:
        self._driver.get(url)

    def types(self, keys: str) -> None:
        """Into the terminal, which has the keyboard's attention."""
        self._driver.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys(keys)

    def screen(self) -> str:
        """The lines of the terminal as they are now; empty before there is one."""
        return "\n".join(self._driver.execute_script(_READ))

    def is_closed(self) -> bool:
        """Whether the page says that its session is over."""
        return bool(self._driver.execute_script("return document.body.classList.contains('-closed')"))

    def resize(self, width: int, height: int) -> None:
        """In pixels, of the whole window."""
        self._driver.set_window_size(width, height)

    def size(self) -> tuple[int, int]:
        """Of the terminal, in cells."""
        columns, rows = self._driver.execute_script("return [window.drawn.cols, window.drawn.rows]")
        return columns, rows

    def complaints(self) -> list[str]:
        """What the page wrote to its console as an error, such as what its policy forbade."""
        return [one["message"] for one in self._driver.get_log("browser") if one["level"] == "SEVERE"]

    def asked(self) -> list[str]:
        """Every address that the page asked for, since this was last called."""
        entries = [json.loads(one["message"])["message"] for one in self._driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in entries if one["method"] == "Network.requestWillBeSent"]

    def picture(self, to: Path) -> None:
        """A PNG of the page."""
        self._driver.save_screenshot(str(to))

    def colours(self) -> int:
        """How many colours are in what is drawn: a canvas that was never painted has one."""
        script = (
            "const seen = new Set();"
            "for (const one of document.querySelectorAll('canvas')) {"
            "  const flat = document.createElement('canvas'); flat.width = one.width; flat.height = one.height;"
            "  const to = flat.getContext('2d'); to.drawImage(one, 0, 0);"
            "  if (!one.width || !one.height) continue;"
            "  const dots = new Uint32Array(to.getImageData(0, 0, one.width, one.height).data.buffer);"
            "  for (const dot of dots) seen.add(dot);"
            "} return seen.size;"
        )
        return int(self._driver.execute_script(script))

    def close(self) -> None:
        """End the browser."""
        self._driver.quit()
