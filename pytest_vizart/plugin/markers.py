"""From the markers of an item to what they demand."""

from __future__ import annotations

from difflib import get_close_matches

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.gating.limits import AccuracyLimit, LatencyLimit, MemoryLimit
from pytest_vizart.workflow.judge import Limits

_KNOWN = ("vizart_golden", "vizart_accuracy", "vizart_latency", "vizart_memory", "vizart_stages")


class RefusedMarkers:
    """Registered when there are any: a test with a marker that cannot be meant ends in its setup; the others run."""

    def __init__(self, problems: dict[str, str]) -> None:
        self._problems = problems

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.nodeid in self._problems:
            pytest.fail(self._problems[item.nodeid], pytrace=False)


def refuse_wrong_markers(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Find markers that nothing would look at, and arguments that cannot be meant, before any test runs."""
    problems = {item.nodeid: problem for item in items if (problem := marker_problem(item)) is not None}
    if problems:
        config.pluginmanager.register(RefusedMarkers(problems))


def marker_problem(item: pytest.Item) -> str | None:
    """Return what is wrong with the markers of an item, naming the argument; None if nothing is."""
    try:
        _refuse_unknown(item)
        limits_of(item)
        dataset_name(item)
        watched_names(item)
        if "vizart_run" not in getattr(item, "fixturenames", ()):
            raise UsageError(
                "this test has vizart markers, but does not use the vizart_run fixture, so nothing would be judged",
                expected="vizart_run among the test's arguments",
                hint="add vizart_run, or remove the markers",
            )
    except UsageError as error:
        return str(error)
    return None


def _refuse_unknown(item: pytest.Item) -> None:
    for mark in item.iter_markers():
        if mark.name.startswith("vizart_") and mark.name not in _KNOWN:
            close = get_close_matches(mark.name, _KNOWN, n=1)
            raise UsageError(
                "unknown marker",
                expected=", ".join(_KNOWN),
                found=mark.name,
                hint=f"did you mean {close[0]}?" if close else "mind the spelling",
            )


def limits_of(item: pytest.Item) -> Limits:
    """Return the limits of an item's markers, closest marker first."""
    return Limits(
        accuracy=tuple(
            AccuracyLimit.from_marker(mark.args, mark.kwargs) for mark in item.iter_markers("vizart_accuracy")
        ),
        latency=tuple(LatencyLimit.from_marker(mark.args, mark.kwargs) for mark in item.iter_markers("vizart_latency")),
        memory=tuple(MemoryLimit.from_marker(mark.args, mark.kwargs) for mark in item.iter_markers("vizart_memory")),
    )


def dataset_name(item: pytest.Item) -> str | None:
    """Return the name that the closest `vizart_golden` gives, None without one."""
    mark = item.get_closest_marker("vizart_golden")
    if mark is None:
        return None
    if mark.kwargs or len(mark.args) != 1 or not isinstance(mark.args[0], str):
        raise UsageError(
            "wrong arguments",
            place="vizart_golden",
            expected="the name of one dataset",
            found=_shown(mark),
            hint='write @pytest.mark.vizart_golden("coins")',
        )
    return mark.args[0]


def watched_names(item: pytest.Item) -> tuple[str, ...]:
    """Return the functions that `vizart_stages` names."""
    names: list[str] = []
    for mark in item.iter_markers("vizart_stages"):
        if mark.kwargs or not mark.args or not all(isinstance(name, str) and ":" in name for name in mark.args):
            raise UsageError(
                "wrong arguments",
                place="vizart_stages",
                expected='names such as "package.module:function"',
                found=_shown(mark),
                hint='write @pytest.mark.vizart_stages("pipeline:detect")',
            )
        names += mark.args
    return tuple(dict.fromkeys(names))


def _shown(mark: pytest.Mark) -> str:
    parts = [repr(value) for value in mark.args] + [f"{name}={value!r}" for name, value in mark.kwargs.items()]
    return f"({', '.join(parts)})"
