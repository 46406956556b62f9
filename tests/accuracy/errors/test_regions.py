"""The worst regions of masks, and the worst places of clouds."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.errors import regions
from pytest_vizart.accuracy.errors.regions import worst_places, worst_regions


def test_regions_are_connected_by_their_sides_largest_first() -> None:
    wrong = np.zeros((10, 12), bool)
    wrong[1:3, 1:3] = True
    wrong[3, 3] = True  # touches the corner only
    wrong[6:9, 5:12] = True
    found = worst_regions(wrong)
    assert [(one.box, one.size_px) for one in found] == [
        ((5.0, 6.0, 12.0, 9.0), 21),
        ((1.0, 1.0, 3.0, 3.0), 4),
        ((3.0, 3.0, 4.0, 4.0), 1),
    ]
    assert wrong[found[0].rows, found[0].columns].all()
    assert len(worst_regions(wrong, most=2)) == 2
    assert worst_regions(np.zeros((4, 4), bool)) == []
    assert worst_regions(np.zeros((0, 4), bool)) == []


def test_noise_gives_five_regions() -> None:
    wrong = np.zeros((60, 60), bool)
    wrong[::2, ::2] = True
    assert [one.size_px for one in worst_regions(wrong)] == [1] * 5


def test_large_images_are_looked_at_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "_LARGEST_PX", 100)
    wrong = np.zeros((20, 20), bool)
    wrong[4:14, 2:12] = True
    (found,) = worst_regions(wrong)
    assert (found.box, found.size_px) == ((2.0, 4.0, 12.0, 14.0), 100)


def test_places_are_the_cells_with_most_wrong_points() -> None:
    generator = np.random.default_rng(0)
    xyz = generator.uniform(0, 32, (5000, 3))
    xyz[:40] = generator.uniform(10.1, 10.9, (40, 3))
    xyz[40:50] = generator.uniform(20.1, 20.4, (10, 3))
    wrong = np.zeros(5000, bool)
    wrong[:50] = True
    found = worst_places(xyz, wrong)
    assert 1 <= len(found) <= 5
    assert sum(len(place.points) for place in found) <= 50
    first = found[0]
    assert set(first.points.tolist()) <= set(range(40))
    assert first.box == (*xyz[first.points].min(axis=0), *xyz[first.points].max(axis=0))


def test_points_without_a_place_and_outliers_hurt_nothing() -> None:
    xyz = np.random.default_rng(1).uniform(0, 1, (300, 3))
    xyz[0] = np.nan
    xyz[1] = 1e9, 0, 0
    xyz[2] = np.inf
    xyz[3] = 1e200, 0, 0
    found = worst_places(xyz, np.ones(300, bool))
    assert len(found) == 5
    assert not {0, 2, 3} & {int(point) for place in found for point in place.points}
    assert worst_places(xyz[:1], np.ones(1, bool)) == []
    assert worst_places(np.empty((0, 3)), np.empty(0, bool)) == []
    (same,) = worst_places(np.zeros((4, 3)), np.ones(4, bool))
    assert (same.box, len(same.points)) == ((0.0,) * 6, 4)
