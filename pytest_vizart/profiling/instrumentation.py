"""Stages without a `with` block: the `profile` decorator, and functions watched by name.

This module is imported by production code: it stays light, and costs next to nothing until a run is active.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pytest_vizart.errors import UsageError

if TYPE_CHECKING:
    from pytest_vizart.profiling.recorder import Recorder

F = TypeVar("F", bound=Callable[..., Any])

_active: list[Recorder] = []
"""Recorders of the runs under way, innermost last."""


@contextmanager
def activated(recorder: Recorder) -> Iterator[None]:
    """Let decorated and watched functions record into this recorder meanwhile."""
    _active.append(recorder)
    try:
        yield
    finally:
        _active.remove(recorder)


@overload
def profile(target: F, /) -> F: ...
@overload
def profile(target: str | None = None, /) -> Callable[[F], F]: ...
def profile(target: Any = None, /) -> Any:
    """Make a function a stage: `@profile`, or `@profile("detect")` for a name of its own.

    While no run is active the function is called straight through.
    """
    if callable(target):
        return _staged(target, target.__name__)

    def decorate(function: Any) -> Any:
        return _staged(function, target or function.__name__)

    return decorate


def _staged(function: Any, name: str) -> Any:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            if not _active:
                return await function(*args, **kwargs)
            with _active[-1].stage(name) as stage:
                return stage.output(await function(*args, **kwargs))

        return run_async

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        if not _active:
            return function(*args, **kwargs)
        with _active[-1].stage(name) as stage:
            return stage.output(function(*args, **kwargs))

    return run


@contextmanager
def watched(targets: Iterable[str]) -> Iterator[None]:
    """Make the functions named by "package.module:function" or "package.module:Class.method" stages meanwhile.

    A stage bears the last part of its path. Everything is as before afterwards.

    Raises:
        UsageError: a name that leads to nothing callable.
    """
    with ExitStack() as undo:
        for target in targets:
            owner, attribute = _resolve(target)
            original = inspect.getattr_static(owner, attribute)
            own = attribute in vars(owner)
            setattr(owner, attribute, _wrapped_descriptor(original, getattr(owner, attribute), attribute))
            if own:
                undo.callback(setattr, owner, attribute, original)
            else:  # inherited: taking the attribute away uncovers the base class's again
                undo.callback(delattr, owner, attribute)
        yield


def _wrapped_descriptor(original: Any, bound: Any, name: str) -> Any:
    if isinstance(original, staticmethod):
        return staticmethod(_staged(original.__func__, name))
    if isinstance(original, classmethod):
        return classmethod(_staged(original.__func__, name))
    return _staged(original if inspect.isfunction(original) else bound, name)


def _resolve(target: str) -> tuple[Any, str]:
    def failure(problem: str, found: object) -> UsageError:
        return UsageError(
            problem,
            place=f"vizart_stages({target!r})",
            expected='"package.module:function" or "package.module:Class.method"',
            found=found,
            hint="the name must lead to a function that can be imported",
        )

    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise failure("this does not name a function", target)
    try:
        owner: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise failure(f"the module cannot be imported ({error})", module_name) from error
    *parents, attribute = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
    if not callable(getattr(owner, attribute, None)):
        raise failure("no such function", path)
    return owner, attribute
