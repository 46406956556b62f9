"""What the pipeline under test computes on, as far as the process tells."""

from __future__ import annotations

import sys


def device_name() -> str | None:
    """Return the name of the GPU that torch would use ("NVIDIA H200"); None without torch loaded or without a GPU.

    torch is not imported: a pipeline that uses it has done so when its tests were collected.
    """
    torch = sys.modules.get("torch")
    try:
        return str(torch.cuda.get_device_name()) if torch is not None and torch.cuda.is_available() else None
    except Exception:  # noqa: BLE001 - a driver that fails half-way raises what it likes
        return None
