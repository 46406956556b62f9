"""The lines at the end of the terminal's output."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_vizart.plugin.keys import AWAKE
from pytest_vizart.report.terminal import summary_lines

_MARKUP: dict[str, dict[str, bool]] = {
    "title": {"bold": True},
    "pass": {"green": True},
    "fail": {"red": True},
    "warn": {"yellow": True},
    "info": {},
}


def write_summary(reporter: Any, config: pytest.Config) -> None:
    """Write what the session measured and judged."""
    session = config.stash[AWAKE]
    if session.result is None or not session.result.runs:
        return
    reporter.section("vizart")
    settings = session.settings
    lines = summary_lines(
        session.result,
        report_path=settings.report if settings.report in session.written else None,
        json_path=settings.json if settings.json in session.written else None,
        verbose=config.get_verbosity() > 0,
        width=reporter._tw.fullwidth,
    )
    for role, text in lines:
        reporter.write_line(text, **_MARKUP[role])
    for text in session.upkeep:
        reporter.write_line(text)
