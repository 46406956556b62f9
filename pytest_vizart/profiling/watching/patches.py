"""Values replaced by something that measures their calls, and put back.

Several watches may replace the same value, and end in any order. They share one replacement: the first puts it in,
the last takes it out. Of two that name it differently, the earlier one names the stage, so that a call is one stage.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from pytest_vizart.profiling.watching.forwarding import Begin, Span
from pytest_vizart.profiling.watching.modules import LoadedModules

Undo = Callable[[LoadedModules], None]


class Place(Protocol):
    """Where something callable stands and can be replaced."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for two places that are the same."""
        ...

    @property
    def instance(self) -> object | None:
        """Whose calls alone are meant, of a method that others have too; None for all calls."""
        ...

    def replace(self, patch: Patch, modules: LoadedModules) -> Undo:
        """Put something in that asks `patch.begin` at every call, and return what undoes it.

        Raises:
            UsageError: it cannot be replaced.
        """
        ...


class Patch:
    """What is measured at one place, on behalf of all watches of it."""

    def __init__(self) -> None:
        self.undo: Undo = _nothing
        self._everyone: list[Begin] = []
        self._instances: dict[int, tuple[object, list[Begin]]] = {}

    def begin(self, first: Any) -> Span | None:
        """Return the span of a call whose first positional argument this is."""
        of_one = self._instances.get(id(first))
        begins = self._everyone if of_one is None else of_one[1]
        return begins[0](first) if begins else None

    def concerns(self, instance: object) -> bool:
        return bool(self._everyone) or id(instance) in self._instances

    def add(self, instance: object | None, begin: Begin) -> None:
        if instance is None:
            self._everyone = [*self._everyone, begin]
        else:
            # The instance is kept with its number, which another object could get otherwise.
            _, begins = self._instances.get(id(instance), (None, []))
            self._instances[id(instance)] = (instance, [*begins, begin])

    def remove(self, instance: object | None, begin: Begin) -> None:
        if instance is None:
            self._everyone = [one for one in self._everyone if one is not begin]
            return
        left = [one for one in self._instances[id(instance)][1] if one is not begin]
        if left:
            self._instances[id(instance)] = (instance, left)
        else:
            del self._instances[id(instance)]

    @property
    def unused(self) -> bool:
        return not (self._everyone or self._instances)

    def __reduce__(self) -> tuple[Any, ...]:
        return Patch, ()  # nothing is watched where it is unpickled


def attach(place: Place, begin: Begin, modules: LoadedModules) -> Undo:
    """Measure the calls of what stands at a place, and return what ends it; that may be called twice.

    Raises:
        UsageError: it cannot be replaced.
    """
    with _lock:
        patch = _patches.get(place.key)
        if patch is None:
            patch = Patch()
            patch.undo = place.replace(patch, modules)
            _patches[place.key] = patch
        patch.add(place.instance, begin)

    def detach(modules: LoadedModules) -> None:
        nonlocal patch
        with _lock:
            if patch is None:
                return
            patch.remove(place.instance, begin)
            if patch.unused:
                del _patches[place.key]
                patch.undo(modules)
            patch = None

    return detach


_lock = threading.RLock()
_patches: dict[tuple[object, ...], Patch] = {}


def _nothing(_modules: LoadedModules) -> None:
    return None
