"""IDs of a COCO file's images or categories, and their positions in ascending order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CocoId = int | str

_TABLE_SPAN = 1 << 20  # IDs that span no more are looked up in a table, which COCO's own are


class IdTable:
    """N IDs, ascending, numbers before text. Position N stands for an ID that is not among them."""

    def __init__(self, ids: Iterable[CocoId]) -> None:
        self.ids: tuple[CocoId, ...] = tuple(sorted(ids, key=lambda one: (isinstance(one, str), one)))

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each of many whole numbers."""
        known, table, low = self._numbers, self._table, self._low
        if not len(known):
            return np.full(len(ids), len(self))
        if table is None:
            at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
            return np.where(known[at] == ids, at, len(self))
        inside = (ids >= low) & (ids < low + len(table) - 1)
        return table[np.where(inside, ids - low, len(table) - 1)].astype(np.int64)

    def find_one(self, one: object) -> int:
        """Return the position of a number or text; N for anything else. 20.0 is 20, true is not 1."""
        if isinstance(one, bool) or not isinstance(one, int | float | str):
            return len(self)
        return self._positions.get(one, len(self))

    @cached_property
    def _positions(self) -> dict[float | str, int]:
        return {one: position for position, one in enumerate(self.ids)}

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        """Those that fit into 64 bits: no longer one is among the numbers that are looked for."""
        numbers = [one for one in self.ids if isinstance(one, int)]
        return np.array([one for one in numbers if -(2**63) <= one < 2**63], dtype=np.int64)

    @property
    def _low(self) -> int:
        return int(self._numbers[0]) if len(self._numbers) else 0

    @cached_property
    def _table(self) -> NDArray[np.int32] | None:
        """Positions by ID less the lowest one, the last entry for all others; None where it would be too long."""
        known = self._numbers
        if not len(known) or len(known) < len(self) or int(known[-1]) - self._low >= _TABLE_SPAN:
            return None
        table = np.full(int(known[-1]) - self._low + 2, len(self), dtype=np.int32)
        table[known - known[0]] = np.arange(len(known))
        return table
