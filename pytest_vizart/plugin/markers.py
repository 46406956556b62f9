"""From the markers of an item to what they demand."""

from __future__ import annotations

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.gating.limits import AccuracyLimit, LatencyLimit, MemoryLimit
from pytest_vizart.workflow.judge import Limits


def check_markers(item: pytest.Item) -> None:
    """Refuse markers that nothing would look at, and arguments that cannot be meant, before any test runs.

    Raises:
        pytest.UsageError: naming the test and the argument.
    """
    try:
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
        raise pytest.UsageError(f"{item.nodeid}: {error}") from None


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
