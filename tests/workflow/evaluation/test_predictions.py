"""Predictions in files of many formats, against one ground truth."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart import (
    GoldenError,
    GoldenFormatError,
    PredictionError,
    UsageError,
    VizartError,
    evaluate,
    register_metric,
)
from pytest_vizart.accuracy import custom
from tests.golden.datasets import shared
from tests.workflow.evaluation.files import BOXES, coco_labels, results, write_json, write_lines, write_mask
from tests.workflow.evaluation.test_labels import RODM, VOC

YOLO = {"a": ["0 0.09375 0.125 0.125 0.1666666667 0.9", "1 0.40625 0.25 0.1875 0.3333333333 0.8"],
        "b": ["0 0.125 0.1666666667 0.25 0.3333333333 0.7"]}  # fmt: skip


@pytest.mark.parametrize("folder, box_format", [("abs_xywh", "xywh"), ("abs_xyx2y2", "xyxy"), ("rel_xywh", "cxcywh")])
def test_one_set_of_predictions_in_several_layouts_gives_the_same_figures(folder: str, box_format: str) -> None:
    labels = shared(RODM, "gts", "coco_format_v2", "instances_v2.json")
    found = evaluate(
        labels,
        shared(RODM, "dets", folder),
        predictions_format="boxes-text",
        box_format=box_format,
        prediction_classes=VOC,
    )
    # Their numbers have six decimals.
    assert found.metrics["map"] == pytest.approx(0.3469581862666, abs=1e-6)
    assert found.counts == evaluate(labels, shared(RODM, "dets", "coco_format", "coco_dets.json")).counts


def test_layouts_that_are_no_yolo_are_refused_with_the_way_out() -> None:
    labels = shared(RODM, "gts", "coco_format_v2", "instances_v2.json")
    with pytest.raises(GoldenFormatError, match=r"coordinates are no shares.*boxes-text"):
        evaluate(labels, shared(RODM, "dets", "abs_xywh"), prediction_classes=VOC)
    with pytest.raises(GoldenFormatError, match="with the score in the second column all boxes lie inside"):
        evaluate(labels, shared(RODM, "dets", "rel_xywh"), prediction_classes=VOC)
    with pytest.raises(UsageError, match="box format is not known"):
        evaluate(labels, shared(RODM, "dets", "abs_xywh"), predictions_format="boxes-text")


def test_yolo_files_with_scores(tmp_path: Path) -> None:
    labels = coco_labels(tmp_path)
    for name, lines in YOLO.items():
        write_lines(tmp_path / "found" / f"{name}.txt", *lines)
    with pytest.raises(PredictionError, match=r"a\.txt, labels: class numbers can be IDs or indices.*--class-numbers"):
        evaluate(labels, tmp_path / "found")
    found = evaluate(labels, tmp_path / "found", class_numbers="index")
    assert found.metrics["map_75"] == pytest.approx(1)
    assert evaluate(labels, tmp_path / "found", prediction_classes=["coin", "key"]).metrics == found.metrics
    (tmp_path / "found" / "b.txt").unlink()
    missing = evaluate(labels, tmp_path / "found", class_numbers="index")
    assert [one.status for one in missing.outcomes] == ["correct", "wrong"]
    assert missing.notes == ()  # no file is no detection


@pytest.mark.parametrize(
    "task, line, value",
    [
        ("instances", "0 0 0 0.5 0 0.5 0.5 0 0.5 0.9", {"segmentation": [[0, 0, 16, 0, 16, 12, 0, 12]]}),
        ("oriented_boxes", "0 0 0 0.5 0 0.5 0.5 0 0.5 0.9", None),
    ],
)
def test_yolo_outlines(task: str, line: str, value: dict[str, Any] | None, tmp_path: Path) -> None:
    write_lines(tmp_path / "found" / "a.txt", line)
    if value is None:
        labels: Any = {"a": {"boxes": [[8, 6, 16, 12, 0]], "labels": ["coin"]}}
        with pytest.raises(GoldenFormatError, match="size of the image is not known"):
            evaluate(labels, tmp_path / "found", task=task)
        return
    rows = [{"id": 1, "image_id": 1, "category_id": 0, "area": 192, "iscrowd": 0, "bbox": [0, 0, 16, 12], **value}]
    images = [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}]
    document = {"images": images, "annotations": rows, "categories": [{"id": 0, "name": "coin"}]}
    found = evaluate(write_json(tmp_path / "l.json", document), tmp_path / "found", task=task)
    assert found.metrics["map"] == pytest.approx(1)


@pytest.mark.parametrize(
    "name, lines",
    [
        ("p.jsonl", [{"sample": "a", "boxes": [[1, 1, 5, 5], [10, 2, 16, 10]],
                      "scores": [0.9, 0.8], "labels": ["coin", "key"]},
                     {"file_name": "b.jpg", "prediction": [{"box": [0, 0, 8, 8], "score": 0.7, "label": "coin"}]}]),
        ("p.jsonl", [{"image": "images/a.jpg", "objects": [{"bbox": [1, 1, 4, 4], "category_id": 3, "score": 0.9},
                                                           {"bbox": [10, 2, 6, 8], "category_id": 5, "score": 0.8}]},
                     {"id": "b", "objects": [{"bbox": [0, 0, 8, 8], "category_id": 3, "score": 0.7}]}]),
        ("p.json", ['{"a": [{"box": [1, 1, 5, 5], "label": "coin"}, {"box": [10, 2, 16, 10], "label": "key"}],',
                    '"b.jpg": {"boxes": [[0, 0, 8, 8]], "labels": ["coin"]}}']),
        ("p.json", ['[{"sample": "a", "boxes": [[1, 1, 5, 5], [10, 2, 16, 10]], "labels": ["coin", "key"]},',
                    '{"sample": "b", "boxes": [[0, 0, 8, 8]], "labels": ["coin"]}]']),
    ],
)  # fmt: skip
def test_rows_in_the_accepted_forms(name: str, lines: list[Any], tmp_path: Path) -> None:
    found = evaluate(coco_labels(tmp_path), write_lines(tmp_path / "found" / name, *lines))
    assert found.metrics["map"] == pytest.approx(1)
    assert found.notes == ()


def test_missing_and_unknown_samples_are_told(tmp_path: Path) -> None:
    line = {"boxes": [[0, 0, 8, 8]], "labels": ["coin"]}
    path = write_lines(tmp_path / "p.jsonl", {"sample": "b", **line}, {"sample": "z", **line})
    found = evaluate(coco_labels(tmp_path), path)
    assert found.notes[:2] == (
        "predictions of 1 unknown sample left out: z",
        "1 sample of 2 without a prediction, which count as if nothing was predicted: a",
    )
    assert found.counts is not None
    assert (found.counts.correct, found.counts.invalid) == (1, 1)
    assert found.metrics["recall"] == pytest.approx(1 / 3)
    with pytest.raises(PredictionError, match="not one prediction is of a sample of the ground truth"):
        evaluate(coco_labels(tmp_path), write_lines(tmp_path / "p.jsonl", {"sample": "z", **line}))


def test_unknown_images_and_classes_of_results_are_told(tmp_path: Path) -> None:
    labels = coco_labels(tmp_path)
    rows = [*BOXES, (99, 3, [0, 0, 1, 1]), (7, 4, [0, 0, 1, 1])]
    found = evaluate(labels, write_json(tmp_path / "p.json", results(rows)))
    assert found.metrics["map"] == pytest.approx(1)
    assert found.notes == (
        "1 prediction of unknown images left out: ID 99",
        "1 prediction of unknown classes left out: ID 4",
    )
    with pytest.raises(PredictionError, match="not one prediction is of an image of the ground truth"):
        evaluate(labels, write_json(tmp_path / "p.json", results([(99, 3, [0, 0, 1, 1])])))


def test_no_results_at_all_find_nothing(tmp_path: Path) -> None:
    found = evaluate(coco_labels(tmp_path), write_json(tmp_path / "p.json", []))
    assert found.metrics["map"] == 0.0
    assert [(one.kind, one.count) for one in found.errors] == [("Miss", 3)]


def test_results_may_name_images_of_other_labels_by_their_ids(tmp_path: Path) -> None:
    labels = write_lines(
        tmp_path / "l.jsonl",
        {"file_name": "000000000042.jpg", "boxes": [[0, 0, 9, 9]], "labels": ["cat"]},
        {"file_name": "x.jpg", "boxes": [[0, 0, 9, 9]], "labels": ["cat"]},
    )
    rows = [(42, 0, [0, 0, 9, 9]), ("x", 0, [0, 0, 9, 9])]
    assert evaluate(labels, write_json(tmp_path / "p.json", results(rows))).metrics["map"] == pytest.approx(1)


def test_scores_of_classes_in_a_table(tmp_path: Path) -> None:
    labels = write_lines(tmp_path / "l.csv", "sample,label", "a,cat", "b,dog")
    found = evaluate(labels, write_lines(tmp_path / "p.csv", "sample,label,score", "a,cat,0.9", "b,1,0.4"))
    assert found.metrics["accuracy"] == 1.0
    with pytest.raises(GoldenFormatError, match=r"p\.csv, line 2: not a score"):
        evaluate(labels, write_lines(tmp_path / "p.csv", "sample,label,score", "a,cat,high"))
    with pytest.raises(
        PredictionError, match=r"p\.csv, line 2, label: unknown class.*found cta; hint: did you mean 'cat'"
    ):
        evaluate(labels, write_lines(tmp_path / "p.csv", "sample,label", "a,cta"))


def test_masks_by_index_by_the_models_classes_and_with_ignored_pixels(tmp_path: Path) -> None:
    labels = {"a": [[4, 9], [9, 4]]}
    chosen: dict[str, Any] = {"task": "semantic", "classes": {4: "road", 9: "sky"}}
    path = write_mask(tmp_path / "p" / "a.png", [[0, 1], [1, 255]])
    found = evaluate(labels, path.parent, class_numbers="index", **chosen)
    assert found.metrics["pixel_accuracy"] == 0.75
    swapped = evaluate(labels, path.parent, prediction_classes=["sky", "road"], **chosen)
    assert swapped.metrics["pixel_accuracy"] == 0.0
    with pytest.raises(GoldenFormatError, match=r"a\.png.*--class-numbers, --ignore"):
        evaluate(labels, path.parent, **chosen)
    np.save(tmp_path / "p" / "a.npy", np.array([[4, 9], [9, 4]]))
    assert evaluate(labels, tmp_path / "p" / "a.npy", **chosen).metrics["pixel_accuracy"] == 1.0


def test_point_labels(tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    np.array([0, 1, 1 | 5 << 16], dtype="<u4").tofile(tmp_path / "found" / "s.label")
    found = evaluate({"s": [0, 1, 0]}, tmp_path / "found", task="points", classes=["road", "car"])
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)


def test_texts_in_files(tmp_path: Path) -> None:
    write_lines(tmp_path / "found" / "a.txt", "EXIT")
    found = evaluate({"a": "EXIT"}, tmp_path / "found", task="text", predictions_format="text")
    assert found.metrics["exact_match"] == 1.0


def test_metrics_of_the_users_own_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom, "_registered", {})

    @register_metric("predicted_objects", task="boxes", add_up="sum")
    def predicted_objects(truth: Any, prediction: Any) -> float:
        """How many."""
        return float(len(prediction))

    found = evaluate(coco_labels(tmp_path), write_json(tmp_path / "p.json", results()))
    assert found.metrics["predicted_objects"] == 3.0


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("p.dat", "x", "format of the predictions is not known"),
        (
            "p.json",
            '{"images": [], "annotations": [{"id": 1}], "categories": []}',
            "were --labels and --predictions exch",
        ),
        ("p.json", "[1]", r"p\.json, \[0\]: row names no sample"),
        ("p.json", "{", r"p\.json, line 2, column 1: not JSON"),
        ("p.json", '[{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1], "score": NaN}]', r"p\.json.*not JSON"),
        ("p.json", '[{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1], "score": 1}]', r"\[0\]\.bbox: not a box"),
        ("p.jsonl", '{"sample": "a"}', r"line 1, boxes: no boxes in it"),
        ("p.jsonl", '{"sample": "a", "boxes": [[0, 0, 1, 1]], "labels": ["con"]}', "did you mean 'coin'"),
        ("p.jsonl", '{"sample": "a"}\n{"sample": "a"}', "line 2: sample has several rows"),
        ("p.csv", "sample,label\na,coin", "predictions of format csv are for another task"),
        ("p.txt", "0 0.5 0.5 0.1 0.1 0.9", "one file of predictions for several samples"),
    ],
)
def test_what_cannot_be_read_says_file_place_and_remedy(name: str, content: str, message: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "found" / name, content)
    with pytest.raises((GoldenError, PredictionError, UsageError), match=message) as raised:
        evaluate(coco_labels(tmp_path), path)
    assert raised.value.hint


def test_damaged_files_raise_errors_of_this_package_alone(tmp_path: Path) -> None:
    """Bytes cut, doubled and replaced, of every format."""
    labels = coco_labels(tmp_path)
    write_json(tmp_path / "coco.json", results())
    write_lines(tmp_path / "rows.jsonl", {"sample": "a", "boxes": [[0, 0, 8, 8]], "scores": [0.5], "labels": ["coin"]})
    write_json(tmp_path / "rows.json", {"a": {"boxes": [[0, 0, 8, 8]], "labels": ["coin"]}})
    write_lines(tmp_path / "one" / "a.txt", YOLO["a"][0])
    files = [
        tmp_path / "coco.json",
        tmp_path / "rows.jsonl",
        tmp_path / "rows.json",
        tmp_path / "one" / "a.txt",
        labels,
    ]
    random = np.random.default_rng(4)
    for path in files:
        whole = path.read_bytes()
        for _ in range(60):
            content = bytearray(whole)
            for place in random.integers(0, len(content), 3).tolist():
                content[place : place + int(random.integers(1, 4))] = random.choice(
                    [b"", b"\x00", b"[", b"-", b"1e999", b"null", b'"', b"\xff", b"9" * 30]
                )
            path.write_bytes(content)
            with suppress(VizartError):
                evaluate(labels, path if path is not labels else tmp_path / "coco.json", class_numbers="index")
        path.write_bytes(whole)


@pytest.mark.parametrize("values", [3, [1, 2], {1: "cat"}, [("a", "cat", "dog")]])
def test_values_that_are_no_predictions(values: Any) -> None:
    with pytest.raises(UsageError, match="not predictions"):
        evaluate({"a": "cat"}, values)
    with pytest.raises(UsageError, match=r"not labels|no text"):
        evaluate(values, {"a": "cat"})


def test_a_second_prediction_for_a_sample_in_memory() -> None:
    with pytest.raises(UsageError, match="two predictions for one sample"):
        evaluate({"a": "cat"}, [("a", "cat"), ("a", "dog")])
    with pytest.raises(UsageError, match="two labels for one sample"):
        evaluate([("a", "cat"), ("a", "dog")], {"a": "cat"})


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    labels = coco_labels(tmp_path)
    for name in ("x" * 5000, "\0"):
        with pytest.raises(GoldenError, match="no such file"):
            evaluate(labels, name)
        with pytest.raises(GoldenError, match="no such file"):
            evaluate(name, labels)
