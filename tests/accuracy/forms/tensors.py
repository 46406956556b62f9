"""What a torch tensor on a GPU answers."""

from __future__ import annotations

from typing import Any

import numpy as np


class Tensor:
    """Must be detached and brought to the CPU before numpy may have it."""

    def __init__(self, data: Any, step: str = "detach") -> None:
        self._data, self._step = data, step

    def __len__(self) -> int:
        return len(self._data)

    def detach(self) -> Tensor:
        return Tensor(self._data, "cpu")

    def cpu(self) -> Tensor:
        assert self._step == "cpu"
        return Tensor(self._data, "numpy")

    def numpy(self) -> np.ndarray[Any, Any]:
        if self._step != "numpy":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return np.asarray(self._data)
