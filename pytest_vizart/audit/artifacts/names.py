"""Names of files that stay in their folder on every system, whatever stages and samples are called."""

from __future__ import annotations

import re
from hashlib import blake2b

_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]+")
_MAX_NAME = 80
_MAX_EXTENSION = 20
_DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))))
"""Names that Windows keeps for devices, with any extension."""


def safe_name(name: str) -> str:
    """A file name that stays in its folder on every system, whatever the stage or sample is called.

    Names that had to be changed end in a digest of what they were, so that no two become one; the extension stays.
    """
    cleaned = _UNSAFE.sub("_", name).strip(" .")[:_MAX_NAME].rstrip(" .")
    if cleaned and cleaned == name and cleaned.partition(".")[0].rstrip().lower() not in _DEVICES:
        return cleaned
    return distinct(cleaned or "unnamed", name)


def distinct(cleaned: str, original: str) -> str:
    """Return a safe name with a digest of what it stands for; an extension stays."""
    digest = blake2b(original.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    stem, dot, extension = cleaned.rpartition(".")
    if not (dot and stem) or len(extension) > _MAX_EXTENSION:
        return f"{cleaned}-{digest}"
    return f"{stem}-{digest}.{extension}"


class TakenNames:
    """Which names of a folder are taken, and by what.

    "A.png" and "a.png" are one file where the file system does not tell capitals: the second to come gets a digest.
    """

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def claim(self, name: str, original: str) -> str:
        """Return the name that is `original`'s here: `name`, or one beside it if something else has that."""
        if self._taken.setdefault(name.lower(), original) == original:
            return name
        other = distinct(name, original)
        self._taken.setdefault(other.lower(), original)
        return other
