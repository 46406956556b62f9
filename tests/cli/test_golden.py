"""`vizart golden`: its output, its JSON and its exit status."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pytest_vizart.cli import main
from pytest_vizart.golden.dataset import GoldenDataset
from tests.golden.datasets import box_dataset, write_images

BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6}


def golden(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["golden", *map(str, arguments)])


def document(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(golden(*arguments, "--json").output)
    assert found["schema_version"] == 1
    return found


def test_validate_tells_that_nothing_is_wrong(tmp_path: Path) -> None:
    box_dataset(tmp_path / "coins", [BOX])
    result = golden("validate", tmp_path)
    assert result.exit_code == 0
    assert result.output == "coins: 2 samples, 1 stage (detect): nothing is wrong\n"


def test_validate_takes_the_folder_golden_if_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert golden("validate").exit_code == 2
    box_dataset(tmp_path / "golden" / "coins", [BOX])
    assert golden("validate").output.startswith("coins: ")


def test_validate_lists_problems_with_place_and_fails(tmp_path: Path) -> None:
    box_dataset(tmp_path, [BOX, {**BOX, "id": 0, "bbox": [1, 1, 0, 3]}])
    result = golden("validate", tmp_path)
    assert result.exit_code == 1
    assert "1 error, 1 warning" in result.output
    assert "error zero-area: a box without an area" in result.output
    assert "    boxes.json, annotations[1].bbox: box (1, 1, 1, 4) has no area" in result.output
    found = document("validate", tmp_path)
    assert found["ok"] is False
    (one,) = found["datasets"]
    assert [(row["kind"], row["severity"]) for row in one["findings"]] == [
        ("zero-area", "error"),
        ("id-zero", "warning"),
    ]
    assert one["findings"][0]["file"] == str(tmp_path / "boxes.json")


def test_warnings_fail_under_strict_only(tmp_path: Path) -> None:
    box_dataset(tmp_path, [{**BOX, "id": 0}])
    assert golden("validate", tmp_path).exit_code == 0
    assert golden("validate", tmp_path, "--strict").exit_code == 1


def test_validate_shortens_long_lists_unless_asked(tmp_path: Path) -> None:
    box_dataset(tmp_path, [{**BOX, "id": number, "bbox": [1, 1, 0, 0]} for number in range(1, 31)])
    result = golden("validate", tmp_path)
    assert result.output.count("has no area") == 20
    assert "... and 10 more (--all)" in result.output
    assert golden("validate", tmp_path, "--all").output.count("has no area") == 30


def test_validate_of_a_broken_manifest_is_a_problem_of_a_folder_without_data_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "golden.yaml").write_text("samples: [", encoding="utf-8")
    assert golden("validate", tmp_path).exit_code == 1
    (tmp_path / "empty").mkdir()
    result = golden("validate", tmp_path / "empty")
    assert result.exit_code == 2
    assert "no golden dataset" in result.output


def test_names_of_files_cannot_move_the_cursor(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [])
    (root / "images" / "\x1b[31mred.png").write_bytes(b"")
    assert "\x1b" not in golden("validate", root).output


def test_stats_counts(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [BOX], tags={"dark": ["a"]}, splits={"train": ["a", "b"]})
    text = golden("stats", root).output
    assert "2 samples, digest " in text
    assert "  splits: train 2" in text
    assert "  tags: dark 1" in text
    assert "  detect (boxes): 2 labelled, 1 object\n" in text
    assert "    small 1, medium 0, large 0" in text
    (found,) = document("stats", root)["datasets"]
    assert found["stages"][0]["per_class"] == {"coin": 1}
    assert found["digest"] == GoldenDataset.load(root).digest


def test_stats_of_a_dataset_that_cannot_be_loaded_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "golden.yaml").write_text("samples: [", encoding="utf-8")
    result = golden("stats", tmp_path)
    assert result.exit_code == 2
    assert "line" in result.output


def test_init_writes_what_it_recognises_and_never_overwrites(tmp_path: Path) -> None:
    box_dataset(tmp_path, [BOX])
    (tmp_path / "golden.yaml").unlink()
    result = golden("init", tmp_path)
    assert result.exit_code == 0
    assert "written: " in result.output
    text = (tmp_path / "golden.yaml").read_text(encoding="utf-8")
    assert "# Stage whose predictions these labels judge" in text
    assert [spec.stage for spec in GoldenDataset.load(tmp_path).specs] == ["boxes"]
    again = golden("init", tmp_path)
    assert again.exit_code == 2
    assert "already" in again.output
    assert (tmp_path / "golden.yaml").read_text(encoding="utf-8") == text


def test_init_lets_choose_where_several_readings_are_possible(tmp_path: Path) -> None:
    box_dataset(tmp_path, [BOX])
    (tmp_path / "golden.yaml").unlink()
    (tmp_path / "labels.csv").write_text("file,label\na.png,coin\n", encoding="utf-8")
    result = golden("init", tmp_path)
    assert result.exit_code == 2
    assert "--format" in result.output
    printed = golden("init", tmp_path, "--print").output
    assert printed.count("samples:") == 2
    assert "\n  - images/*.png\n" in printed
    assert golden("init", tmp_path, "--labels", "nothing").exit_code == 2
    assert golden("init", tmp_path, "--format", "csv").exit_code == 0
    assert GoldenDataset.load(tmp_path).specs[0].task == "classes"


def test_init_tells_what_is_left_to_do(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    mask = np.full((6, 8), 3, np.uint8)
    mask[0] = 7
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks/a.png")
    result = golden("init", tmp_path)
    assert result.exit_code == 0
    assert "to do: classes: masks hold numbers, and nothing says which classes they are: 3, 7 are in" in result.output
    (tmp_path / "golden.yaml").unlink()
    (tmp_path / "masks/a.png").unlink()
    assert golden("init", tmp_path).exit_code == 2


def test_diff_of_folders(tmp_path: Path) -> None:
    first = box_dataset(tmp_path / "one", [BOX])
    assert golden("diff", first, first).output == "no difference\n"
    second = box_dataset(tmp_path / "two", [{**BOX, "bbox": [1, 1, 3, 3]}])
    write_images(second, ["images/c.png"])
    result = golden("diff", first, second)
    assert result.exit_code == 1
    assert result.output.splitlines() == ["samples added: 1: c", "labels of detect changed: 1: a"]
    found = document("diff", first, second)
    assert (found["equal"], found["added"], found["stages"][0]["changed"]) == (False, ["c"], ["a"])


def test_stats_and_diff_tell_of_recorded_outputs(tmp_path: Path) -> None:
    roots = [
        box_dataset(tmp_path / name, [BOX], recorded=[{"stage": "ocr", "task": "text"}]) for name in ("one", "two")
    ]
    for root, text in zip(roots, ("a", "b"), strict=True):
        for name, sample in (("ocr", "a"), ("free", text)):
            (root / "recorded" / name).mkdir(parents=True)
            (root / "recorded" / name / f"{sample}.txt").write_text(text, encoding="utf-8")
    text = golden("stats", roots[0]).output
    assert "\n  recorded: free 1\n" in text
    assert "\n  ocr (text): 1 recorded, 1 not recorded\n" in text
    assert document("stats", roots[0])["datasets"][0]["recorded"] == {"free": 1, "ocr": 1}
    result = golden("diff", *roots)
    assert (result.exit_code, result.output.splitlines()) == (
        1,
        [
            "recorded outputs added: 1: free/b",
            "recorded outputs removed: 1: free/a",
            "recorded outputs changed: 1: ocr/a",
        ],
    )


def test_diff_of_folders_of_datasets(tmp_path: Path) -> None:
    for name, box in (("old/x", BOX), ("old/y", BOX), ("new/x", {**BOX, "bbox": [1, 1, 3, 3]}), ("new/z", BOX)):
        box_dataset(tmp_path / name, [box])
    result = golden("diff", tmp_path / "old", tmp_path / "new")
    assert (result.exit_code, result.output) == (
        1,
        "datasets added: 1: z\ndatasets removed: 1: y\nx:\n  labels of detect changed: 1: a\n",
    )
    found = document("diff", tmp_path / "old", tmp_path / "new")
    assert (found["equal"], found["datasets_added"], found["datasets_removed"]) == (False, ["z"], ["y"])
    assert found["datasets"]["x"]["stages"][0]["changed"] == ["a"]
    assert golden("diff", tmp_path / "old", tmp_path / "old").output == "no difference\n"
    refused = golden("diff", tmp_path / "old", tmp_path / "new/x")
    assert refused.exit_code == 2
    assert "old a folder of datasets: x, y; hint: name one of them" in refused.output
    assert "Usage:" not in refused.output


def test_diff_names_a_revision_by_what_was_given_not_by_where_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/notes.txt").write_text("nothing", encoding="utf-8")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], check=True)
    result = golden("diff", "HEAD:data", "data")
    assert (result.exit_code, result.output.startswith("Error: HEAD:data: no golden dataset")) == (2, True)


def test_coco_without_its_images_is_told_as_that(tmp_path: Path) -> None:
    root = box_dataset(tmp_path / "coins", [BOX])
    (root / "golden.yaml").unlink()
    for image in (root / "images").iterdir():
        image.unlink()
    for command in ("validate", "init"):
        result = golden(command, root)
        assert result.exit_code == 2
        assert "boxes.json, a COCO file, without the images that it names" in result.output
        assert "Usage:" not in result.output


def test_a_folder_is_named_where_labels_and_images_lie_in_it(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png", "b.png"])
    box_dataset(tmp_path / "other", [BOX])
    (tmp_path / "other/boxes.json").rename(tmp_path / "boxes.json")
    shutil.rmtree(tmp_path / "other")
    assert golden("init", tmp_path, "--print").output.startswith(
        "# Golden dataset, recognised as coco: boxes.json for this folder.\n"
    )


def test_diff_with_a_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    box_dataset(tmp_path / "data", [BOX])
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], check=True)
    assert golden("diff", "HEAD:data", "data").exit_code == 0
    box_dataset(tmp_path / "data", [])
    result = golden("diff", "HEAD:data", "data")
    assert (result.exit_code, result.output) == (1, "labels of detect changed: 1: a\n")
    assert golden("diff", "nowhere:data", "data").exit_code == 2
    assert golden("diff", "--", "--output=x:data", "data").exit_code == 2
    assert golden("diff", "nowhere", "data").exit_code == 2
