"""Which items share a run, and what it is called."""

from __future__ import annotations

from typing import Any

import pytest


def shared_test_id(item: pytest.Item) -> str | None:
    """Return the node ID of the function whose items share a run, None for a test with a run of its own."""
    if "golden_sample" not in getattr(item, "fixturenames", ()):
        return None
    return f"{item.nodeid.removesuffix(item.name)}{shared_name(item)}"


def shared_name(item: pytest.Item) -> str:
    """Return the name of the items that share a run: the function, with the parameters other than the sample."""
    function = getattr(item, "originalname", None) or item.name.partition("[")[0]
    call = item.callspec  # type: ignore[attr-defined]  # there, since golden_sample is a parameter
    others = [_parameter_id(name, value, call) for name, value in call.params.items() if name != "golden_sample"]
    return f"{function}[{'-'.join(others)}]" if others else str(function)


def _parameter_id(name: str, value: object, call: Any) -> str:
    return str(value) if isinstance(value, str | int | float | bool | None) else f"{name}{call.indices[name]}"
