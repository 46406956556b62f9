"""`vizart evaluate`: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli import main
from pytest_vizart.cli.evaluate import evaluate as command
from pytest_vizart.cli.evaluate_table import _widths
from pytest_vizart.workflow.evaluation.document import document
from pytest_vizart.workflow.evaluation.evaluate import evaluate
from pytest_vizart.workflow.evaluation.predictions import prediction_formats
from tests.golden.datasets import shared
from tests.workflow.evaluation.files import BOXES, coco_labels, results, write_json, write_lines, write_mask

PAGE = (Path(__file__).parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")


def vizart(labels: Path, predictions: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["evaluate", "--labels", str(labels), "--predictions", str(predictions), *arguments]
    )


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return coco_labels(tmp_path)


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """The coins are right, the key is called a coin, and one result is of an image that is not there."""
    rows = results([(image, 3, box) for image, _, box in BOXES] + [(99, 3, [0.0, 0.0, 1.0, 1.0])])
    return write_json(tmp_path / "results.json", rows)


def test_the_table_of_coco_files(labels: Path, predictions: Path) -> None:
    result = vizart(labels, predictions)
    assert result.exit_code == 0
    assert result.output == (
        "boxes: results.json (coco) against labels.json (coco)\n"
        "2 samples: 1 correct, 1 wrong (score 0.5, IoU 0.5)\n"
        "\n"
        "  map                0.417  map_50             0.417  map_75             0.417\n"
        "  map_small          0.417  map_medium             –  map_large              –\n"
        "  mar_1              0.500  mar_10             0.500  mar_100            0.500\n"
        "  mar_small          0.500  mar_medium             –  mar_large              –\n"
        "  voc_map            0.417  voc_map_11         0.424  precision          0.667\n"
        "  recall             0.667  f1                 0.667  best_f1            0.667\n"
        "  best_f1_threshold  0.900\n"
        "\n"
        "  class, worst first        ap     ap_50     ap_75 precision    recall   objects\n"
        "  key                    0.000     0.000     0.000         –     0.000         1\n"
        "  coin                   0.835     0.835     0.835     0.667     1.000         2\n"
        "\n"
        "  errors                                              count  samples  AP without\n"
        "  Cls           right place, wrong class                  1        1      +0.583\n"
        "\n"
        "not in these figures, or not seen in them\n"
        "  1 prediction of unknown images left out: ID 99\n"
        "  3 right and wrong predictions share their scores: the order in which they come\n"
        "    decides; average precision at the stage's threshold could be anything from\n"
        "    0.333 to 0.500\n"
    )


@pytest.mark.parametrize("task", ["boxes", "instances", "semantic", "classes"])
def test_no_line_is_wider_than_80_columns(task: str, tmp_path: Path) -> None:
    if task in ("boxes", "instances"):
        folder = shared("coco_small_fce", "dataset")
        paths = folder / "gt_dataset.json", folder / "dt_dataset.json"
        extra = ["--task", task]
    elif task == "semantic":
        folder = shared("seg_cocostuff")
        paths = folder / "annotations" / "stuff_examples.json", folder / "results" / "segmentations" / "examples"
        extra = ["--per-class"]
    else:
        long = "a class whose name is longer than most, by far, of all"
        lines = [f"{'x' * 90}{number}.jpg,{long}{number % 30}" for number in range(60)]
        paths = (
            write_lines(tmp_path / "l.csv", "sample,label", *lines),
            write_lines(tmp_path / "p.csv", "sample,label", *lines[:-1], f"{lines[-1][:-2]}1"),
        )
        extra = []
    result = vizart(*paths, "--samples", *extra)
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80


def test_classes_beyond_the_twentieth_are_counted(tmp_path: Path) -> None:
    lines = [f"{number}.jpg,c{number:02}" for number in range(25)]
    paths = (
        write_lines(tmp_path / "l.csv", "sample,label", *lines),
        write_lines(tmp_path / "p.csv", "sample,label", *lines),
    )
    assert "  and 5 more classes (--per-class)\n" in vizart(*paths).output
    whole = vizart(*paths, "--per-class").output
    assert "more classes" not in whole
    assert "c24" in whole


def test_limits_decide_the_exit_status(labels: Path, predictions: Path) -> None:
    met = vizart(labels, predictions, "--min", "map=0.4", "--max", "recall=0.7")
    assert met.exit_code == 0
    assert met.output.endswith("\nPASS map 0.417492, at least 0.4\nPASS recall 0.666667, at most 0.7\n")
    missed = vizart(labels, predictions, "--min", "map=0.4", "--min", "map_large=0.1", "--max", "f1=0.5")
    assert missed.exit_code == 1
    assert missed.output.splitlines()[-2:] == [
        "FAIL map_large not defined on this data, at least 0.1",
        "FAIL f1 0.666667, at most 0.5",
    ]
    assert json.loads(vizart(labels, predictions, "--json", "--min", "map=0.9").output)["ok"] is False


@pytest.mark.parametrize("limit", ["map", "map=high", "=0.5", "map=nan"])
def test_what_is_no_limit_is_a_usage_error(limit: str, labels: Path, predictions: Path) -> None:
    result = vizart(labels, predictions, "--min", limit)
    assert result.exit_code == 2
    assert "is no limit; expected METRIC=VALUE" in result.output


def test_the_document(labels: Path, predictions: Path) -> None:
    result = vizart(labels, predictions, "--json", "--samples", "--min", "map=0.4")
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert told["schema_version"] == 1
    assert told["metrics"]["map"] == evaluate(labels, predictions).metrics["map"]
    assert told["metrics"]["map_large"] is None
    assert told["counts"] == {"correct": 1, "wrong": 1, "invalid": 0, "unlabeled": 0}
    assert told["limits"] == [
        {"metric": "map", "kind": "min", "limit": 0.4, "value": told["metrics"]["map"], "met": True}
    ]
    assert [(one["sample_id"], one["status"]) for one in told["samples"]] == [("a", "wrong"), ("b", "correct")]
    assert told["samples"][0]["errors"][0]["kind"] == "Cls"
    assert "samples" not in json.loads(vizart(labels, predictions, "--json").output)


def test_numbers_only_are_the_same_numbers(labels: Path, predictions: Path) -> None:
    whole = json.loads(vizart(labels, predictions, "--json").output)
    alone = json.loads(vizart(labels, predictions, "--json", "--numbers-only").output)
    assert alone["metrics"] == {name: whole["metrics"][name] for name in alone["metrics"]}
    assert len(alone["metrics"]) == 12
    assert (alone["errors"], alone["counts"]) == ([], None)
    assert vizart(labels, predictions, "--numbers-only").exit_code == 0


def test_classes_by_name_and_by_file(tmp_path: Path) -> None:
    write_mask(tmp_path / "l" / "a.png", [[0, 1]])
    write_mask(tmp_path / "p" / "a.png", [[0, 0]])
    names = write_lines(tmp_path / "names.txt", "road", "sky")
    table = write_lines(tmp_path / "data.yaml", "names:", "  0: road", "  1: sky")
    outputs = {
        vizart(tmp_path / "l", tmp_path / "p", "--classes", given).output
        for given in ("road,sky", str(names), str(table))
    }
    assert len(outputs) == 1
    assert re.search(r"pixel_accuracy +0\.500", outputs.pop())


@pytest.mark.parametrize(
    "content, arguments, message",
    [
        ("[", [], r"results\.json, line 2, column 1: not JSON"),
        ('[{"image_id": 7}]', [], r"results\.json, \[0\]\.category_id: not an ID"),
        ("version https://git-lfs.github.com/spec/v1\n", ["--predictions-format", "coco"], "Git LFS pointer"),
        ("[]", ["--task", "semantic"], "predictions of format coco are for another task"),
        ("[]", ["--min", "mapp=0.5"], "unknown metric"),
        ("[]", ["--predictions-format", "cocco"], "did you mean 'coco'"),
        ("[]", ["--classes", "a,a"], "not a class map"),
    ],
)
def test_what_cannot_be_evaluated_ends_with_2_and_says_why(
    content: str, arguments: list[str], message: str, labels: Path, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "results.json", content)
    result = vizart(labels, path, *arguments)
    assert result.exit_code == 2
    assert re.search(message, result.output), result.output
    assert "Traceback" not in result.output
    assert "hint: " in result.output


def test_absent_files_and_options(labels: Path, tmp_path: Path) -> None:
    for paths in ((tmp_path / "x.json", labels), (labels, tmp_path / "x.json")):
        result = vizart(*paths)
        assert (result.exit_code, "no such file" in result.output) == (2, True)
    assert CliRunner().invoke(main, ["evaluate", "--labels", str(labels)]).exit_code == 2


def test_names_of_the_coco_tools_for_tasks_are_taken() -> None:
    folder = shared("coco_small_fce", "dataset")
    told = json.loads(vizart(folder / "gt_dataset.json", folder / "dt_dataset.json", "--task", "segm", "--json").output)
    assert told["task"] == "instances"


def test_heavy_libraries_are_not_loaded_for_coco_files(labels: Path, predictions: Path) -> None:
    program = (
        "import sys; from pytest_vizart import evaluate; "
        f"evaluate({str(labels)!r}, {str(predictions)!r}); "
        "print(*[name for name in ('pyarrow', 'sklearn', 'PIL', 'scipy', 'loguru', 'plotly', 'pytest', 'psutil') "
        "if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == []


def test_the_page_names_every_option_format_and_key(labels: Path, predictions: Path) -> None:
    flags = [flag for option in command.params if isinstance(option, click.Option) for flag in option.opts]
    assert [flag for flag in flags if f"`{flag}" not in PAGE] == []
    assert [form for form in prediction_formats() if f"| `{form}` |" not in PAGE] == []
    found = document(evaluate(labels, predictions), samples=True)
    assert [key for key in _keys(found) if f"| `{key}` |" not in PAGE] == []


def _keys(told: dict[str, Any]) -> list[str]:
    inner = [f"samples[].{key}" for key in told["samples"][0]]
    return [*told, *inner, *(f"errors[].{key}" for key in told["errors"][0])]


VOC = (
    "<annotation><filename>a.jpg</filename><object><name>coin</name>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def test_folders_and_templates_of_label_files(tmp_path: Path) -> None:
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc/a.xml").write_text(VOC, encoding="utf-8")
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/a.txt").write_text("0 .5 .5 .2 .2\n", encoding="utf-8")
    rows = write_lines(
        tmp_path / "p.jsonl", {"sample": "a", "boxes": [[0, 0, 20, 20]], "scores": [0.9], "labels": ["coin"]}
    )
    for path in (tmp_path / "voc", tmp_path / "voc" / "{id}.xml"):
        result = vizart(path, rows)
        assert (result.exit_code, "1 sample: 1 correct, 0 wrong" in result.output) == (0, True)
    scored = tmp_path / "scored"
    scored.mkdir()
    (scored / "a.txt").write_text("0 .5 .5 .2 .2 .9\n", encoding="utf-8")
    unsized = vizart(tmp_path / "voc", scored)
    assert (unsized.exit_code, "--images DIR" in unsized.output) == (2, True)
    refused = vizart(tmp_path / "yolo", rows)
    assert (refused.exit_code, "--format yolo, kitti or text" in refused.output) == (2, True)


def test_a_sample_without_a_prediction_is_told_once(tmp_path: Path) -> None:
    truth = tmp_path / "labels.csv"
    truth.write_text("file,label\na.png,coin\nb.png,key\n", encoding="utf-8")
    rows = write_lines(tmp_path / "p.jsonl", {"sample": "a", "label": "coin", "score": 0.9})
    assert " ".join(vizart(truth, rows).output.split()).count("without a prediction") == 1


def test_names_of_columns_are_whole_where_there_is_room() -> None:
    assert _widths(["iou", "boundary_iou", "precision", "pixels"]) == [10, 13, 10, 10]
    assert sum(_widths(["boundary_iou_of_a_class"] * 6)) == 60
