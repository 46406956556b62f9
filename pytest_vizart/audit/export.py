"""Lines as one JSON document, of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from uuid import uuid4

import orjson

from pytest_vizart.audit.criteria import Line


def write_array(path: str | PathLike[str], lines: Iterable[Line]) -> int:
    """Write lines as a JSON array, one a line of the file, and return how many. Readers see all of it or nothing.

    Raises:
        OSError: it cannot be written; an earlier file of that name is then as it was.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name[:100]}.{uuid4().hex}.tmp")
    count = 0
    try:
        with temporary.open("wb") as file:
            file.write(b"[")
            for line in lines:
                file.write(b",\n" if count else b"\n")
                file.write(orjson.dumps(line))
                count += 1
            file.write(b"\n]\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return count
