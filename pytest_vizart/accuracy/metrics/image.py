"""Images: PSNR, SSIM, absolute difference, and where the difference is largest.

All values are taken as shares of the full range: uint8 by 255, uint16 by 65,535, float as it is. PSNR = -10 log10 of
the mean squared difference, in dB, 100 at most so that equal images have one. A sample without a prediction, or with an
image of another size, counts as the largest difference: PSNR 0 dB, SSIM 0, difference 1.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.regions import worst_regions
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.drawn_pixels import preview, stride_px
from pytest_vizart.accuracy.metrics.running import RunningFigures, over_all
from pytest_vizart.accuracy.metrics.ssim import WINDOW_PX, structural_similarity, unit_range
from pytest_vizart.accuracy.predicted import ImagePrediction
from pytest_vizart.accuracy.wording import without_prediction
from pytest_vizart.records.labels import ImageLabel, LabelSpec
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo

MAX_PSNR_DB = 100.0
_STRIP_VALUES = 1 << 21
_METRICS = ("psnr_db", "ssim", "mean_abs_difference", "max_abs_difference")
_WORST = {"psnr_db": 0.0, "ssim": 0.0, "mean_abs_difference": 1.0, "max_abs_difference": 1.0}

Image = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ImageTally:
    """One sample. missing: nothing was predicted."""

    comparison: Comparison
    missing: bool = False


class ImageMetric:
    """A sample is correct when it keeps all tolerances given; without any, when every value is equal.

    Tolerances: psnr_db and ssim, the least; atol, the largest difference as a share of the full range. Measures:
    psnr_db, ssim (none for images under 11 pixels), mean_abs_difference, max_abs_difference. Severity: the largest
    difference.
    """

    headline = "psnr_db"
    info: Mapping[str, MetricInfo] = {
        "psnr_db": MetricInfo(unit="dB"),
        "mean_abs_difference": MetricInfo("lower"),
        "max_abs_difference": MetricInfo("lower"),
    }

    def tally(self, truth: ImageLabel, prediction: ImagePrediction | None, spec: LabelSpec) -> ImageTally:
        """Compare the images."""
        if prediction is None:
            return ImageTally(Comparison("wrong", "no-prediction", 0.0, "nothing was predicted", _WORST), missing=True)
        return ImageTally(compare_images(truth.image, prediction.image, spec.tolerances))

    def judge(self, tally: ImageTally, spec: LabelSpec) -> Comparison:
        """Return the outcome; its errors are `shape`, or `difference` and the regions of the largest differences."""
        return tally.comparison

    def summarise(self, tallies: Sequence[ImageTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return means over the samples; of max_abs_difference the largest."""
        notes = without_prediction(sum(tally.missing for tally in tallies), "wholly different")
        return Summary(over_all(self.running(spec), tallies), notes=notes)

    def running(self, spec: LabelSpec) -> RunningFigures:
        """Return empty running metrics: all of them."""
        return RunningFigures(lambda tally: tally.comparison.measures, _METRICS[:-1], _METRICS[-1:])

    def picture(
        self,
        truth: ImageLabel,
        prediction: ImagePrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case; "width" and "height" are the images' own, the difference is in `predicted` if they are equal.

        Each pixel of a larger difference map holds the largest difference of those that it stands for.
        """
        expected = _plain(truth.image)
        drawn: dict[str, Any] = {"width": int(expected.shape[1]), "height": int(expected.shape[0])}
        drawn["preview"] = preview(expected)
        if prediction is None:
            return drawn, {}
        found = _plain(prediction.image)
        predicted: dict[str, Any] = {"width": int(found.shape[1]), "height": int(found.shape[0])}
        predicted["preview"] = preview(found)
        if expected.shape == found.shape:
            # Rounded up, so that no difference vanishes.
            levels = np.ceil(np.minimum(difference_map(expected, found), 1.0) * 255 - 1e-6).astype(np.uint8)
            predicted["difference_width"], predicted["difference_height"] = levels.shape[1], levels.shape[0]
            predicted["difference"] = b64encode(levels.tobytes()).decode("ascii")
        return drawn, predicted

    def digest(self, prediction: ImagePrediction) -> str:
        """Of the image."""
        return digest_arrays(prediction.image)


def compare_images(expected: Image, found: Image, tolerances: Mapping[str, float]) -> Comparison:
    """Compare two images, (H, W) or (H, W, C), uint8, uint16 or float; tolerances as in ImageMetric."""
    expected, found = _plain(expected), _plain(found)
    if expected.shape != found.shape:
        reason = f"image of shape {found.shape}, expected {expected.shape}"
        return Comparison("wrong", "shape", 0.0, reason, _WORST, (ErrorItem("shape", 1.0, note=reason),))
    measures = _measures(expected, found)
    broken = _broken(measures, tolerances)
    score = max(0.0, measures.get("ssim", measures["psnr_db"] / MAX_PSNR_DB))
    if not broken:
        return Comparison("correct", score=score, measures=measures)
    reason = "; ".join(broken)
    severity = min(1.0, measures["max_abs_difference"])
    errors = (ErrorItem("difference", severity, note=reason), *_regions(expected, found, tolerances))
    return Comparison("wrong", "difference", score, reason, measures, errors)


def _plain(image: Image) -> Image:
    return image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image


def _measures(expected: Image, found: Image) -> dict[str, float]:
    squares = absolute = largest = 0.0
    rows = max(1, _STRIP_VALUES // max(1, expected[0].size))
    for start in range(0, len(expected), rows):
        strip = slice(start, start + rows)
        difference = np.abs(unit_range(expected[strip]) - unit_range(found[strip]))
        absolute += float(difference.sum())
        squares += float(np.square(difference).sum())
        largest = max(largest, float(difference.max()))
    mean_square = squares / expected.size
    measures = {
        "psnr_db": min(MAX_PSNR_DB, -10 * log10(mean_square)) if mean_square else MAX_PSNR_DB,
        "mean_abs_difference": absolute / expected.size,
        "max_abs_difference": largest,
    }
    if largest:
        similarity = structural_similarity(expected, found)
    else:  # most recorded images are equal to the last value, and need not pay for it
        similarity = 1.0 if min(expected.shape[:2]) >= WINDOW_PX else None
    return measures if similarity is None else measures | {"ssim": similarity}


def _broken(measures: Mapping[str, float], tolerances: Mapping[str, float]) -> list[str]:
    """Return what is out of tolerance."""
    largest = measures["max_abs_difference"]
    broken = []
    for name, what in (("psnr_db", "PSNR"), ("ssim", "SSIM")):
        # Images too small for SSIM keep its tolerance by being equal.
        value = measures.get(name, 1.0 if largest == 0 else None)
        if name in tolerances and (value is None or value < tolerances[name]):
            shown = "is not defined" if value is None else f"{value:.4g}"
            broken.append(f"{what} {shown}, under {tolerances[name]:g}")
    limit = tolerances.get("atol", None if tolerances.keys() & {"psnr_db", "ssim"} else 0.0)
    if limit is not None and largest > limit:
        broken.append(f"largest difference {largest:.4g} of the full range, above {limit:g}")
    return broken


def difference_map(expected: Image, found: Image) -> NDArray[np.float32]:
    """Return the absolute difference, the largest channel's, (H, W) in shares of the full range.

    Of large images the largest difference in each square of `stride_px` pixels.
    """
    step = stride_px(expected.shape)
    rows = []
    for start in range(0, len(expected), step):
        strip = slice(start, start + step)
        difference = np.abs(unit_range(expected[strip]) - unit_range(found[strip]))
        flat = (difference.max(axis=2) if difference.ndim == 3 else difference).max(axis=0)
        rows.append(np.maximum.reduceat(flat, np.arange(0, len(flat), step)).astype(np.float32))
    return np.stack(rows)


def _regions(expected: Image, found: Image, tolerances: Mapping[str, float]) -> list[ErrorItem]:
    """Return the largest regions in which the difference is over half of the largest, and over atol."""
    shown, step = difference_map(expected, found), stride_px(expected.shape)
    height, width = expected.shape[:2]
    items = []
    for region in worst_regions(shown > max(float(shown.max()) / 2, tolerances.get("atol", 0.0))):
        largest = float(shown[region.rows, region.columns].max())
        left, top, right, bottom = (edge * step for edge in region.box)
        box = (left, top, min(right, float(width)), min(bottom, float(height)))
        items.append(ErrorItem("region", min(1.0, largest), box=box, note=f"differs by up to {largest:.4g}"))
    return sorted(items, key=lambda item: -item.severity)
