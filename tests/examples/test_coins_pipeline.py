from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from coins_pipeline import decode, find_boxes, preprocess, segment
from numpy.typing import NDArray


def picture_of_a_disc(*, background: float) -> NDArray[np.float64]:
    rows, columns = np.indices((128, 128))
    return np.where((rows - 60) ** 2 + (columns - 70) ** 2 < 25**2, 0.8, background)


def test_a_bright_disc_is_found_where_it_is() -> None:
    found = find_boxes(segment(preprocess(picture_of_a_disc(background=0.15))))
    assert found["labels"] == ["coin"]
    assert found["boxes"][0] == pytest.approx([46, 36, 95, 85], abs=1.5)


def test_an_empty_mask_gives_an_empty_table_of_boxes() -> None:
    found = find_boxes(np.zeros((20, 20), dtype=np.bool_))
    assert found["boxes"].shape == (0, 4)
    assert found["scores"].shape == (0,)


def test_dust_is_no_coin() -> None:
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[5:10, 5:10] = True
    assert len(find_boxes(mask)["boxes"]) == 0


def test_boxes_are_half_open() -> None:
    mask = np.zeros((40, 50), dtype=np.bool_)
    mask[10:30, 20:45] = True
    assert find_boxes(mask)["boxes"].tolist() == [[20, 10, 45, 30]]


def test_a_tile_gives_the_same_result_twice(golden_folder: Path) -> None:
    tile = golden_folder / "coins" / "images" / "tile_12.png"
    one, other = (find_boxes(segment(preprocess(decode(tile)))) for _ in range(2))
    assert np.array_equal(one["boxes"], other["boxes"])
    assert len(one["boxes"]) > 3
