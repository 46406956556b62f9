"""As much of `torch.nn` as hooks need, for where torch is not installed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any


class Handle:
    def __init__(self, hooks: dict[int, Any], number: int) -> None:
        self._hooks, self._number = hooks, number

    def remove(self) -> None:
        self._hooks.pop(self._number, None)


_numbers = itertools.count()


class Module:
    def __init__(self, **children: Any) -> None:
        self.before: dict[int, Any] = {}
        self.after: dict[int, Any] = {}
        self.children = children

    def forward(self, *given: Any) -> Any:
        raise NotImplementedError

    def named_children(self) -> Iterator[tuple[str, Any]]:
        yield from self.children.items()

    def register_forward_pre_hook(self, hook: Any) -> Handle:
        return _registered(self.before, hook)

    def register_forward_hook(self, hook: Any, *, always_call: bool = False) -> Handle:
        assert always_call
        return _registered(self.after, hook)

    def __call__(self, value: Any) -> Any:
        def inner() -> Any:
            for hook in list(self.before.values()):
                hook(self, (value,))
            result = self.forward(value)
            for hook in list(self.after.values()):
                hook(self, (value,), result)
            return result

        try:
            return inner()
        except Exception:
            for hook in list(self.after.values()):
                hook(self, (value,), None)
            raise


class OldModule(Module):
    """Before torch 2.1: nothing is called when the forward pass raises."""

    def register_forward_hook(self, hook: Any) -> Handle:  # type: ignore[override]
        return _registered(self.after, hook)

    def __call__(self, value: Any) -> Any:
        for hook in list(self.before.values()):
            hook(self, (value,))
        result = self.forward(value)
        for hook in list(self.after.values()):
            hook(self, (value,), result)
        return result


class ModuleList(Module):
    def __init__(self, *children: Any) -> None:
        super().__init__(**{str(number): child for number, child in enumerate(children)})


class ScriptModule(Module):
    def forward(self, value: Any) -> Any:
        return value

    def register_forward_pre_hook(self, hook: Any) -> Handle:
        raise RuntimeError("register_forward_pre_hook is not supported on ScriptModules")


def _registered(hooks: dict[int, Any], hook: Any) -> Handle:
    number = next(_numbers)
    hooks[number] = hook
    return Handle(hooks, number)


def torch_module() -> ModuleType:
    """The module to be put into `sys.modules` as "torch"."""
    torch = ModuleType("torch")
    torch.nn = SimpleNamespace(Module=Module)  # type: ignore[attr-defined]
    torch.jit = SimpleNamespace(ScriptModule=ScriptModule)  # type: ignore[attr-defined]
    return torch
