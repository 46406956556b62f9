"""What pytest loads in every session: options, markers, fixtures. Standard library and pytest only.

Everything else is imported by the first test that uses a fixture of ours; a session with none pays nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from pytest_vizart.options import OPTIONS
from pytest_vizart.plugin.keys import AWAKE, WORKERS

MARKERS = (
    "vizart_golden(name): the golden dataset that this test uses",
    "vizart_accuracy(stage=None, max_drop=None, max_newly_wrong=None, max_newly_missed=None, "
    "max_new_false_positives=None, per_class=None, per_tag=None, correct_when=None, **limits): "
    "limits of a stage's metrics, such as map_50=0.8",
    "vizart_latency(stage=None, median_ms=None, p95_ms=None, p99_ms=None, max_slowdown=None, min_per_second=None): "
    "most time a stage may take",
    "vizart_memory(stage=None, max_rss_mb=None, max_growth_mb=None, max_peak_mb=None, max_leak_mb=None, "
    "max_gpu_mb=None): most memory a stage may take",
    'vizart_stages(*names): functions to measure as stages, "package.module:function" or "package.module:Class.method"',
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vizart", "vizart: accuracy, latency and memory of pipelines")
    for option in OPTIONS:
        if option.switch:
            group.addoption(
                option.flag, dest=option.dest, action="store_const", const=True, default=None, help=option.help
            )
        else:
            group.addoption(
                option.flag,
                dest=option.dest,
                default=None,
                metavar="|".join(option.choices) or option.metavar,
                choices=option.choices or None,
                help=option.help,
                **({} if option.bare is None else {"nargs": "?", "const": option.bare}),
            )
        if option.switch and option.ini == option.dest:
            parser.addini(option.ini, option.help, type="bool", default=None)
        else:
            parser.addini(option.ini, option.help, type="string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    # What was asked for is checked at once; where nothing was, the settings wait for the first test that wants them.
    if any(config.getoption(option.dest) is not None or config.getini(option.ini) for option in OPTIONS):
        from pytest_vizart.plugin.configuration import settings_of

        settings_of(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "golden_sample" in metafunc.fixturenames:
        from pytest_vizart.plugin.items import parametrize

        parametrize(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Markers of classes and modules matter to the tests that use the fixture; a marker of a test's own always does.
    marked = [
        item
        for item in items
        if "vizart_run" in getattr(item, "fixturenames", ())
        or any(mark.name.startswith("vizart_") for mark in item.own_markers)
    ]
    if marked:
        from pytest_vizart.plugin.markers import refuse_wrong_markers

        refuse_wrong_markers(config, marked)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    try:
        return (yield)
    finally:
        if AWAKE in session.config.stash or WORKERS in session.config.stash:
            from pytest_vizart.plugin.items import report_shared_runs

            report_shared_runs(session)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if AWAKE in session.config.stash or WORKERS in session.config.stash:
        from pytest_vizart.plugin.closing import finish_session

        finish_session(session.config)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if AWAKE in config.stash:
        from pytest_vizart.plugin.summary import write_summary

        write_summary(terminalreporter, config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    from pytest_vizart.plugin.workers import introduce

    introduce(node)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    from pytest_vizart.plugin.workers import take_leave

    take_leave(node)


@pytest.fixture
def vizart_run(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The run of this test: stages, samples, predictions. See the README."""
    from pytest_vizart.plugin.fixtures import open_run

    yield from open_run(request)


@pytest.fixture
def golden_dataset(request: pytest.FixtureRequest) -> Any:
    """The golden dataset that `vizart_golden` names, or the only one."""
    from pytest_vizart.plugin.fixtures import open_dataset

    return open_dataset(request)


@pytest.fixture
def golden_sample(request: pytest.FixtureRequest) -> Any:
    """One sample of the golden dataset: the test runs once for each."""
    from pytest_vizart.plugin.fixtures import open_sample

    return open_sample(request)
