"""How large an image is, from its header alone: what normalised coordinates are multiplied by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_vizart.golden.inputs import open_image

Size = tuple[int, int]
"""Height and width in pixels."""


def image_size(path: Path, shared: dict[Any, Any]) -> Size:
    """Return (height, width) of an image as it is stored, its orientation tag left out, as `load_input` decodes it.

    Args:
        shared: `LabelSource.shared`, which keeps the size, so that each header is read once for all stages.

    Raises:
        GoldenFormatError: absent, no image that can be decoded, or too large.
    """
    key = ("image size", path)
    if key not in shared:
        with open_image(path) as image:
            shared[key] = (image.height, image.width)
    size: Size = shared[key]
    return size
