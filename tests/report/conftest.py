"""A real browser for the report, where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.records.run import SessionResult, TrendPoint
from pytest_vizart.report.html import write_report

GENERATED_AT = datetime(2025, 10, 9, 9, 0, tzinfo=UTC)
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)
_WATCH = """
window.alerts = 0; window.alert = () => { window.alerts += 1; };
window.faults = []; addEventListener("error", (event) => window.faults.push(event.message));
addEventListener("unhandledrejection", (event) => window.faults.push(String(event.reason)));
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for switch in _SWITCHES:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
    yield chrome
    chrome.quit()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Write a report, open it from its file, and say afterwards that nothing went wrong in it."""

    def open_report(
        result: SessionResult, trends: tuple[TrendPoint, ...] = (), *, width: int = 1280, state: str = ""
    ) -> Any:
        path = tmp_path / "report.html"
        write_report(path, result, trends, generated_at=GENERATED_AT)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chromium.get("about:blank")
        chromium.get_log("browser")
        chromium.get(path.as_uri() + state)
        return chromium

    yield open_report
    assert chromium.execute_script("return window.faults") == []
    assert chromium.execute_script("return window.alerts") == 0
    assert [entry["message"] for entry in chromium.get_log("browser")] == []
