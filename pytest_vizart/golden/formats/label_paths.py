"""Whether a sample has a label file."""

from __future__ import annotations

from pathlib import Path


def is_present(path: Path) -> bool:
    """Whether something lies there; true too where that cannot be told, since reading it then says why."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, a folder that may not be entered
        return True
