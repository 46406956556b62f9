"""Anything that is called as it is: functions, bound methods, partials, classes, ufuncs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from pytest_vizart.profiling.watching.modules import LoadedModules
from pytest_vizart.profiling.watching.patches import Place
from pytest_vizart.profiling.watching.places import InClass, InModules, cannot_be_replaced, is_open, method_place
from pytest_vizart.profiling.watching.shapes.base import Child
from pytest_vizart.profiling.watching.staging import StagedCallable, original_of, stage_name_of

_PLAIN = (FunctionType, BuiltinFunctionType, MethodType, StagedCallable, functools.partial, type)


class FunctionShape:
    """A plain callable is one stage."""

    chained = False
    container = False

    def fits(self, value: Any) -> bool:
        return isinstance(value, _PLAIN) or (callable(value) and not is_open(type(value)))

    def name(self, value: Any) -> str:
        return stage_name_of(value) or str(getattr(value, "__name__", type(value).__name__))

    def children(self, value: Any) -> Iterator[Child]:
        yield from ()

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        if spot is not None:
            return (spot,)
        if isinstance(value, type):
            raise cannot_be_replaced(value.__name__, "this is a class")
        owner = _owner(value)
        if isinstance(value, MethodType) and not LoadedModules().holders(value, value.__name__):
            return (method_place(value.__self__, value.__name__),)
        return (InClass(owner, value.__name__) if owner is not None else InModules(value, self.name(value)),)

    def call(self, value: Any) -> Callable[[Any], Any]:
        called: Callable[[Any], Any] = original_of(value)
        return called


def _owner(function: Any) -> type | None:
    """The class in whose body a function was written, if it is still there."""
    if not isinstance(function, FunctionType) or "." not in function.__qualname__:
        return None
    owner: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split(".")[:-1]:
        owner = getattr(owner, part, None)
    if not isinstance(owner, type):
        return None
    held = vars(owner).get(function.__name__)
    held = held.__func__ if isinstance(held, staticmethod | classmethod) else held
    return owner if original_of(held) is original_of(function) else None
