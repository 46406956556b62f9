"""Watches: functions and pipelines whose calls are stages for a while, without a change to them."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from pytest_vizart.errors import UsageError, warn
from pytest_vizart.profiling.watching.active import at_end, not_at_end
from pytest_vizart.profiling.watching.forwarding import Begin, Span
from pytest_vizart.profiling.watching.instrumentation import stage_start
from pytest_vizart.profiling.watching.modules import LoadedModules
from pytest_vizart.profiling.watching.patches import Place, Undo, attach
from pytest_vizart.profiling.watching.places import InClass, InModules, method_place
from pytest_vizart.profiling.watching.shapes import Part, parts_named, parts_of
from pytest_vizart.profiling.watching.shapes.functions import FunctionShape
from pytest_vizart.profiling.watching.staging import stage_name_of

if TYPE_CHECKING:
    from pytest_vizart.profiling.recording.recorder import Recorder

Keep = Callable[[Any], None]

_MARKER = "vizart_stages"

_entered: ContextVar[tuple[_Entry, ...]] = ContextVar("vizart_entered", default=())


class Watch:
    """Makes the calls of what it watches stages, from `start` to `stop`; `with` does both. Each may be called twice.

    Args:
        parts: what is measured, and where.
        namespace: names of a module that is not imported as others are, and may hold watched functions too.
        keep: by name of a stage, who gets every output of it.
        asker: what the user called, for messages.
        recorder: with whose run the watch ends at the latest.
        targets: names that child processes of the run are to watch as well.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        namespace: dict[str, Any] | None = None,
        keep: Mapping[str, Keep] | None = None,
        asker: str = "watch",
        recorder: Recorder | None = None,
        targets: tuple[str, ...] = (),
    ) -> None:
        self._parts = tuple(parts)
        self._namespace = namespace
        self._keep = keep or {}
        self._asker = asker
        self._recorder = recorder
        self._targets = targets
        self._undo: list[Undo] = []
        self._started = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages."""
        return tuple(part.name for part in self._parts)

    def start(self) -> Watch:
        """Begin to measure.

        Raises:
            UsageError: something cannot be replaced; then nothing is.
        """
        if self._started:
            return self
        modules = LoadedModules(self._namespace)
        try:
            for part in self._parts:
                for place in part.places:
                    self._undo.append(attach(place, _begin(part, place, self._keep.get(part.name)), modules))
        except BaseException as error:
            if isinstance(error, UsageError):
                error.place = error.place or f"{self._asker}({part.name!r})"
            self._put_back()
            raise
        self._started = True
        if self._recorder is not None:
            self._recorder.watch_targets += self._targets
            at_end(self._recorder, self.stop)
        return self

    def stop(self) -> None:
        """Put everything back, unless another watch needs it still."""
        if not self._started:
            return
        self._started = False
        self._put_back()
        if self._recorder is not None:
            left = Counter(self._recorder.watch_targets) - Counter(self._targets)
            self._recorder.watch_targets = tuple(left.elements())
            not_at_end(self._recorder, self.stop)

    def __enter__(self) -> Watch:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _put_back(self) -> None:
        modules = LoadedModules(self._namespace)
        while self._undo:
            try:
                self._undo.pop()(modules)
            except Exception as error:  # noqa: BLE001 - the user's containers and classes may refuse
                warn(f"a watched function cannot be put back: {type(error).__name__}: {error}")


def instrumented(targets: tuple[Any, ...], recorder: Recorder | None = None) -> Watch:
    """Watch functions and pipelines from now on, until the watch is stopped or the run of this recorder ends.

    Args:
        targets: "package.module:function", "package.module:Class.method", functions, and pipelines of known shapes.

    Raises:
        UsageError: a target that cannot be watched; then nothing is.
    """
    if not targets:
        raise UsageError("there is nothing to watch", place="watch()", expected="a pipeline, a function or its name")
    parts = [part for target in targets for part in _parts_of_target(target)]
    names = tuple(target for target in targets if isinstance(target, str))
    return Watch(parts, recorder=recorder, targets=names).start()


def watch_names(targets: tuple[str, ...]) -> None:
    """Watch functions by name for as long as this process lives: what child processes of a run do."""
    Watch([part for target in targets for part in named_parts(target, _MARKER)], asker=_MARKER).start()


def _parts_of_target(target: Any) -> list[Part]:
    if isinstance(target, str):
        return named_parts(target, "watch")
    try:
        return parts_of(target)
    except UsageError as error:
        error.place = error.place or "watch()"
        raise


def named_parts(target: str, asker: str) -> list[Part]:
    """Return what the name "package.module:function" or "package.module:Class.method" leads to, as stages.

    A stage bears the last part of the path. A name that leads to a pipeline of a known shape leads to its stages too.

    Args:
        asker: the marker or method it was given to, for the message.

    Raises:
        UsageError: a name that leads to nothing that can be watched.
    """
    try:
        owner, name, value = _resolve(target)
        decorated = stage_name_of(value)
        if decorated is not None:
            return [Part(decorated, value, ())]  # it is one already
        if isinstance(owner, type):
            if not callable(value) and not isinstance(value, property):
                raise _no_stage("this is no function", target)
            return [Part(name, value, (InClass(owner, name),))]
        if FunctionShape().fits(value):
            place = InModules(value, name) if isinstance(owner, ModuleType) else method_place(owner, name)
            return [Part(name, value, (place,))]
        return parts_named(name, value)
    except UsageError as error:
        error.place = f"{asker}({target!r})"
        error.hint = error.hint or "the name must lead to a function or method that can be imported and replaced"
        raise


def _resolve(target: str) -> tuple[Any, str, Any]:
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise _no_stage("this does not name a function", target)
    try:
        owner: Any = importlib.import_module(module_name)
    except Exception as error:
        problem = f"the module cannot be imported ({type(error).__name__}: {error})"
        raise _no_stage(problem, module_name) from error
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
    value = getattr(owner, name, None)
    if value is None:
        raise _no_stage("no such function", path)
    if isinstance(value, type):
        raise _no_stage("this is a class", path)
    return owner, name, value


def _no_stage(problem: str, found: object) -> UsageError:
    return UsageError(problem, expected='"package.module:function" or "package.module:Class.method"', found=found)


def _begin(part: Part, place: Place, keep: Keep | None) -> Begin:
    start = stage_start(part.name)
    if len(part.places) == 1 and keep is None:
        return start

    def begin(first: Any) -> Span | None:
        if any(entry.of is part.of and entry.key != place.key for entry in _entered.get()):
            return None  # one method of the same stage calls another one
        span = start(first)
        return None if span is None else _WatchedSpan(span, _Entry(part.of, place.key), keep)

    return begin


class _Entry:
    """One method of a stage, being run."""

    __slots__ = ("key", "of")

    def __init__(self, of: Any, key: tuple[object, ...]) -> None:
        self.of = of
        self.key = key


class _WatchedSpan:
    """A span that is known to be of one of several methods, or whose output somebody waits for."""

    __slots__ = ("_entry", "_keep", "measured")

    def __init__(self, measured: Span, entry: _Entry, keep: Keep | None) -> None:
        self.measured = measured
        self._entry = entry
        self._keep = keep

    def __enter__(self) -> _WatchedSpan:
        _entered.set((*_entered.get(), self._entry))
        self.measured.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.measured.__exit__(kind, error, trace)
        _entered.set(tuple(entry for entry in _entered.get() if entry is not self._entry))

    def output(self, value: Any, /) -> Any:
        if self._keep is not None:
            self._keep(value)
        return self.measured.output(value)
