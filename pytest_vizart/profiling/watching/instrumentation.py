"""Stages without a `with` block: the `profile` decorator, and functions watched by name.

Production code imports this module: it stays light, and costs next to nothing until a run is active.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, overload

from pytest_vizart.errors import UsageError, VizartError, warn
from pytest_vizart.profiling.watching.active import (
    activate,
    activated,
    current_recorder,
    deactivate,
)
from pytest_vizart.profiling.watching.forwarding import Begin, Span
from pytest_vizart.profiling.watching.staging import staged

__all__ = [
    "activate",
    "activated",
    "covering",
    "current_recorder",
    "deactivate",
    "profile",
    "stage_start",
    "watched",
]

F = TypeVar("F", bound=Callable[..., Any])

_refused: set[str] = set()
_covered: ContextVar[str | None] = ContextVar("vizart_covered", default=None)


@overload
def profile(target: F, /) -> F: ...
@overload
def profile(target: str | None = None, /) -> Callable[[F], F]: ...
def profile(target: Any = None, /) -> Any:
    """Make a function a stage: `@profile`, or `@profile("detect")` for a name of its own.

    Functions, methods, static and class methods, coroutine functions, generator functions and other callables can be
    stages. A coroutine's span lasts until it is finished; a generator's from its first item to its end, without what
    happens between its items. While no run is active the function is called straight through.

    Raises:
        UsageError: this is no function, or no name.
    """
    if target is None or isinstance(target, str):
        return lambda function: _decorated(function, target)
    return _decorated(target, None)


def _decorated(target: Any, name: str | None) -> Any:
    if isinstance(target, staticmethod | classmethod):
        return type(target)(_decorated(target.__func__, name))
    if isinstance(target, type) or not callable(target):
        raise UsageError(
            "only functions can be stages",
            place="@profile",
            expected="a function or method",
            found=target,
            hint="decorate the methods of a class, not the class",
        )
    if name is None:
        name = str(getattr(target, "__name__", type(target).__name__))
    elif not name.strip():
        raise UsageError("a stage needs a name", place="@profile", expected="a non-empty string", found=repr(name))
    return staged(target, stage_start(name), name=name)


def stage_start(name: str) -> Begin:
    """Return what begins the spans of one stage, in whichever run is active at that moment. It can be pickled."""
    return partial(_begin, name)


def _begin(name: str, _first: Any, /) -> Span | None:
    recorder = current_recorder()
    if recorder is None or (_covered.get() == name == recorder.open_stage()):
        return None
    try:
        return recorder.stage(name)
    except VizartError as problem:  # a thousand stages already: the function that is measured cannot help it
        if name not in _refused:
            _refused.add(name)
            warn(f"stage {name!r} is not measured: {problem}")
        return None


@contextmanager
def covering(name: str) -> Iterator[None]:
    """Take an instrumented function of this name, called directly inside of the stage, as that stage and no other."""
    token = _covered.set(name)
    try:
        yield
    finally:
        _covered.reset(token)


@contextmanager
def watched(targets: Iterable[str], namespace: dict[str, Any] | None = None) -> Iterator[None]:
    """Make the functions named by "package.module:function" or "package.module:Class.method" stages meanwhile.

    A stage bears the last part of its path. Everything is as before afterwards.

    Args:
        targets: the names.
        namespace: names of a module that is not imported as others are, and may hold the functions too.

    Raises:
        UsageError: a name that leads to nothing that can be watched.
    """
    from pytest_vizart.profiling.watching.watch import Watch, named_parts

    asker = "vizart_stages"
    with Watch([part for name in targets for part in named_parts(name, asker)], asker=asker, namespace=namespace):
        yield


if (_ticket := os.environ.get("PYTEST_VIZART_TICKET")) is not None:  # this program was started inside of a stage
    from pytest_vizart.profiling.processes.children import join_from_environment

    join_from_environment(_ticket)
