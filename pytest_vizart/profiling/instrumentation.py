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
    return _staged(target, name or str(getattr(target, "__name__", type(target).__name__)))


def _staged(function: Any, name: str) -> Any:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            if not _active:
                return await function(*args, **kwargs)
            with _active[-1].stage(name) as stage:
                return stage.output(await function(*args, **kwargs))

        return run_async

    @functools.wraps(function, assigned=[name for name in functools.WRAPPER_ASSIGNMENTS if hasattr(function, name)])
    def run(*args: Any, **kwargs: Any) -> Any:
        if not _active:
            return function(*args, **kwargs)
        with _active[-1].stage(name) as stage:
            return stage.output(function(*args, **kwargs))

    return run


@contextmanager
def watched(targets: Iterable[str], namespace: dict[str, Any] | None = None) -> Iterator[None]:
    """Make the functions named by "package.module:function" or "package.module:Class.method" stages meanwhile.

    A stage bears the last part of its path. Everything is as before afterwards.

    Args:
        targets: the names.
        namespace: names of a module that may have imported the functions, and would go on calling the originals.

    Raises:
        UsageError: a name that leads to nothing callable.
    """
    names = {} if namespace is None else namespace
    with ExitStack() as undo:
        for target in targets:
            owner, attribute = _resolve(target)
            original = inspect.getattr_static(owner, attribute, None)
            own = attribute in vars(owner)
            wrapped = _wrapped_descriptor(original, getattr(owner, attribute), attribute)
            for name in [name for name, value in names.items() if value is original]:
                names[name] = wrapped
                undo.callback(names.__setitem__, name, original)
            try:
                setattr(owner, attribute, wrapped)
            except (AttributeError, TypeError) as error:
                raise _no_stage(target, f"this function cannot be watched ({error})", target) from None
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
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise _no_stage(target, "this does not name a function", target)
    try:
        owner: Any = importlib.import_module(module_name)
    except Exception as error:
        problem = f"the module cannot be imported ({type(error).__name__}: {error})"
        raise _no_stage(target, problem, module_name) from error
    *parents, attribute = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
    function = getattr(owner, attribute, None)
    if not callable(function):
        raise _no_stage(target, "no such function", path)
    if isinstance(function, type):
        raise _no_stage(target, "this is a class", path)
    return owner, attribute


def _no_stage(target: str, problem: str, found: object) -> UsageError:
    return UsageError(
        problem,
        place=f"vizart_stages({target!r})",
        expected='"package.module:function" or "package.module:Class.method"',
        found=found,
        hint="the name must lead to a function or method that can be imported and replaced",
    )
