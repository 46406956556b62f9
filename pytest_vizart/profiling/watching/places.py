"""The kinds of places where a callable can be replaced: in a class, in a container, in every module that holds it."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.watching.modules import LoadedModules
from pytest_vizart.profiling.watching.patches import Patch, Place, Undo
from pytest_vizart.profiling.watching.staging import StagedCallable, original_of, staged

_HEAP_TYPE, _IMMUTABLE_TYPE = 1 << 9, 1 << 8  # CPython's Py_TPFLAGS_HEAPTYPE and Py_TPFLAGS_IMMUTABLETYPE
_ABSENT = object()


class InClass:
    """A method, of all instances or of one. The instance itself is left alone, so that copies of it are true copies."""

    def __init__(self, owner: type, attribute: str, instance: object | None = None) -> None:
        self._owner = owner
        self._attribute = attribute
        self.instance = instance

    @property
    def key(self) -> tuple[object, ...]:
        return "class", id(self._owner), self._attribute

    def replace(self, patch: Patch, modules: LoadedModules) -> Undo:
        owner, attribute = self._owner, self._attribute
        own = original_of(vars(owner).get(attribute, _ABSENT))
        original = next((vars(base)[attribute] for base in owner.__mro__ if attribute in vars(base)), _ABSENT)
        if original is _ABSENT:
            raise cannot_be_replaced(f"{owner.__name__}.{attribute}", "its metaclass provides it")
        made = _class_attribute(original, patch, of_one=self.instance is not None)
        try:
            type.__setattr__(owner, attribute, made)  # without a metaclass's own ideas
        except TypeError as error:
            raise cannot_be_replaced(f"{owner.__name__}.{attribute}", str(error)) from None

        def undo(_modules: LoadedModules) -> None:
            if vars(owner).get(attribute) is not made:
                return  # somebody else has put his own there, and may put ours back later: it measures nothing then
            if own is _ABSENT:  # taking the attribute away uncovers the base class's again
                type.__delattr__(owner, attribute)
            else:
                type.__setattr__(owner, attribute, own)

        return undo


class InContainer:
    """An entry of a list or mapping; an instance's dictionary is one too.

    Args:
        rebuild: makes the entry of the new callable, where the entry is more than the callable.
    """

    instance = None

    def __init__(self, container: Any, index: Any, function: Any, rebuild: Callable[[Any], Any] | None = None) -> None:
        self._container = container
        self._index = index
        self._function = function
        self._rebuild = rebuild

    @property
    def key(self) -> tuple[object, ...]:
        return "entry", id(self._container), self._index

    def replace(self, patch: Patch, modules: LoadedModules) -> Undo:
        container, index = self._container, self._index
        made = staged(original_of(self._function), patch.begin, portable=True)
        if self._rebuild is not None:
            made = self._rebuild(made)
        try:
            present = index in container if hasattr(container, "keys") else True
            before = container[index] if present else _ABSENT
            container[index] = made
        except (TypeError, AttributeError) as error:
            raise cannot_be_replaced(repr(index), str(error)) from None

        def undo(_modules: LoadedModules) -> None:
            where = _position(container, index, made)
            if where is None:
                return
            if before is _ABSENT:
                del container[where]
            else:
                container[where] = before

        return undo


class InModules:
    """A function under its name in every module that holds it."""

    instance = None

    def __init__(self, function: Any, name: str) -> None:
        self._given = function
        self._function = original_of(function)
        self._name = name

    @property
    def key(self) -> tuple[object, ...]:
        return "function", id(self._function)

    def replace(self, patch: Patch, modules: LoadedModules) -> Undo:
        function = self._function
        names = (self._name, str(getattr(function, "__name__", self._name)))
        holders = modules.holders(function, *names)
        if self._given is not function:  # a replacement that an earlier watch could not take out
            holders += modules.holders(self._given, *names)
        if not holders:
            raise cannot_be_replaced(self._name, "no module holds it")
        made = staged(function, patch.begin)
        for held, name in holders:
            held[name] = made
        if isinstance(made, StagedCallable):
            made.stands_in(str(holders[0][0].get("__name__")), holders[0][1])

        def undo(modules: LoadedModules) -> None:
            # A module that was imported meanwhile holds the replacement, and none of those that are known.
            for held, name in [*holders, *modules.holders(made, *names)]:
                if held.get(name) is made:
                    held[name] = function

        return undo


def method_place(owner: Any, attribute: str) -> Place:
    """Return where the method of an instance, a class or a module can be replaced.

    Raises:
        UsageError: nowhere.
    """
    if isinstance(owner, type):
        return InClass(owner, attribute)
    if isinstance(owner, ModuleType):
        return InModules(getattr(owner, attribute), attribute)
    own: dict[str, Any] | None = getattr(owner, "__dict__", None)
    kind = type(owner)
    if own is not None and attribute in own:
        return InContainer(own, attribute, own[attribute])
    if any(attribute in vars(base) for base in kind.__mro__) and is_open(kind):
        return InClass(kind, attribute, owner)
    if isinstance(own, dict) and not attribute.startswith("__"):
        return InContainer(own, attribute, getattr(owner, attribute))
    raise cannot_be_replaced(f"{kind.__name__}.{attribute}", "its class takes no new attributes")


def is_open(kind: type) -> bool:
    """Whether attributes of a class can be replaced: not in those that are written in C."""
    return bool(kind.__flags__ & _HEAP_TYPE) and not kind.__flags__ & _IMMUTABLE_TYPE


def cannot_be_replaced(name: str, reason: str) -> UsageError:
    return UsageError(
        f"{name} cannot be watched ({reason})",
        expected="a function or method that can be replaced while it is watched",
        hint="call it inside of `with vizart_run.stage(...):`",
    )


class _Descriptor:
    """Stands in a class for something that makes methods in a way of its own, and measures what it makes."""

    def __init__(self, original: Any, patch: Patch) -> None:
        self.__wrapped__ = original
        self._vizart_patch = patch

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        bound = self.__wrapped__.__get__(instance, owner)
        patch = self._vizart_patch
        if instance is None:
            return staged(bound, patch.begin) if callable(bound) else bound
        if not patch.concerns(instance):
            return bound
        return staged(bound, lambda _first: patch.begin(instance))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)


class _DataDescriptor(_Descriptor):
    """The same for one that decides on assignments too, as slots do."""

    def __set__(self, instance: Any, value: Any) -> None:
        self.__wrapped__.__set__(instance, value)

    def __delete__(self, instance: Any) -> None:
        self.__wrapped__.__delete__(instance)


def _class_attribute(original: Any, patch: Patch, *, of_one: bool) -> Any:
    if isinstance(original, FunctionType):
        return staged(original_of(original), patch.begin)
    if isinstance(original, property) and not of_one:  # watched by name: what it computes is the stage
        return property(staged(original.fget, patch.begin), original.fset, original.fdel, original.__doc__)
    if hasattr(type(original), "__set__"):
        return _DataDescriptor(original, patch)
    if hasattr(type(original), "__get__"):
        return _Descriptor(original, patch)
    return staged(original, patch.begin)


def _position(container: Any, index: Any, made: Any) -> Any:
    """Where the replacement stands now, None if it is gone."""
    if isinstance(container, list):
        positions = [number for number, entry in enumerate(container) if entry is made]
        return positions[0] if positions else None
    return index if container.get(index) is made else None
