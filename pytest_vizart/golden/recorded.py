"""Recorded outputs: what a stage without human labels gave when it was last accepted; one file for each sample.

`recorded/<name>/<sample>` in the dataset's folder, with an extension by kind, all of them made to be read in a diff or
a viewer: `.txt` text, `.png` images, `.json` numbers and tables, `.npz` what is too large for text. Written aside and
renamed, so that several processes may record at once.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.files import is_file, read_bytes, require_inside
from pytest_vizart.golden.inputs import load_image
from pytest_vizart.golden.manifest_values import NAME
from pytest_vizart.records.labels import ArrayLabel, ImageLabel, Label, Task, TextLabel

FOLDER = "recorded"
MAX_BYTES = 500_000_000
_TEXT_UP_TO_VALUES = 10_000
_UNNAMED, _IMAGE = "(array)", "(image)"  # what arrays without a name, and images that no PNG can hold, are called
_ODD = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}

EXTENSIONS: dict[str, Task] = {".txt": "text", ".png": "image", ".json": "array", ".npz": "array"}


class RecordedStore:
    """The recorded outputs below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str, sample_id: str) -> Label | None:
        """Return what is recorded of a sample under a name, None if nothing is.

        Raises:
            GoldenFormatError: it cannot be read, or there are two files of it.
        """
        found = self.files_of(name, sample_id)
        if not found:
            return None
        if len(found) > 1:
            raise GoldenFormatError(
                "two recorded outputs of one sample",
                file=found[0],
                expected="one file",
                found=", ".join(path.name for path in found),
                hint="remove the one that is out of date",
            )
        require_inside(self.root, found, file=found[0], place="path")
        return _READERS[found[0].suffix](found[0])

    def write(self, name: str, sample_id: str, label: Label) -> Path:
        """Record an output, in the place of an earlier one.

        Raises:
            UsageError: it is of a kind that cannot be recorded, or larger than MAX_BYTES.
            OSError: the file cannot be written.
        """
        extension, content = _encoded(label)
        if len(content) > MAX_BYTES:
            raise UsageError(
                "output is too large to be recorded",
                place=f"golden({name!r})",
                expected=f"at most {MAX_BYTES:,} bytes",
                found=f"{len(content):,} bytes",
                hint="record a summary of it",
            )
        earlier = self.files_of(name, sample_id)
        path = self._path(name, sample_id, extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
        for other in earlier:
            if other != path:
                other.unlink(missing_ok=True)
        return path

    def files_of(self, name: str, sample_id: str) -> list[Path]:
        """Return the files that hold a sample's output; there should be one at most."""
        return [path for extension in EXTENSIONS if is_file(path := self._path(name, sample_id, extension))]

    def entries(self) -> Iterator[tuple[str, str, Path]]:
        """Yield name, sample ID and file of everything that is recorded, sorted."""
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else ():
            for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
                if path.suffix in EXTENSIONS and is_file(path):
                    yield folder.name, path.relative_to(folder).as_posix().removesuffix(path.suffix), path

    def _path(self, name: str, sample_id: str, extension: str) -> Path:
        # Not with_suffix: an ID may have a dot in it.
        return self.root / name / f"{sample_id}{extension}"


def require_name(name: object) -> str:
    """Return the name of a recorded output; UsageError if no folder can be called so."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(
            "not a name for a recorded output",
            place="golden(name=...)",
            expected="letters, digits, _, - and ., at most 64",
            found=name,
            hint="name the stage",
        )
    return name


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _encoded(label: Label) -> tuple[str, bytes]:
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
    for name, array in arrays.items():
        if array.dtype.kind not in "biufU":
            raise UsageError(
                "such values cannot be recorded", place=f"array {name!r}", expected="numbers, booleans or text",
                found=str(array.dtype), hint="convert them; decode bytes",
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
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _array(value: Mapping[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(value["dtype"]), tuple(value["shape"])
    if dtype.hasobject or dtype.kind not in "biufU":
        raise ValueError(f"numbers of type {dtype}")
    if any(side < 0 for side in shape):
        raise ValueError(f"shape {shape}")
    if dtype.itemsize * math.prod(shape) > MAX_BYTES:
        raise ValueError(f"shape {shape} of {dtype}: more than {MAX_BYTES:,} bytes")
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
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"unpacks to more than {MAX_BYTES:,} bytes")
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
        hint="record it again with --vizart-update; was a merge conflict left in it?",
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
