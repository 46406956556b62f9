"""One file for all samples: parsed when the first label is asked for, and never again, also where it is broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from pytest_vizart.errors import GoldenFormatError

T = TypeVar("T")


def parsed_once(shared: dict[Any, Any], key: object, parse: Callable[[], T]) -> T:
    """Return what `parse` returned the first time; GoldenFormatError, the same for each sample, if it raised one."""
    if key not in shared:
        try:
            shared[key] = parse()
        except GoldenFormatError as error:
            shared[key] = error
    found: T | GoldenFormatError = shared[key]
    if isinstance(found, GoldenFormatError):
        raise copy.copy(found)  # without the tracebacks piling up
    return found
