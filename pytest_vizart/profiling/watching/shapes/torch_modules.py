"""torch: a module's named children. torch itself is never imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.watching.patches import Place
from pytest_vizart.profiling.watching.shapes.base import Child
from pytest_vizart.profiling.watching.torch_hooks import InModule


class TorchModuleShape:
    """`torch.nn.Module`: its named children, and not theirs: name a child itself to see inside of it.

    Lists and mappings of modules (`ModuleList`, `ModuleDict`) are never called themselves: theirs are the children
    instead, as "blocks.0". A module that stands under two names is one stage, under the first. What `torch.compile` and
    `torch.jit` make has no children that could be measured; `torch.jit` modules take no hooks either.
    """

    chained = False
    container = True

    def fits(self, value: Any) -> bool:
        return isinstance(value, _class("nn", "Module"))

    def name(self, value: Any) -> str:
        return type(value).__name__

    def children(self, value: Any) -> Iterator[Child]:
        if not _is_closed(value):
            seen: set[int] = set()
            yield from _children(value, "", seen)

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        if not isinstance(value, _class("jit", "ScriptModule")):
            return (InModule(value),)
        if spot is None:
            warn(f"{type(value).__name__}: a module of torch.jit takes no hooks, it is not measured by itself")
        return () if spot is None else (spot,)

    def call(self, value: Any) -> Callable[[Any], Any]:
        called: Callable[[Any], Any] = value
        return called


def _children(module: Any, prefix: str, seen: set[int]) -> Iterator[Child]:
    for name, child in module.named_children():
        if id(child) in seen:
            continue
        seen.add(id(child))
        if _is_called(child):
            yield Child(prefix + name, child, closed=True)
        else:
            yield from _children(child, f"{prefix}{name}.", seen)


def _is_called(module: Any) -> bool:
    return getattr(type(module), "forward", None) is not getattr(_class("nn", "Module"), "forward", None)


def _is_closed(module: Any) -> bool:
    return hasattr(module, "_orig_mod") or isinstance(module, _class("jit", "ScriptModule"))


def _class(part: str, name: str) -> type | tuple[()]:
    """A class of torch, if torch is imported; nothing is an instance of an empty tuple."""
    kind = getattr(getattr(sys.modules.get("torch"), part, None), name, None)
    return kind if isinstance(kind, type) else ()
