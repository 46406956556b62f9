from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import loguru
import pytest
from loguru import _logger as loguru_module

from pytest_vizart.audit.line_logger import line_logger


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def logger(records: list[dict[str, Any]]) -> loguru.Logger:
    made = line_logger()
    made.add(lambda message: records.append(message.record), format="{message}", level=0)
    return made


@pytest.fixture
def in_nepal(monkeypatch: pytest.MonkeyPatch) -> Iterator[timedelta]:
    if not hasattr(time, "tzset"):
        pytest.skip("the zone cannot be set")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "NPT-5:45")
        time.tzset()
        yield timedelta(hours=5, minutes=45)
    time.tzset()


def test_records_are_those_of_loguru(logger: loguru.Logger, records: list[dict[str, Any]]) -> None:
    reference = loguru_module.Logger(
        logger._core, None, 0, False, False, False, True, False, [], {}  # type: ignore[attr-defined]
    )  # fmt: skip
    for each in (logger, reference):
        each.bind(run_id="r1").log("WARNING", "{half <red>")
    ours, theirs = records
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"time", "elapsed", "level", "file", "thread", "process"}:
        assert ours[name] == theirs[name], name
    for name in ("level", "file", "thread", "process"):
        assert repr(ours[name]) == repr(theirs[name])
    assert (ours["function"], ours["module"]) == ("test_records_are_those_of_loguru", "test_line_logger")
    assert timedelta(0) <= theirs["time"] - ours["time"] < timedelta(seconds=10)
    assert timedelta(0) <= theirs["elapsed"] - ours["elapsed"] < timedelta(seconds=10)


def test_what_is_bound_is_added_to_what_was(logger: loguru.Logger, records: list[dict[str, Any]]) -> None:
    of_run = logger.bind(run_id="r1")
    of_run.bind(test="test_x", run_id="r2").info("both")
    of_run.info("one")
    logger.info("none")
    assert [record["extra"] for record in records] == [{"run_id": "r2", "test": "test_x"}, {"run_id": "r1"}, {}]


def test_only_this_loggers_records_are_in_utc(
    logger: loguru.Logger, records: list[dict[str, Any]], in_nepal: timedelta
) -> None:
    theirs: list[dict[str, Any]] = []
    handler = loguru.logger.add(lambda message: theirs.append(message.record), format="{message}")
    try:
        before = datetime.now(UTC)
        logger.bind(run_id="r1").info("ours")
        loguru.logger.info("theirs")
    finally:
        loguru.logger.remove(handler)
    assert [record["message"] for record in records] == ["ours"]
    assert [record["message"] for record in theirs] == ["theirs"]
    assert (records[0]["time"].utcoffset(), theirs[0]["time"].utcoffset()) == (timedelta(0), in_nepal)
    assert before <= records[0]["time"] <= theirs[0]["time"] <= datetime.now(UTC)
