"""Inputs of the pipeline, decoded: images, arrays and point clouds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import MAX_LABEL_FILE_BYTES, refuse_lfs_pointer, require_regular

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 178_000_000
"""Larger images are refused before they are decoded. Pillow's own limit, which no option of ours should lift."""

_MAX_DECODING_BYTES = 720_000_000
_STRIP_PX = 4_000_000
_STORED_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
"""Of a pixel in Pillow's memory; 4 in other modes."""
_ARRAY_BYTES = {**_STORED_BYTES, "LA": 2, "RGB": 3}
"""Of a pixel in an array; 4 in other modes."""
_FRUGAL = frozenset({"PNG", "BMP", "PPM"})
"""Formats whose decoders take little memory beside the image."""
_ROWS_PER_STRIP = 278

_REFUSED = {"EPS": "runs a program, Ghostscript", "FITS": "unpacks without bounds"}

_CONVERTED = {"1": "L", "LA": "L", "La": "L", "P": "RGB", "PA": "RGB", "RGBA": "RGB", "RGBX": "RGB", "RGBa": "RGB"}
_AS_STORED = frozenset({"L", "RGB", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})


def load_input(path: Path) -> NDArray[Any]:
    """Return the decoded input.

    Images: (H, W, 3) RGB, or (H, W) where stored as gray (8, 16 or 32 bits); palettes as RGB, transparency and the
    orientation tag left out. `.npy`, `.npz`: the array, which is the only one. `.ply`, `.pcd`: (N, 3) float32
    coordinates. `.las`, `.laz`, `.xyz`: (N, 3) float64 coordinates, since those of the earth need them. `.bin`: (N, 4)
    float32 x, y, z, intensity as KITTI has them, (N, 5) with nuScenes' ring, (N, 3) without both.

    Raises:
        GoldenFormatError: absent, damaged, too large, or of a kind that cannot be decoded, or not without laspy.
    """
    return _LOADERS.get(path.suffix.lower(), load_image)(path)


def load_image(path: Path) -> NDArray[Any]:
    """Return an image as `load_input` describes."""
    with open_image(path) as image:
        target = image.mode if image.mode in _AS_STORED else _CONVERTED.get(image.mode, "RGB")
        return decoded(image, target)


def decoded(image: Image, mode: str | None = None, *, spare: int = 0) -> NDArray[Any]:
    """Return the pixels of an open image, in another mode where one is given; writable.

    Large ones go over in strips, since Pillow's own way takes two copies of the whole array on the way. Decoders take
    memory beside the image, and a small file can make them take much: what may come near a gigabyte is refused.

    Args:
        spare: bytes for each pixel that the caller takes beside these.

    Raises:
        ValueError: too large to be decoded; `open_image` makes a GoldenFormatError of it.
    """
    width, height = image.size
    each = _STORED_BYTES.get(image.mode, 4) + _ARRAY_BYTES.get(mode or image.mode, 4) + _beside_px(image) + spare
    if width * height * each > _MAX_DECODING_BYTES:
        raise ValueError(f"{width} x {height} pixels of mode {image.mode} take too much memory to decode, tile them")
    image.load()
    if image.size != (width, height):
        raise ValueError(f"{image.width} x {image.height} pixels where the header has {width} x {height}")
    rows = max(1, _STRIP_PX // max(1, width))
    if rows >= height:
        return np.asarray(image if mode in (None, image.mode) else image.convert(mode)).copy()
    array: NDArray[Any] | None = None
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        part = np.asarray(strip if mode in (None, image.mode) else strip.convert(mode))
        if array is None:
            array = np.empty((height, *part.shape[1:]), part.dtype)
        array[top : top + rows] = part
    assert array is not None
    return array


def _beside_px(image: Any) -> float:
    """Return the bytes for each pixel that a decoder takes beside the image."""
    if image.format == "JPEG":
        return 6 if image.info.get("progressive") else 0
    if image.format == "TIFF":  # it decodes one strip at a time, which may be all there is
        return 4 if image.tag_v2.get(_ROWS_PER_STRIP, image.height) > image.height / 8 else 0.5
    return 0 if image.format in _FRUGAL else 16  # as much as WebP's


@contextmanager
def open_image(path: Path, *, formats: tuple[str, ...] | None = None) -> Iterator[Image]:
    """Open an image of bounded size; whatever goes wrong with it, inside the block too, is a GoldenFormatError."""
    from PIL import Image

    require_regular(path, limit=MAX_LABEL_FILE_BYTES)
    try:
        with path.open("rb") as stream:
            refuse_lfs_pointer(stream.read(64), path)
            stream.seek(0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # it warns at half of the limit
                image = Image.open(stream, formats=formats)
            if image.format in _REFUSED:
                raise ValueError(f"{image.format} is not read, convert it: its decoder {_REFUSED[image.format]}")
            _require_bounded(image.size, path)
            with image:
                yield image
    except GoldenFormatError:
        raise
    except Exception as error:  # damaged files make the decoders raise nearly any kind
        raise GoldenFormatError(
            "image does not decode",
            file=path,
            expected=" or ".join(formats) if formats else "an image that Pillow reads",
            found=f"{type(error).__name__}: {error}",
            hint="open it in a viewer; fetch it again if it is damaged",
        ) from error


def _require_bounded(size: tuple[int, int], path: Path) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise GoldenFormatError(
            "image is too large",
            file=path,
            expected=f"at most {MAX_PIXELS:,} pixels",
            found=f"{width} x {height}",
            hint="tile it",
        )


def _load_npy(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.npy_file import read_npy

    return read_npy(path)


def _load_npz(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.npy_file import read_npz

    arrays = read_npz(path)
    if len(arrays) != 1:
        raise GoldenFormatError(
            "archive does not hold one array",
            file=path,
            expected="one array",
            found=", ".join(arrays) or "none",
            hint="save the input alone, as .npy",
        )
    return next(iter(arrays.values()))


def _load_ply(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.ply_file import read_points

    return read_points(path)


def _load_pcd(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.pcd_file import read_points

    return read_points(path)


def _load_las(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.las_file import read_points

    return read_points(path)


def _load_xyz(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.xyz_file import read_points

    return read_points(path)


def _load_bin(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.bin_file import read_bin

    return read_bin(path)


_LOADERS: dict[str, Callable[[Path], NDArray[Any]]] = {
    ".bin": _load_bin,
    ".las": _load_las,
    ".laz": _load_las,
    ".npy": _load_npy,
    ".npz": _load_npz,
    ".pcd": _load_pcd,
    ".ply": _load_ply,
    ".xyz": _load_xyz,
}
