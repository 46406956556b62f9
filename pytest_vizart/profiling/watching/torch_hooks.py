"""A torch module's forward pass as a stage, by hooks: torch's own way, which copies of a module survive."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from threading import get_ident
from types import FrameType
from typing import Any, NamedTuple

from pytest_vizart.profiling.watching.forwarding import Span
from pytest_vizart.profiling.watching.modules import LoadedModules
from pytest_vizart.profiling.watching.patches import Patch, Undo
from pytest_vizart.profiling.watching.places import cannot_be_replaced


class InModule:
    """The calls of one `torch.nn.Module`."""

    instance = None

    def __init__(self, module: Any) -> None:
        self._module = module

    @property
    def key(self) -> tuple[object, ...]:
        return "torch", id(self._module)

    def replace(self, patch: Patch, modules: LoadedModules) -> Undo:
        module, calls = self._module, _Calls(patch)
        before, after = _Hook(calls.begin), _Hook(calls.end)
        try:
            handles = [module.register_forward_pre_hook(before), _register_last(module, after)]
        except Exception as error:  # noqa: BLE001 - whatever a subclass thinks of hooks
            raise cannot_be_replaced(type(module).__name__, f"it takes no hooks: {error}") from None

        def undo(_modules: LoadedModules) -> None:
            for handle in handles:
                handle.remove()
            calls.abandon()

        return undo


class _Hook:
    """A hook that a copy or a pickled module does not take along."""

    def __init__(self, act: Callable[..., None]) -> None:
        self._act = act

    def __call__(self, module: Any, given: Any, output: Any = None) -> None:
        self._act(module, output)

    def __reduce__(self) -> tuple[Any, ...]:
        # What takes any arguments, does nothing, and is there where this package is not installed.
        return getattr, (nullcontext(), "__exit__")


class _OpenCall(NamedTuple):
    span: Span
    frame: FrameType | None
    error: BaseException | None  # what was being handled when the call began


class _Calls:
    """The calls of a module that are under way, in each thread.

    torch calls the second hook when the module has returned or raised an Exception. When something else leaves it, such
    as SystemExit or a timeout by signal, its call is found open by the next one, or by the end of the watch.
    """

    def __init__(self, patch: Patch) -> None:
        self._patch = patch
        self._open: dict[int, list[_OpenCall]] = {}

    def begin(self, module: Any, _output: Any) -> None:
        if _is_compiling():
            return
        span = self._patch.begin(module)
        if span is None:
            return
        frame = _calling_frame()
        calls = self._open.setdefault(get_ident(), [])
        while calls and not _is_running(calls[-1].frame, frame):
            _close(calls.pop(), BaseException())
        span.__enter__()
        calls.append(_OpenCall(span, frame, sys.exception()))

    def end(self, _module: Any, output: Any) -> None:
        if _is_compiling():
            return
        calls = self._open.get(get_ident(), [])
        frame = _calling_frame()
        if all(call.frame is not frame for call in calls):
            return
        while calls[-1].frame is not frame:
            _close(calls.pop(), BaseException())
        call = calls.pop()
        error = sys.exception()
        error = None if error is call.error else error
        if error is None:
            call.span.output(output)
        _close(call, error)

    def abandon(self) -> None:
        """Close what is open still: the hooks that would have are gone."""
        for calls in self._open.values():
            while calls:
                _close(calls.pop(), sys.exception() or BaseException())
        self._open.clear()


def _close(call: _OpenCall, error: BaseException | None) -> None:
    call.span.__exit__(None if error is None else type(error), error, None)


def _register_last(module: Any, hook: _Hook) -> Any:
    try:
        return module.register_forward_hook(hook, always_call=True)
    except TypeError:  # torch before 2.1
        return module.register_forward_hook(hook)


def _calling_frame() -> FrameType | None:
    """The frame of the module's call, the same for both hooks."""
    frame: FrameType | None = sys._getframe(3)  # this function, begin or end, _Hook.__call__
    if frame is not None and frame.f_code.co_name == "inner":
        frame = frame.f_back
    return frame


def _is_running(frame: FrameType | None, here: FrameType | None) -> bool:
    while here is not None and here is not frame:
        here = here.f_back
    return here is not None


def _is_compiling() -> bool:
    # torch.compile follows hooks into the code it makes; it takes this question for answered, and leaves the rest out.
    compiler = getattr(sys.modules.get("torch"), "compiler", None)
    return compiler is not None and bool(compiler.is_compiling())
