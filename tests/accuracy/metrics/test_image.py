"""Images: PSNR and SSIM against scikit-image, tolerances, the difference map."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import ssim
from pytest_vizart.accuracy.metrics.image import ImageMetric, compare_images
from pytest_vizart.accuracy.metrics.ssim import structural_similarity
from pytest_vizart.accuracy.predicted import ImagePrediction
from pytest_vizart.records.labels import NO_CLASSES, ImageLabel, LabelSpec

SPEC = LabelSpec("stage", "image", NO_CLASSES)


def pair(shape: tuple[int, ...], kind: str, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(seed)
    first = generator.random(shape)
    second = np.clip(first + generator.normal(0, 0.1, shape), 0, 1)
    scale = {"uint8": 255, "uint16": 65_535}.get(kind, 1)
    rounded = np.round if scale > 1 else np.asarray
    return rounded(first * scale).astype(kind), rounded(second * scale).astype(kind)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 55), (30, 24, 3), (11, 11), (12, 300, 4)])
@pytest.mark.parametrize("strip", [1, 1 << 19])
def test_figures_equal_scikit_image(
    kind: str, shape: tuple[int, ...], strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = pytest.importorskip("skimage.metrics")
    monkeypatch.setattr(ssim, "_STRIP_PX", strip)
    expected, found = pair(shape, kind)
    scale = {"uint8": 255, "uint16": 65_535}.get(kind, 1)
    measures = compare_images(expected, found, {}).measures
    wide = expected.astype(np.float64), found.astype(np.float64)
    assert measures["psnr_db"] == pytest.approx(oracle.peak_signal_noise_ratio(*wide, data_range=scale), abs=1e-9)
    similarity = oracle.structural_similarity(
        *wide, data_range=scale, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        channel_axis=-1 if len(shape) == 3 else None,
    )  # fmt: skip
    assert measures["ssim"] == pytest.approx(similarity, abs=1e-9)
    difference = np.abs(wide[0] - wide[1]) / scale
    assert measures["mean_abs_difference"] == pytest.approx(difference.mean(), abs=1e-12)
    assert measures["max_abs_difference"] == pytest.approx(difference.max(), abs=1e-12)


def test_equal_images_are_correct_and_have_figures() -> None:
    image = pair((20, 20), "uint8")[0]
    found = compare_images(image, image.copy(), {})
    assert (found.status, found.score) == ("correct", pytest.approx(1.0))
    assert (found.measures["psnr_db"], found.measures["ssim"]) == (100.0, 1.0)
    assert structural_similarity(image, image) == pytest.approx(1.0)
    assert structural_similarity(image[:10], image[:10]) is None
    small = compare_images(image[:5], image[:5], {"ssim": 0.9})
    assert (small.status, small.score, "ssim" in small.measures) == ("correct", 1.0, False)


def test_types_are_compared_by_their_range() -> None:
    image = np.array([[0, 255, 51]], dtype=np.uint8)
    assert compare_images(image, np.array([[0.0, 1.0, 0.2]]), {"atol": 1e-9}).status == "correct"
    assert compare_images(image, image.astype(np.uint16) * 257, {"atol": 1e-9}).status == "correct"
    assert compare_images(image, image[:, :, np.newaxis], {}).status == "correct"


@pytest.mark.parametrize(
    "tolerances, reason",
    [
        ({}, "largest difference 0.07843 of the full range, above 0"),
        ({"atol": 0.08}, None),
        ({"atol": 0.05}, "largest difference 0.07843 of the full range, above 0.05"),
        ({"psnr_db": 40.0}, None),
        ({"psnr_db": 50.0}, "PSNR 45.12, under 50"),
        ({"psnr_db": 40.0, "atol": 0.01}, "largest difference 0.07843 of the full range, above 0.01"),
        ({"psnr_db": 50.0, "ssim": 0.9}, "PSNR 45.12, under 50; SSIM is not defined, under 0.9"),
        ({"ssim": 0.9}, "SSIM is not defined, under 0.9"),
    ],
)  # fmt: skip
def test_tolerances_that_are_given_must_all_hold(tolerances: dict[str, float], reason: str | None) -> None:
    expected, found = np.zeros((20, 10), np.uint8), np.zeros((20, 10), np.uint8)
    found[3, 4] = 20
    comparison = compare_images(expected, found, tolerances)
    assert comparison.reason == reason
    assert comparison.status == ("wrong" if reason else "correct")


def test_a_wrong_image_names_its_regions() -> None:
    expected = np.zeros((40, 60, 3), np.uint8)
    found = expected.copy()
    found[10:14, 20:30, 1] = 102
    found[30, 5] = 255
    wrong = compare_images(expected, found, {})
    rows = [(one.kind, one.box, one.severity) for one in wrong.errors]
    assert rows == [("difference", None, 1.0), ("region", (5.0, 30.0, 6.0, 31.0), 1.0)]
    found[30, 5] = 150
    wrong = compare_images(expected, found, {})
    assert [(one.box, one.severity) for one in wrong.errors[1:]] == [
        ((5.0, 30.0, 6.0, 31.0), pytest.approx(150 / 255)),
        ((20.0, 10.0, 30.0, 14.0), pytest.approx(102 / 255)),
    ]


def test_another_size_is_wrong_and_no_error() -> None:
    metric = ImageMetric()
    label, prediction = ImageLabel(np.zeros((20, 30, 3), np.uint8)), ImagePrediction(np.zeros((30, 20, 3), np.uint8))
    found = metric.judge(metric.tally(label, prediction, SPEC), SPEC)
    assert (found.status, found.error_type) == ("wrong", "shape")
    assert found.reason == "image of shape (30, 20, 3), expected (20, 30, 3)"
    assert found.measures["psnr_db"] == 0.0
    assert "difference" not in metric.picture(label, prediction, SPEC)[1]


def test_metrics_are_means_over_the_samples() -> None:
    metric = ImageMetric()
    label = ImageLabel(np.zeros((20, 20)))
    tallies = [
        metric.tally(label, prediction, SPEC)
        for prediction in (ImagePrediction(np.zeros((20, 20))), ImagePrediction(np.full((20, 20), 0.1)), None)
    ]
    running = metric.running(SPEC)
    for tally in tallies:
        running.add(tally, metric.judge(tally, SPEC))
    summary = metric.summarise(tallies, SPEC)
    assert summary.metrics["psnr_db"] == pytest.approx((100 + 20 + 0) / 3)
    assert summary.metrics["mean_abs_difference"] == pytest.approx(1.1 / 3)
    assert summary.metrics["max_abs_difference"] == 1.0
    assert summary.notes == ("1 sample without a prediction counts as wholly different",)
    assert running.values() == {name: summary.metrics[name] for name in running.values()}
    assert set(metric.summarise([], SPEC).metrics.values()) == {None}
    assert metric.info["psnr_db"].unit == "dB"
    assert metric.judge(tallies[2], SPEC).error_type == "no-prediction"


def test_the_difference_map_loses_no_pixel() -> None:
    metric = ImageMetric()
    expected, found = np.zeros((700, 1500, 3), np.uint8), np.zeros((700, 1500, 3), np.uint8)
    found[501, 1202, 2] = 1
    found[699, 1499, 0] = 255
    left, right = metric.picture(ImageLabel(expected), ImagePrediction(found), SPEC)
    assert {name: left[name] for name in ("width", "height")} == {"width": 1500, "height": 700}
    shown = np.frombuffer(b64decode(right["difference"]), np.uint8)
    shown = shown.reshape(right["difference_height"], right["difference_width"])
    assert shown.shape == (234, 500)
    assert {(int(y), int(x)): int(shown[y, x]) for y, x in np.argwhere(shown)} == {(167, 400): 1, (233, 499): 255}
