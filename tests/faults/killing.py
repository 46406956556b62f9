"""Dies at the n-th change of a folder: every instant at which a kill can make a difference, one by one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = frozenset(("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"))


def count_steps(folder: Path, kill_at: int | None) -> Callable[[], list[str]]:
    """Count what this process opens for writing, writes, syncs, renames and deletes in a folder, from now on.

    Before step `kill_at` it dies. Returns a function that gives what the steps were: "os.rename journal/...".
    """
    root = os.fspath(folder)
    steps: list[str] = []

    def step(what: str, name: Any) -> None:
        path = _place(root, name)
        if path is not None:
            steps.append(f"{what} {path}")
            if len(steps) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            name, _, flags = args
            if isinstance(flags, int) and flags & _WRITING:
                step(event, name)
        elif event in ("os.remove", "os.rmdir") and args[1] >= 0:  # named from within its folder
            step(event, f"{root}/{args[0]}")
        elif event in _CHANGES:
            step(event, args[0])

    def counted(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(descriptor: Any, *args: Any) -> Any:
            with suppress(OSError):
                step(what, Path(f"/proc/self/fd/{descriptor}").readlink())
            return function(descriptor, *args)

        return call

    sys.addaudithook(hook)
    for name in ("write", "fsync", "posix_fallocate", "ftruncate"):
        setattr(os, name, counted(name, getattr(os, name)))
    return lambda: steps


def _place(root: str, name: Any) -> str | None:
    """Where in the folder a file lies, None if it is not in it."""
    try:
        path = os.fspath(Path(os.fsdecode(name)).absolute())
    except (TypeError, ValueError):
        return None
    return path.removeprefix(root).lstrip("/") if path.startswith(root) else None
