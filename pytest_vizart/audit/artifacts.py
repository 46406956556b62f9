"""Artifacts: what a run saves under `runs/{run_id}/stages/{stage_name}/{filename}`."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from pytest_vizart.errors import UsageError

_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]+")
_MAX_NAME = 80


class ArtifactStore:
    """Saves objects of one run."""

    def __init__(self, output: Path, run_id: str) -> None:
        self._folder = output / "runs" / run_id / "stages"

    def save(self, name: str, value: Any, *, stage: str, sample: str | None = None) -> Path:
        """Write a value and return its path; the file's name begins with the sample's ID.

        bytes and text are written as they are; uint8 arrays of shape (H, W), (H, W, 3) or (H, W, 4) as PNG, other
        arrays as NPY; PIL images as PNG; everything else as JSON. An extension that `name` already has is kept.

        Raises:
            UsageError: nothing here can write a value of this type.
        """
        suffix, payload = _encoded(name, value)
        folder = self._folder / safe_name(stage)
        folder.mkdir(parents=True, exist_ok=True)
        file_name = safe_name(name) if sample is None else f"{safe_name(sample)}-{safe_name(name)}"
        path = folder / (file_name if Path(file_name).suffix.lower() == suffix else f"{file_name}{suffix}")
        path.write_bytes(payload)
        return path


def safe_name(name: str) -> str:
    """A file name that stays in its folder on every system, whatever the stage or sample is called.

    Names that had to be changed end in a digest of what they were, so that no two become one; the extension stays.
    """
    cleaned = _UNSAFE.sub("_", name).strip(" .")[:_MAX_NAME]
    if cleaned and cleaned == name:
        return cleaned
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    stem, dot, extension = cleaned.rpartition(".")
    return f"{stem}-{digest}.{extension}" if dot and stem else f"{cleaned or 'unnamed'}-{digest}"


def _encoded(name: str, value: Any) -> tuple[str, bytes]:
    suffix = Path(name).suffix.lower()
    if isinstance(value, bytes | bytearray):
        return suffix or ".bin", bytes(value)
    if isinstance(value, str):
        return suffix or ".txt", value.encode("utf-8", "backslashreplace")
    if hasattr(value, "save") and hasattr(value, "getbands"):
        return ".png", _png(value)
    if isinstance(value, np.ndarray):
        return _encoded_array(value)
    try:
        return ".json", orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise UsageError(
            "this value cannot be saved",
            place=f"save({name!r})",
            expected="bytes, text, an array, an image or plain data",
            found=type(value).__name__,
            hint=f"turn it into one of these first ({error})",
        ) from error


def _encoded_array(array: Any) -> tuple[str, bytes]:
    from PIL import Image

    is_image = array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4)))
    if is_image and array.size:
        return ".png", _png(Image.fromarray(array))
    buffer = BytesIO()
    try:
        np.save(buffer, array, allow_pickle=False)
    except ValueError as error:
        raise UsageError(
            "an array of objects cannot be saved",
            expected="numbers, booleans or text",
            found=str(array.dtype),
            hint="save its parts, or plain data",
        ) from error
    return ".npy", buffer.getvalue()


def _png(image: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
