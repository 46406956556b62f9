"""Input images of cases as data URIs: each once, small enough for a page, within a byte budget."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

LONGEST_SIDE_PX = 1024
QUALITY = 80
BUDGET_BYTES = 6_000_000
MOST_PIXELS = 100_000_000  # a larger input is not opened: a small file can claim any size
_TINY_PX = 128 * 128


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """One image of the page. `width_px` and `height_px` are those of the input file: boxes are in its pixels."""

    uri: str
    width_px: int
    height_px: int


@dataclass(slots=True)
class ImageShelf:
    """The images of one report. `add` returns a key, or None with the reason in `missing`.

    The budget counts bytes as they stand in the page (base64).
    """

    budget_bytes: int = BUDGET_BYTES
    images: list[EmbeddedImage] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # path -> why there is no picture
    used_bytes: int = 0
    over_budget: int = 0
    _keys: dict[str, int] = field(default_factory=dict)

    def add(self, path: str) -> int | None:
        """Embed the file once and return its position in `images`; None when it cannot be shown."""
        if path in self._keys:
            return self._keys[path]
        if path in self.missing:
            return None
        if self.over_budget:
            self._skip(path)  # encoding the rest only to find that it does not fit would take minutes
            return None
        try:
            image = encoded(Path(path))
        except Exception as error:  # noqa: BLE001 - input files are hostile: whatever Pillow raises, the report goes on
            self.missing[path] = f"The input file cannot be shown as an image ({type(error).__name__})."
            return None
        if self.used_bytes + len(image.uri) > self.budget_bytes:
            self._skip(path)
            return None
        self.used_bytes += len(image.uri)
        self._keys[path] = len(self.images)
        self.images.append(image)
        return self._keys[path]

    def _skip(self, path: str) -> None:
        self.over_budget += 1
        self.missing[path] = f"Left out: the images of this report already take {self.budget_bytes / 1e6:g} MB."


def encoded(path: Path) -> EmbeddedImage:
    """The image as a data URI, its longest side at most LONGEST_SIDE_PX, JPEG or WebP.

    Raises:
        OSError, ValueError: not an image, unreadable, or larger than MOST_PIXELS.
    """
    from PIL import Image

    if not path.is_file():  # a pipe would block for ever
        raise FileNotFoundError(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large images before we can refuse them
        with Image.open(path) as source:
            width, height = source.size
            if width * height > MOST_PIXELS:
                raise ValueError("too many pixels")
            source.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
            picture = _eight_bit(source)
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))  # keeps the shape, never enlarges
    kind, options = _format_for(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    text = base64.b64encode(buffer.getvalue()).decode()
    return EmbeddedImage(f"data:image/{kind.lower()};base64,{text}", width, height)


def _format_for(picture: Image.Image) -> tuple[str, dict[str, int | bool]]:
    if picture.width * picture.height <= _TINY_PX:
        return "WEBP", {"lossless": True, "method": 0}  # seen enlarged, JPEG's blocks would look like the input
    if picture.mode == "RGBA":
        return "WEBP", {"quality": QUALITY, "method": 0}
    return "JPEG", {"quality": QUALITY}


def _eight_bit(source: Image.Image) -> Image.Image:
    """RGB, L or RGBA. Sixteen-bit and float images are stretched from their lowest to their highest value."""
    from PIL import Image

    if source.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        import numpy as np

        values = np.asarray(source, dtype=np.float64)
        values = np.where(np.isfinite(values), values, 0.0)
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(((values - low) * (255 / (high - low or 1))).astype(np.uint8))
    if source.mode in ("RGBA", "LA", "PA") or "transparency" in source.info:
        return source.convert("RGBA")
    return source.convert("L" if source.mode in ("1", "L") else "RGB")
