"""Call paths of sampled stacks, added up: stages, the functions that they call, and where those stand."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from pytest_vizart.records.profile import FlameNode

MAX_DEPTH = 100
"""Calls below the stage that are told apart; deeper ones count for the last of them."""

MAX_NODES = 20_000
LEAST_SHARE = 0.001
"""A call path that took less of its stage is left out; its time stays with its caller."""

BUILT_IN = "(built-in)"
AWAITED = ("(await)", "(await)")

Function = tuple[str, str]
"""Name and place."""

OURS = ("", "ours")
HIDDEN = ("", "hidden")


class Node:
    """One function on one call path, with the time of itself and all it calls."""

    __slots__ = ("children", "total_ms")

    def __init__(self) -> None:
        self.total_ms = 0.0
        self.children: dict[Function, Node] = {}

    def add(self, other: Node) -> None:
        """Add the time of another call path."""
        self.total_ms += other.total_ms
        for function, child in other.children.items():
            self.children.setdefault(function, Node()).add(child)


class Samples:
    """The samples of one execution of one stage.

    Args:
        caller: frame inside of which the stage was begun; those of this package and the ones around are not counted.
    """

    def __init__(self, caller: FrameType, places: Places) -> None:
        self.root = Node()
        self.failure: str | None = None
        self._places = places
        self._nodes = 0
        frame: FrameType | None = caller
        while frame is not None and frame.f_back is not None and places.ours(frame.f_code.co_filename):
            frame = frame.f_back
        code = (frame or caller).f_code
        self._anchor = f"{code.co_name}\0{code.co_filename}\0{code.co_firstlineno}"
        self._depth = 0  # the first entry of a stack names the thread
        while frame is not None:
            self._depth += 1
            frame = frame.f_back

    def take(self, stack: list[str], seconds: float, async_state: Any) -> None:
        """Add one sample. stack: "name NUL file NUL first line", then attributes; the innermost call last."""
        try:
            state = "in_context" if async_state is None else async_state.state
            if state == "in_context":
                self._add(self._inside(stack), seconds * 1e3)
            elif state == "out_of_context_awaited":
                self._add(self._inside(async_state.info), seconds * 1e3, waiting=True)
        except Exception as error:  # noqa: BLE001 - what is raised here would be raised in the user's stage
            self.failure = self.failure or f"{type(error).__name__}: {error}"

    def _inside(self, stack: Sequence[str]) -> Sequence[str] | None:
        """Return what was called inside of the stage, None for a sample from elsewhere."""
        if len(stack) > self._depth and self._at_anchor(stack[self._depth]):
            return stack[self._depth + 1 :]
        # In an event loop a coroutine is resumed from another place than it was begun at.
        found = next((number for number, entry in enumerate(stack) if self._at_anchor(entry)), None)
        return None if found is None else stack[found + 1 :]

    def _at_anchor(self, entry: str) -> bool:
        return entry.partition("\1")[0] == self._anchor

    def _add(self, stack: Sequence[str] | None, milliseconds: float, *, waiting: bool = False) -> None:
        if stack is None:
            return
        path = [self._places.function(entry) for entry in stack]
        if not waiting and _innermost(path) == OURS:
            return  # what measuring itself takes
        node = self.root
        node.total_ms += milliseconds
        calls = [function for function in path if function not in (OURS, HIDDEN)][:MAX_DEPTH]
        for function in [*calls, AWAITED] if waiting else calls:
            child = node.children.get(function)
            if child is None:
                if self._nodes >= MAX_NODES:
                    return
                self._nodes += 1
                child = node.children[function] = Node()
            child.total_ms += milliseconds
            node = child


def _innermost(path: list[Function]) -> Function | None:
    """Return the innermost function that is written in Python."""
    return next((function for function in reversed(path) if function[1] != BUILT_IN), None)


class CallTree:
    """All executions of all stages."""

    def __init__(self) -> None:
        self._stages: dict[str, Node] = {}

    def add(self, stage: str, samples: Samples, wall_ms: float) -> None:
        """Add one execution. What passed between its last sample and its end is the stage's own time."""
        samples.root.total_ms = max(samples.root.total_ms, wall_ms)
        self._stages.setdefault(stage, Node()).add(samples.root)

    def flame(self) -> FlameNode | None:
        if not self._stages:
            return None
        stages = tuple(
            FlameNode(name, "", node.total_ms, _children(node, node.total_ms * LEAST_SHARE))
            for name, node in self._stages.items()
        )
        return FlameNode("run", "", sum(stage.total_ms for stage in stages), stages)


def _working_folder() -> list[str]:
    try:
        return [str(Path.cwd())]
    except OSError:  # it is gone: a test stayed in one that it made for itself
        return []


class Places:
    """Names and places of functions, by the entries of stacks.

    A place never tells a path of this machine: it is relative to the folder of packages or of the standard library,
    the working folder, or another folder on the import path.
    """

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        libraries = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
        libraries |= {entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))}
        self._roots = [
            *sorted(libraries, key=len, reverse=True),
            *_working_folder(),
            *sorted((entry for entry in sys.path if entry), key=len, reverse=True),
        ]
        self._own = (
            str(Path(__file__).parents[2]) + os.sep,
            *(os.path.join(library, "pyinstrument") + os.sep for library in libraries),  # noqa: PTH118 - as in co_filename
        )
        self._known: dict[str, Function] = {}

    def ours(self, file: str) -> bool:
        """Whether a file belongs to this package or to pyinstrument."""
        return file.startswith(self._own)

    def function(self, entry: str) -> Function:
        """Return the function that an entry of a stack names; OURS, and HIDDEN for the machinery of imports."""
        identifier, _, attributes = entry.partition("\1")
        owner = next((part[1:] for part in attributes.split("\1") if part.startswith("c")), "")
        key = f"{identifier}\0{owner}"
        if key not in self._known:
            if len(self._known) > MAX_NODES:
                self._known.clear()
            self._known[key] = self._read(identifier, owner)
        return self._known[key]

    def _read(self, identifier: str, owner: str) -> Function:
        name, _, rest = identifier.partition("\0")
        file, _, line = rest.rpartition("\0")
        if file == "<built-in>":
            return name, BUILT_IN
        if self.ours(file):
            return OURS
        if file.startswith("<frozen importlib"):
            return HIDDEN
        return f"{owner}.{name}" if owner else name, f"{self._relative(file)}:{line}"

    def _relative(self, file: str) -> str:
        for root in self._roots:
            if file.startswith(root.rstrip(os.sep) + os.sep):
                return file[len(root.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
        return file if file.startswith("<") else Path(file).name


def _children(node: Node, least_ms: float) -> tuple[FlameNode, ...]:
    kept = sorted(
        ((child.total_ms, function, child) for function, child in node.children.items() if child.total_ms >= least_ms),
        key=lambda each: (-each[0], each[1]),
    )
    return tuple(FlameNode(*function, total_ms, _children(child, least_ms)) for total_ms, function, child in kept)
