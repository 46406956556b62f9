"""Which imported modules hold a function: whoever wrote `from pipeline import detect` has a name of his own for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

Holder = tuple[dict[str, Any], str]

_SITE, _DISTRIBUTION = f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}"
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - as modules spell it


class LoadedModules:
    """The modules that are imported at this moment. Looks into their dictionaries only, so that lazy ones stay lazy.

    Args:
        extra: names of a module that is not among the imported ones.
    """

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        self._extra = extra

    def holders(self, value: object, *names: str) -> list[Holder]:
        """Return where exactly this object is held: under one of these names anywhere, under any in the user's code.

        Installed packages and the standard library have far too many names to look at all of them (7 ms).
        """
        found = [(held, name) for name in dict.fromkeys(names) for held in self._all if held.get(name) is value]
        of_users = self._of_users.get(id(value), [])
        # The index may be older than what stands there now.
        return found + [(held, name) for held, name in of_users if name not in names and held.get(name) is value]

    @cached_property
    def _all(self) -> list[dict[str, Any]]:
        return [*_dictionaries(), *([] if self._extra is None else [self._extra])]

    @cached_property
    def _of_users(self) -> dict[int, list[Holder]]:
        found: dict[int, list[Holder]] = {}
        for held in self._all:
            if not _is_installed(held.get("__file__")):
                for name, value in list(held.items()):
                    found.setdefault(id(value), []).append((held, name))
        return found


def _dictionaries() -> Iterator[dict[str, Any]]:
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            # A lazy module's own __getattribute__ would import it.
            held = object.__getattribute__(module, "__dict__")
            if type(held) is dict:
                yield held


def _is_installed(file: object) -> bool:
    if not isinstance(file, str):
        return False
    return _SITE in file or file.startswith(_STANDARD_LIBRARY) or _DISTRIBUTION in file
