from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from pytest_vizart.report.drawings import drawing, packed

from . import case_builders


def _unpacked(text: str) -> list[Any]:
    return list(orjson.loads(gzip.decompress(base64.b64decode(text))))


def test_chunks_hold_every_payload_in_order() -> None:
    payloads = [{"number": number} for number in range(130)]
    chunks = packed(payloads)
    assert [item["number"] for chunk in chunks for item in _unpacked(chunk.text)] == list(range(130))
    assert [chunk.first for chunk in chunks] == [0, 48, 96]
    assert [chunk.count for chunk in chunks] == [48, 48, 34]


def test_the_budget_drops_the_last_ones() -> None:
    noise = np.random.default_rng(0)
    payloads = [{"noise": base64.b64encode(noise.bytes(9000)).decode()} for _ in range(100)]
    chunks = packed(payloads, budget_bytes=700_000)
    assert 0 < sum(chunk.count for chunk in chunks) < 100
    assert sum(len(chunk.text) for chunk in chunks) <= 700_000


def test_a_name_that_is_no_utf8_does_not_lose_the_chunk() -> None:
    assert _unpacked(packed([{"path": "bad\udcff"}])[0].text) == [{"path": "bad\\udcff"}]


def test_points_keep_their_places_and_classes() -> None:
    case = case_builders.cloud_case(500)
    xyz = np.frombuffer(base64.b64decode(case.truth["xyz_mm"]), "<i4").reshape(-1, 3)
    drawn = drawing(case)
    assert drawn is not None
    grid = np.frombuffer(base64.b64decode(drawn["xyz"]), "<u2").reshape(-1, 3)
    order = np.argsort(xyz[:, 2], kind="stable")
    back = grid * (drawn["span_m"] * 1000 / 65_535) + xyz.min(axis=0)
    assert np.abs(back - xyz[order]).max() <= drawn["span_m"] * 1000 / 65_535
    truth = np.frombuffer(base64.b64decode(case.truth["class_index"]), "<i2")
    assert np.array_equal(np.frombuffer(base64.b64decode(drawn["truth"]), "<i2"), truth[order])


def test_masks_become_flat_run_lengths(tmp_path: Path) -> None:
    case = case_builders.mask_case(tmp_path, 0)
    drawn = drawing(case)
    assert drawn is not None
    assert sum(drawn["truth"][1::2]) == drawn["width"] * drawn["height"]
    smaller = drawing(replace(case, predicted=case.predicted | {"width": 3}))
    assert smaller is not None
    assert smaller["predicted"] is None


@pytest.mark.parametrize(
    "task, truth",
    [
        ("boxes", {"boxes": [[1, 2, 3, "x"]]}),
        ("boxes", {"boxes": 5}),
        ("semantic", {}),
        ("semantic", {"width": 2, "height": 2, "classes": [], "rle": [1]}),
        ("points", {"xyz_mm": "AAAA", "classes": []}),
        ("points", {}),
        ("unknown", {}),
    ],
)
def test_data_that_is_not_what_its_task_says_is_not_drawn(tmp_path: Path, task: str, truth: dict[str, Any]) -> None:
    case = replace(case_builders.digit_case(tmp_path, 1), task=task, truth=truth, predicted={})
    assert drawing(case) is None
