"""Functions that measure their own calls: what `profile` and watches put in the place of a function.

`begin(first)` decides at each call what is measured: it gets the first positional argument (in a method the instance;
None without one) and returns the span of a stage, not entered yet, or None to let the call pass.

Production code imports this module: it stays light.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from operator import getitem
from types import FunctionType, MethodType
from typing import Any

from pytest_vizart.profiling.watching.active import active_recorders
from pytest_vizart.profiling.watching.forwarding import Begin, forwarding
from pytest_vizart.profiling.watching.resuming import RESUMED_KINDS


def staged(function: Any, begin: Begin, *, name: str | None = None, portable: bool = False) -> Any:
    """Return a callable that does what `function` does and measures its calls.

    It is of the same kind (function, coroutine function, generator function, asynchronous generator function, or an
    object with the attributes of the original), takes the same arguments, and raises the same exceptions.

    Args:
        name: the stage's name, if the function is one for good.
        portable: it must copy and pickle as the original does, also where it is not found under the original's name.
    """
    made: Any
    build = next((build for flag, build in RESUMED_KINDS if _flags(function) & flag), None)
    if build is not None:
        made = build(function, begin)
        if not isinstance(function, FunctionType | MethodType | functools.partial):
            made = StagedCallable(function, made)
    elif isinstance(function, FunctionType) and not portable:
        made = forwarding(function, begin)
    else:
        binds = hasattr(type(function), "__get__") and not isinstance(function, MethodType) and not portable
        made = (_StagedMethod if binds else StagedCallable)(function, _calling(function, begin))
    if isinstance(made, StagedCallable):
        made._vizart_made = (function, name)
    else:
        _made[made] = (function, name)
    return made


def original_of(value: Any) -> Any:
    """Return what a watch has replaced by this value; the value itself if no watch made it."""
    function, name = _made_of(value)
    return value if function is None or name is not None else function


def stage_name_of(value: Any) -> str | None:
    """Return the name of the stage that this function is for good, None if it is none."""
    return _made_of(value.__func__ if isinstance(value, staticmethod | classmethod) else value)[1]


def _made_of(value: Any) -> tuple[Any, str | None]:
    if isinstance(value, StagedCallable):
        return value._vizart_made
    return _made.get(value, _NOT_OURS) if isinstance(value, FunctionType) else _NOT_OURS


class StagedCallable:
    """Stands in the place of a callable object and has its attributes. Compares, copies and pickles as the original."""

    __slots__ = ("__dict__", "__weakref__", "_vizart_made")

    _vizart_made: tuple[Any, str | None]  # as in `_made`

    def __init__(self, original: Any, run: Callable[..., Any]) -> None:
        self._vizart_made = _NOT_OURS
        self.__wrapped__ = original
        self.__doc__ = getattr(original, "__doc__", None)
        self._vizart_run = run
        self._vizart_name: str | None = None

    def stands_in(self, module: str, name: str) -> None:
        """Pickle by this name, under which the original cannot be found meanwhile."""
        self.__module__, self._vizart_name = module, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return self._vizart_run(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __eq__(self, other: object) -> bool:
        return bool(self.__wrapped__ == (other.__wrapped__ if isinstance(other, StagedCallable) else other))

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = self._vizart_name
        if name is not None and getattr(sys.modules.get(self.__module__), name, None) is self:
            return name
        return getitem, ((self.__wrapped__,), 0)  # the original, also where this package is not installed


class _StagedMethod(StagedCallable):
    """In a class it becomes a method, as its original does."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)


# What `staged` made, with its original and the name if it is a stage for good. Not kept as an attribute: a decorator
# that is applied over ours would copy it.
_made: weakref.WeakKeyDictionary[Any, tuple[Any, str | None]] = weakref.WeakKeyDictionary()


_NOT_OURS = (None, None)


def _flags(function: Any) -> int:
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, MethodType):
        function = function.__func__
    if not isinstance(function, FunctionType):
        function = getattr(type(function), "__call__", None)  # noqa: B004 - its code is asked for
    return function.__code__.co_flags if isinstance(function, FunctionType) else 0


def _calling(function: Any, begin: Begin) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        span = begin(args[0] if args else None) if active_recorders else None
        if span is None:
            return function(*args, **kwargs)
        with span:
            return span.output(function(*args, **kwargs))

    return run
