"""Stages that are objects, and pipelines that hold their stages in `.stages`, in a list or in a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.watching.patches import Place
from pytest_vizart.profiling.watching.places import InContainer, method_place
from pytest_vizart.profiling.watching.shapes.base import Child, attribute, has_method, own_name

_WHOLE = ("process", "run", "__call__")
_MIDDLE = ("predict", "infer", "transform", "forward")
# The parts of a stage, as their nested stages are named, and the methods that do them.
_BEFORE = ("preprocess", ("preprocess", "pre_process"))
_INFERENCE = ("predict", ("predict", "infer", "forward"))
_AFTER = ("postprocess", ("postprocess", "post_process"))


class StageObjectShape:
    """An object with a method that does its work: process, run, a call, predict, infer, transform or forward.

    Methods that do a part of it (preprocess, predict, postprocess) are nested stages. If it has such parts and no
    method that calls them, it is called part after part.
    """

    chained = False
    container = False

    def fits(self, value: Any) -> bool:
        return not isinstance(value, type) and any(has_method(value, method) for method in (*_WHOLE, *_MIDDLE))

    def name(self, value: Any) -> str:
        return own_name(value)

    def children(self, value: Any) -> Iterator[Child]:
        main = _main_methods(value)
        for part, method in _parts(value):
            if method not in main:
                yield Child(part, getattr(value, method), spot=method_place(value, method))

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        return tuple(method_place(value, method) for method in _main_methods(value))

    def call(self, value: Any) -> Callable[[Any], Any]:
        main = _main_methods(value)
        if main:
            return value if main[0] == "__call__" else lambda given: getattr(value, main[0])(given)
        methods = [method for _, method in _parts(value)]

        def part_after_part(given: Any) -> Any:
            for method in methods:
                given = getattr(value, method)(given)
            return given

        return part_after_part


class StagesShape(StageObjectShape):
    """An object with `.stages`: a list, tuple or mapping of stages."""

    chained = True
    container = True

    def fits(self, value: Any) -> bool:
        return not isinstance(value, type) and isinstance(attribute(value, "stages"), list | tuple | Mapping)

    def children(self, value: Any) -> Iterator[Child]:
        yield from _entries(value.stages)

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        return super().places(value, spot) if super().fits(value) else ()

    def call(self, value: Any) -> Callable[[Any], Any]:
        if super().fits(value):
            return super().call(value)
        raise not_a_stage(value)


class CollectionShape:
    """A list or tuple of (name, callable) or of stage objects, or a mapping of names to callables."""

    chained = True
    container = True

    def fits(self, value: Any) -> bool:
        return isinstance(value, list | tuple | Mapping)

    def name(self, value: Any) -> str:
        return type(value).__name__

    def children(self, value: Any) -> Iterator[Child]:
        yield from _entries(value)

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        return ()

    def call(self, value: Any) -> Callable[[Any], Any]:
        raise not_a_stage(value)


def not_a_stage(found: Any) -> UsageError:
    return UsageError(
        "this is not a stage",
        expected="(name, callable), or an object with .name and one of process, run, predict, infer, transform, "
        "forward or a call",
        found=found,
        hint="give the steps as [(name, callable), ...]",
    )


def _entries(stages: Any) -> Iterator[Child]:
    if isinstance(stages, Mapping):
        for name, value in stages.items():
            yield Child(name, value, spot=InContainer(stages, name, value))
        return
    for position, entry in enumerate(stages):
        yield _entry(stages, position, entry)


def _entry(stages: Any, position: int, entry: Any) -> Child:
    if isinstance(entry, list | tuple) and len(entry) == 2 and isinstance(entry[0], str):
        name, value = entry
        if isinstance(entry, list):
            return Child(name, value, spot=InContainer(entry, 1, value))
        make = getattr(type(entry), "_make", tuple)  # a named tuple stays one
        return Child(name, value, spot=InContainer(stages, position, value, lambda new: make((name, new))))
    name = attribute(entry, "name")
    if isinstance(name, str):
        return Child(name, entry, spot=InContainer(stages, position, entry))
    raise not_a_stage(entry)


def _parts(value: Any) -> list[tuple[str, str]]:
    """(name of the nested stage, method) of what a stage is made of, in their order."""
    found = []
    for part, methods in (_BEFORE, _INFERENCE, _AFTER):
        method = next((method for method in methods if has_method(value, method)), None)
        if method is not None:
            found.append((part, method))
    return found


def _main_methods(value: Any) -> tuple[str, ...]:
    """The methods of which each is the whole stage; none if it is nothing but its parts."""
    whole = tuple(method for method in _WHOLE if has_method(value, method))
    if whole:
        return whole
    parts = dict(_parts(value))
    middle = next(method for method in _MIDDLE if has_method(value, method))
    others = {method for part, method in parts.items() if part != _INFERENCE[0]}
    alone = _INFERENCE[0] in parts and others and not others & _mentioned(value, middle)
    return () if alone else (middle,)


def _mentioned(value: Any, method: str) -> set[str]:
    """The names that occur in a method's own code: it calls the other parts itself if theirs are among them."""
    function = attribute(type(value), method)
    function = function.__func__ if isinstance(function, MethodType) else function
    return set(function.__code__.co_names) if isinstance(function, FunctionType) else set()
