"""Images and masks as PNG, as long as that keeps every value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.audit.artifacts.registry import CannotWriteError, Encoded, Wish

_AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_CHANNELS = (3, 4)
_MASK_SIDE = 32
_RUN_LENGTHS = 3
"""zlib's strategy: 4 times as fast as Pillow's own choice, for files of the same size."""


def encode_image(value: Any, wish: Wish) -> Encoded:
    """Write a Pillow image as PNG; where PNG has no such mode, its pixels as an array."""
    from pytest_vizart.audit.artifacts.writers.arrays import encode_array

    if value.mode in _AS_PNG:
        return encode_pixels(value)
    return encode_array(np.asarray(value), Wish())


def encode_image_form(value: Any, wish: Wish) -> Encoded:
    from pytest_vizart.audit.artifacts.writers.arrays import encode_array

    return encode_array(value.image, wish)


def encode_mask_form(value: Any, wish: Wish) -> Encoded:
    from pytest_vizart.audit.artifacts.writers.arrays import encode_array

    return encode_array(value.mask, wish)


def encode_pixels(image: Any) -> Encoded:
    def write(file: Any) -> None:
        try:
            image.save(file, format="PNG", compress_level=1, compress_type=_RUN_LENGTHS)
        except (OSError, ValueError, SystemError) as error:  # of Pillow, about the image; the disk's own is told first
            raise CannotWriteError(f"an image that Pillow cannot write: {error}") from error

    return Encoded(".png", write)


def pixels_of(array: NDArray[Any]) -> Any:
    """Return an array as a Pillow image if a PNG of it holds every value, else None."""
    from PIL import Image

    if not array.size:
        return None
    if array.ndim == 3:
        fits = array.dtype == np.uint8 and array.shape[2] in _CHANNELS
        return Image.fromarray(np.ascontiguousarray(array)) if fits else None
    if array.ndim != 2:
        return None
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        narrow = _narrow_mask(array)
        if narrow is None:
            return None
        array = narrow
    native = array.dtype.newbyteorder("=")
    return Image.fromarray(np.ascontiguousarray(array, dtype=native))


def _narrow_mask(array: NDArray[Any]) -> NDArray[Any] | None:
    if min(array.shape) < _MASK_SIDE or array.dtype.kind not in "biu":
        return None
    if array.dtype.kind == "b":
        return array
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65_535:
        return None
    return array.astype(np.uint8 if high <= 255 else np.uint16)
