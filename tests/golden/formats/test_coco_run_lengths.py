"""Run lengths of many masks checked together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as codec

from pytest_vizart.golden.formats.coco_run_lengths import checked_masks, covers
from pytest_vizart.golden.formats.mask_areas import mask_areas


def encoded(mask: np.ndarray[Any, Any]) -> bytes:
    counts: bytes = codec.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return counts


MASKS = st.builds(
    lambda seed, height, width, share: np.random.default_rng(seed).random((height, width)) < share,
    st.integers(0, 999),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
)


@given(masks=st.lists(MASKS, max_size=6))
def test_what_the_codec_wrote_covers_its_image_and_no_other(masks: list[np.ndarray[Any, Any]]) -> None:
    texts, pixels = [encoded(mask) for mask in masks], np.array([mask.size for mask in masks], dtype=np.int64)
    assert covers(texts, pixels).all()
    assert not covers(texts, pixels + 1).any()


@given(masks=st.lists(MASKS, min_size=3, max_size=6), data=st.data())
def test_damage_is_found_in_the_text_that_has_it(masks: list[np.ndarray[Any, Any]], data: st.DataObject) -> None:
    texts, pixels = [encoded(mask) for mask in masks], np.array([mask.size for mask in masks], dtype=np.int64)
    wrong = data.draw(st.sampled_from([b"", b"\xff", b"~", b"P", b"PPPPPPPPPPPP0", texts[1] + b"1", texts[1] + b"P"]))
    expected = np.array([True, False] + [True] * (len(masks) - 2))
    assert (covers([texts[0], wrong, *texts[2:]], pixels) == expected).all()


@given(text=st.binary(max_size=12), pixels=st.integers(1, 300))
def test_it_agrees_with_plain_decoding(text: bytes, pixels: int) -> None:
    assert covers([text], np.array([pixels])).tolist() == [_plainly(text, pixels)]


def _plainly(text: bytes, pixels: int) -> bool:
    runs: list[int] = []
    value = groups = 0
    for code in text:
        if not 48 <= code < 48 + 64:
            return False
        value |= ((code - 48) & 31) << (5 * groups)
        groups += 1
        if groups > 6:
            return False
        if (code - 48) & 32:
            continue
        if (code - 48) & 16:
            value -= 1 << (5 * groups)
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = groups = 0
    return bool(runs) and not groups and min(runs) >= 0 and sum(runs) == pixels


def test_texts_of_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = [np.random.default_rng(seed).random((9, 9)) < 0.3 for seed in range(9)]
    monkeypatch.setattr("pytest_vizart.golden.formats.coco_run_lengths._CHARACTERS_AT_ONCE", 20)
    texts = [encoded(mask) for mask in masks]
    assert covers([*texts, b"1"], np.full(10, 81)).tolist() == [True] * 9 + [False]


def test_all_forms_of_a_mask_become_run_lengths() -> None:
    mask = np.zeros((4, 5), dtype=bool)
    mask[1:3, 1:4] = True
    text = encoded(mask).decode()
    forms = [
        {"size": [4, 5], "counts": text},
        {"size": [4, 5], "counts": [5, 2, 2, 2, 2, 2, 5]},
        [[1, 1, 4, 1, 4, 3, 1, 3]],
    ]
    masks = checked_masks(forms, [(4, 5)] * 3, Path("x.json"), str)
    assert masks == (text.encode(),) * 3
    assert mask_areas(masks, [(4, 5)] * 3).tolist() == [6, 6, 6]


def test_areas_of_more_masks_than_the_codec_takes_at_once() -> None:
    masks = [encoded((np.arange(400) < number)[None, :]) for number in range(300)]
    assert mask_areas(masks, [(1, 400)] * 300).tolist() == list(range(300))
