from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from digits_pipeline import CLASSIFIER, classify, decode, features
from digits_split import GOLDEN_DIGITS, TRAINING_DIGITS
from sklearn.datasets import load_digits


def test_no_digit_is_both_golden_and_learned_from() -> None:
    every = range(len(load_digits().target))
    assert set(every[GOLDEN_DIGITS]).isdisjoint(every[TRAINING_DIGITS])
    assert len(every[GOLDEN_DIGITS]) + len(every[TRAINING_DIGITS]) == len(every)


def test_a_golden_file_holds_the_pixels_of_the_digit_that_its_name_counts(golden_folder: Path) -> None:
    ink = decode(golden_folder / "digits" / "images" / "digit_1700.png")
    blocks = ink.reshape(8, 4, 8, 4)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0
    assert blocks[:, 0, :, 0] * 16 == pytest.approx(load_digits().images[1700], abs=16 / 255 / 2)


def test_the_classes_are_those_of_the_source(golden_folder: Path) -> None:
    with (golden_folder / "digits" / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    target = load_digits().target
    assert len(rows) == 150
    assert all(int(row["label"]) == target[int(row["sample"].removeprefix("digit_"))] for row in rows)


def test_features_have_the_length_that_the_classifier_learned() -> None:
    vector = features(np.random.default_rng(3).random((32, 32)))
    assert vector.shape == (CLASSIFIER.n_features_in_,)
    assert np.isfinite(vector).all()


def test_blank_paper_has_finite_features_and_a_reading() -> None:
    reading = classify(features(np.zeros((32, 32))))
    assert set(reading) == {str(digit) for digit in range(10)}
    assert sum(reading.values()) == pytest.approx(1)


def test_turning_a_stroke_moves_its_features() -> None:
    across = np.zeros((32, 32))
    across[14:18, 4:28] = 1
    assert not np.allclose(features(across)[64:], features(across.T)[64:], atol=0.05)
