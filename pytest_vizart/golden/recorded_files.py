"""Files of recorded outputs: made to be read in a diff or a viewer, and written to the last bit alike when equal."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.inputs import load_image
from pytest_vizart.records.labels import ArrayLabel, ImageLabel, Label, Task, TextLabel

MAX_BYTES = 500_000_000
_MAX_UNPACKED_BYTES = 400_000_000  # of an archive, which is held twice while it is read
_MAX_JSON_BYTES = 50_000_000  # of one array written as text: a short text may claim many
EXTENSIONS: dict[str, Task] = {".txt": "text", ".png": "image", ".json": "array", ".npz": "array"}
_TEXT_UP_TO_VALUES = 10_000
_UNNAMED, _IMAGE = "(array)", "(image)"  # what arrays without a name, and images that no PNG can hold, are called
_ODD = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}


def read_output(path: Path) -> Label:
    """Return what a file holds, by its extension. Raises GoldenFormatError."""
    return _READERS[path.suffix](path)


def encoded(label: Label) -> tuple[str, bytes]:
    """Return extension and content of the file of an output.

    Raises:
        UsageError: it is of a kind that cannot be recorded.
    """
    encode = _WRITERS.get(type(label))
    if encode is None:
        raise UsageError(
            "such outputs cannot be recorded",
            place="golden()",
            expected="an array, numbers, a table, an image or text",
            found=type(label).__name__,
            hint="hand over its arrays as a dict",
        )
    return encode(label)


def _text(label: TextLabel) -> tuple[str, bytes]:
    return ".txt", label.text.encode("utf-8", "surrogatepass")


def _image(label: ImageLabel) -> tuple[str, bytes]:
    from PIL import Image

    image = np.asarray(label.image)
    gray = image.ndim == 2 and image.dtype in (np.uint8, np.uint16)
    colour = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    if not (gray or colour) or not image.size:
        return _arrays({_IMAGE: image})
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return ".png", buffer.getvalue()


def _arrays(arrays: Mapping[str, NDArray[Any]]) -> tuple[str, bytes]:
    if not arrays:
        raise UsageError(
            "there is nothing to record", place="golden()", expected="one array or more", found="an empty dict",
            hint="hand over what the stage gave",
        )  # fmt: skip
    for name, array in arrays.items():
        # Wider floats are another type on every system, and no text of theirs is read back to the last bit.
        if array.dtype.kind not in "biufU" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
            raise UsageError(
                "such values cannot be recorded", place=f"array {name!r}",
                expected="numbers of up to 64 bits, booleans or text", found=str(array.dtype),
                hint='convert them: array.astype("float64"); decode bytes',
            )  # fmt: skip
    if sum(array.size for array in arrays.values()) <= _TEXT_UP_TO_VALUES:
        return ".json", _as_json(arrays)
    buffer = io.BytesIO()
    # Not numpy.savez, which stamps the files with the present time: equal outputs are equal files.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name or _UNNAMED}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)
    return ".npz", buffer.getvalue()


def _as_json(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One line for each row, so that a diff shows the rows that changed."""
    parts = []
    for name, array in arrays.items():
        rows = array if array.ndim else [array]
        lines = ",\n".join(f"      {json.dumps(_plain(np.asarray(row)), ensure_ascii=False)}" for row in rows)
        head = f'"dtype": {json.dumps(array.dtype.str)}, "shape": {json.dumps(array.shape)}'
        parts.append(f'  {json.dumps(name, ensure_ascii=False)}: {{{head}, "rows": [\n{lines}\n    ]}}')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8", "surrogatepass")


def _plain(row: NDArray[Any]) -> Any:
    """Numbers to the last bit, in their own shortest form; those that JSON has no word for as text."""
    if row.dtype.kind != "f":
        return row.tolist()
    # The shortest text of a float32 is that of another float64: 0.1 instead of 0.10000000149011612.
    texts = [str(value) for value in row.ravel()] if row.dtype.itemsize < 8 else map(repr, row.ravel().tolist())
    flat = [text if text in _ODD else float(text) for text in texts]
    return np.array(flat, dtype=object).reshape(row.shape).tolist()


def _read_text(path: Path) -> TextLabel:
    try:
        return TextLabel(read_bytes(path, limit=MAX_BYTES).decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as error:
        raise _damaged(path, str(error)) from error


def _read_image(path: Path) -> ImageLabel:
    return ImageLabel(load_image(path))


def _read_json(path: Path) -> ArrayLabel | ImageLabel:
    try:
        data = json.loads(read_bytes(path, limit=MAX_BYTES))
        return _of_arrays({name: _array(value) for name, value in data.items()})
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        SyntaxError,
        RecursionError,
        OverflowError,
    ) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _array(value: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(value["dtype"]), tuple(value["shape"])
    if dtype.hasobject or dtype.kind not in "biufU":
        raise ValueError(f"numbers of type {dtype}")
    if any(side < 0 for side in shape):
        raise ValueError(f"shape {shape}")
    if dtype.itemsize * math.prod(shape) > _MAX_JSON_BYTES:
        raise ValueError(f"shape {shape} of {dtype}: more than {_MAX_JSON_BYTES:,} bytes")
    rows = value["rows"] if shape else value["rows"][0]
    if dtype.kind == "f":
        cells = np.array(rows, dtype=object)
        values = [_ODD[cell] if isinstance(cell, str) else float(cell) for cell in cells.ravel()]
        return np.array(values, dtype=np.float64).astype(dtype).reshape(shape)
    # Through objects: a list that mixes small and large whole numbers would become floats on the way.
    return np.array(rows, dtype=object).astype(dtype).reshape(shape)


def _read_npz(path: Path) -> ArrayLabel | ImageLabel:
    try:
        arrays: dict[str, NDArray[Any]] = {}
        with zipfile.ZipFile(io.BytesIO(read_bytes(path, limit=MAX_BYTES))) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_UNPACKED_BYTES:
                raise ValueError(f"unpacks to more than {_MAX_UNPACKED_BYTES:,} bytes")
            for member in archive.infolist():
                with archive.open(member) as stream:
                    content = io.BytesIO(stream.read(MAX_BYTES))
                array = np.lib.format.read_array(content, allow_pickle=False)
                arrays["" if member.filename == f"{_UNNAMED}.npy" else member.filename.removesuffix(".npy")] = array
        return _of_arrays(arrays)
    except GoldenFormatError:
        raise
    except Exception as error:  # a damaged archive raises nearly any kind
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _of_arrays(arrays: dict[str, NDArray[Any]]) -> ArrayLabel | ImageLabel:
    return ImageLabel(arrays[_IMAGE]) if list(arrays) == [_IMAGE] else ArrayLabel(arrays)


def _damaged(path: Path, found: str) -> GoldenFormatError:
    return GoldenFormatError(
        "not a recorded output",
        file=path,
        expected="a file that --vizart-update wrote",
        found=found,
        hint="was a merge conflict left in it? --vizart-update records it anew",
    )


_READERS: dict[str, Callable[[Path], Label]] = {
    ".txt": _read_text,
    ".png": _read_image,
    ".json": _read_json,
    ".npz": _read_npz,
}
_WRITERS: dict[type, Callable[[Any], tuple[str, bytes]]] = {
    TextLabel: _text,
    ImageLabel: _image,
    ArrayLabel: lambda label: _arrays(label.arrays),
}
