"""A real browser: log in, see the gauges, submit a job, find it in the queue; the page itself asks nobody else."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

chromium = pytest.importorskip("tests.e2e.web.chromium", reason="selenium is not installed")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (chromium.BROWSER and chromium.DRIVER),
        reason="needs Debian's packages chromium and chromium-driver",
    ),
]
PASSWORD = "correct horse"
_BROWSERS_OWN = ("chrome:", "chrome-untrusted:", "chrome-extension:", "data:")
"""What was there before the page came."""
Until = Callable[[Callable[[], object]], Any]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    opened = chromium.Chromium(tmp_path / "profile")
    yield opened
    opened.close()


def test_log_in_see_gauges_submit_and_find_the_job(
    engine: Any, admin: Any, serve: Any, browser: Any, until: Until
) -> None:
    ann = engine.someone(admin, "ann", "vision")
    site = serve(engine)
    browser.open(site.url)
    until(lambda: "Password" in browser.screen())
    browser.types("ann\ue007wrong\ue007")
    until(lambda: "Wrong name or password" in browser.screen())
    browser.types(f"{PASSWORD}\ue007")
    until(lambda: browser.screen().count("°C") >= 2)
    assert "memory" in browser.screen()
    assert browser.colours() > 8, "drawn, not only told"
    assert ann.refusal("GET", "/v1/me") == "UNAUTHENTICATED", "one session for each account, in a browser, too"

    browser.types("s")
    until(lambda: "Submit a job" in browser.screen())
    browser.types("sleep 600 # seen-in-a-browser\ue007")
    until(lambda: "Submit a job" not in browser.screen())
    until(lambda: "sleep 600" in browser.screen())
    (row,) = admin.get("/v1/jobs", state="pending,scheduled,running")["items"]
    job = admin.job(row["id"])
    assert "seen-in-a-browser" in job["script"]
    assert job["workdir"] is None, "the folder of whoever serves is not a visitor's"


def test_the_page_fits_its_window_and_asks_nobody_else(
    engine: Any, admin: Any, serve: Any, browser: Any, until: Until
) -> None:
    site = serve(engine)
    browser.open(site.url)
    until(lambda: "Password" in browser.screen())
    wide = browser.size()
    browser.resize(700, 500)
    until(lambda: browser.size()[0] < wide[0])
    until(lambda: "Password" in browser.screen())
    asked = browser.asked()
    assert f"{site.url}/static/js/textual.js" in asked
    assert [url for url in asked if not url.startswith((site.url, *_BROWSERS_OWN))] == []
    assert browser.complaints() == []
    browser.types("\ue009q")
    until(browser.is_closed)
    until(lambda: not site.sessions())
