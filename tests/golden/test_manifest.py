"""The manifest: what is accepted, and errors that name the key."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.formats import _formats
from pytest_vizart.golden.manifest import Columns, LabelEntry, Manifest, load_manifest, manifest_problems
from pytest_vizart.records.labels import TASKS
from tests.golden.datasets import write_manifest

LABEL = {"stage": "detect", "task": "boxes", "path": "a.json"}
GOOD: dict[str, Any] = {"samples": "*.png", "classes": ["coin"], "labels": [LABEL]}


def refused(root: Path, manifest: Any, name: str = "golden.yaml") -> GoldenFormatError:
    with pytest.raises(GoldenFormatError) as caught:
        load_manifest(write_manifest(root, manifest, name))
    assert caught.value.hint
    assert caught.value.file == str(root / name)
    return caught.value


def test_yaml_as_documented_is_read(tmp_path: Path) -> None:
    text = """
name: coins
samples: "images/*.png"
classes: [coin, key]
labels:
  - stage: boxes
    task: boxes
    format: coco
    path: annotations.json
    score_threshold: 1
tags: {dark: ["tile_03", "tile_1*"]}
"""
    manifest = load_manifest(write_manifest(tmp_path, text))
    assert manifest.name == "coins"
    assert manifest.samples == ("images/*.png",)
    assert manifest.classes is not None
    assert (manifest.classes.names, manifest.classes.ids) == (("coin", "key"), (0, 1))
    assert manifest.labels[0].score_threshold == 1.0
    assert manifest.labels[0].iou_threshold == 0.5
    assert manifest.tags == {"dark": ["tile_03", "tile_1*"]}


def test_json_class_ids_are_numbers_and_sorted(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {**GOOD, "classes": {"17": "key", "3": "coin"}}, "golden.json")
    classes = load_manifest(path).classes
    assert classes is not None
    assert (classes.names, classes.ids) == (("coin", "key"), (3, 17))


def test_every_key_is_described() -> None:
    for model in (Manifest, LabelEntry):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    "changed, place, hint",
    [
        ({"labels": [{**LABEL, "task": "boxs"}]}, "labels[0].task", "did you mean 'boxes'?"),
        ({"labels": [{"stage": "a", "tsk": "boxes", "path": "a.json"}]}, "labels[0].tsk", "did you mean 'task'?"),
        ({"labels": [{"stage": "a", "path": "a.json"}]}, "labels[0].task", "add it"),
        ({"labels": [{**LABEL, "columns": {"lable": "x"}}]}, "labels[0].columns.lable", "did you mean 'label'?"),
        ({"labels": [{**LABEL, "iou_threshold": "0.5"}]}, "labels[0].iou_threshold", "IoU"),
        ({"labels": [{**LABEL, "iou_threshold": 0}]}, "labels[0].iou_threshold", "IoU"),
        ({"labels": [LABEL, LABEL]}, "labels[1].stage", "labels[0]"),
        ({"lables": []}, "lables", "did you mean 'labels'?"),
        ({"samples": 3}, "samples", "glob"),
        ({"samples": ["a.png", 3]}, "samples[1]", "glob"),
        ({"classes": "coin"}, "classes", "Class names"),
        ({"classes": ["coin", False]}, "classes[1]", "Class names"),
        ({"classes": ["coin", "coin"]}, "classes", "Class names"),
        ({"classes": {"x": "coin"}}, "classes[x]", "Class names"),
        ({"classes": {"-1": "coin"}}, "classes[-1]", "Class names"),
        ({"tags": {"dark": "a"}}, "tags.dark", "documentation"),
    ],
)
def test_wrong_key_is_named_with_its_path(tmp_path: Path, changed: dict[str, Any], place: str, hint: str) -> None:
    error = refused(tmp_path, {**GOOD, **changed})
    assert error.place == place
    assert hint in str(error.hint)


def test_wrong_value_tells_expected_and_found(tmp_path: Path) -> None:
    error = refused(tmp_path, {**GOOD, "labels": [{**LABEL, "task": "boxs"}]})
    assert error.found == "boxs"
    assert "boxes" in str(error.expected)


def test_yaml_that_does_not_parse_names_the_line(tmp_path: Path) -> None:
    assert refused(tmp_path, "samples: a\nlabels: [\n  x: }\n").place == "line 3"


def test_json_that_does_not_parse_names_the_line(tmp_path: Path) -> None:
    assert refused(tmp_path, '{"samples":\n oops}', "golden.json").place == "line 2, column 2"


@pytest.mark.parametrize(
    "text, found",
    [
        ("a: &x [1]\nb: *x\n", "alias"),
        ("samples: a\nsamples: b\n", "appears twice"),
        ("samples: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: 2024-13-45\n", "month"),
        ("[" * 5000, ""),
    ],
)
def test_hostile_yaml_is_a_format_error(tmp_path: Path, text: str, found: str) -> None:
    assert found in str(refused(tmp_path, text).found)


@pytest.mark.parametrize("text", ["", "- a\n", "just text"])
def test_a_manifest_is_a_mapping(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).problem == "manifest is not a mapping"


def test_repeated_json_key_is_refused(tmp_path: Path) -> None:
    assert "'samples' appears twice" in str(refused(tmp_path, '{"samples": "a", "samples": "b"}', "golden.json").found)


def test_text_that_is_not_utf8_is_a_format_error(tmp_path: Path) -> None:
    path = tmp_path / "golden.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(GoldenFormatError, match="not UTF-8"):
        load_manifest(path)


@pytest.mark.parametrize(
    "value", ['!!int ""', '!!int "-"', '!!float ""', "!!timestamp x", "!!bool foo", "!!set [a]", "!!map [a]", "9" * 30]
)
def test_tags_and_numbers_that_are_not_what_they_say_are_format_errors(tmp_path: Path, value: str) -> None:
    text = f"samples: a.png\nlabels:\n  - {{stage: s, task: semantic, path: m.png, ignore: {value}}}\n"
    write_manifest(tmp_path, text)
    with pytest.raises(GoldenFormatError):
        GoldenDataset.load(tmp_path)


@pytest.mark.parametrize("samples", ["x" * 5000, "*" + "x" * 5000, "images/\ud800*.png", "images/\ud800.png"])
def test_names_that_no_file_can_have_are_format_errors(tmp_path: Path, samples: str) -> None:
    label = {"stage": "s", "task": "semantic", "path": "m/{id}.png"}
    write_manifest(tmp_path, {"samples": samples, "classes": ["a", "b"], "labels": [label]}, "golden.json")
    with pytest.raises(GoldenFormatError):
        GoldenDataset.load(tmp_path)


def test_a_class_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    label = {"stage": "s", "task": "semantic", "path": "m/{id}.png"}
    write_manifest(tmp_path, {"samples": "*.png", "classes": ["\ud800", "b"], "labels": [label]}, "golden.json")
    with pytest.raises(GoldenFormatError, match="class name"):
        GoldenDataset.load(tmp_path)


@pytest.mark.parametrize(
    "label, place",
    [
        ({"tolerances": {"rtoll": 1.0}}, "labels[0].tolerances.rtoll"),
        ({"tolerances": {"rtol": -1.0}}, "labels[0].tolerances.rtol"),
        ({"device_tolerances": {"cuda": {"rtoll": 1.0}}}, "labels[0].device_tolerances.cuda.rtoll"),
        ({"colors": {"road": "red"}}, "labels[0].colors.road"),
        ({"skeleton": [[0, 1, 2]]}, "labels[0].skeleton[0]"),
        ({"keypoints": ["a"], "skeleton": [[0, 0], [0, 1]]}, "labels[0].skeleton[1]"),
        ({"keypoints": ["a", "b"], "keypoint_sigmas": [0.1]}, "labels[0].keypoint_sigmas"),
        ({"kind": "box"}, "labels[0].kind"),
    ],
)
def test_wrong_settings_of_a_label_source_name_their_key(tmp_path: Path, label: dict[str, Any], place: str) -> None:
    assert refused(tmp_path, {**GOOD, "labels": [{**LABEL, **label}]}).place == place


def test_all_keys_that_are_documented_are_read(tmp_path: Path) -> None:
    label = {
        **LABEL, "task": "keypoints", "keypoints": ["nose", "tail"], "keypoint_sigmas": [0.1, 0.2],
        "skeleton": [[0, 1]], "tolerances": {"rtol": 1e-3}, "device_tolerances": {"cuda": {"rtol": 1e-2}},
        "correct_when": "recall >= 0.9",
    }  # fmt: skip
    manifest = load_manifest(
        write_manifest(tmp_path, {**GOOD, "labels": [label], "provenance": {"url": "x"}, "splits": {"val": ["a*"]}})
    )
    assert manifest.labels[0].skeleton == [(0, 1)]
    assert manifest.provenance == {"url": "x"}
    assert manifest.splits == {"val": ["a*"]}


def test_several_sources_may_label_one_stage_if_they_agree(tmp_path: Path) -> None:
    other = {**LABEL, "path": "b.json", "score_threshold": 0.3}
    assert len(load_manifest(write_manifest(tmp_path, {**GOOD, "labels": [LABEL, other]})).labels) == 2
    third = {**other, "path": "c.json", "score_threshold": 0.4}
    assert refused(tmp_path, {**GOOD, "labels": [LABEL, other, third]}).place == "labels[2].score_threshold"
    masks = {**other, "task": "semantic"}
    assert refused(tmp_path, {**GOOD, "labels": [LABEL, masks]}).place == "labels[1].task"


def test_all_problems_are_told_at_once_the_misspelt_key_first(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {"lables": [], "samples": 3})
    manifest, problems = manifest_problems(path)
    assert manifest is None
    assert [(one.problem, one.place) for one in problems] == [
        ("unknown key", "lables"),
        ("wrong value", "samples"),
        ("key is missing", "labels"),
    ]


def test_the_page_describes_every_key_as_the_manifest_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "golden.md").read_text(encoding="utf-8")
    rows = [("", Manifest), ("labels[].", LabelEntry), ("labels[].columns.", Columns)]
    for prefix, model in rows:
        for name, field in model.model_fields.items():
            assert f"| `{prefix}{name}` | {field.description} |" in page, f"{prefix}{name}"


def test_the_page_lists_every_format_with_its_tasks() -> None:
    page = (Path(__file__).parents[2] / "docs" / "golden.md").read_text(encoding="utf-8")
    for name, target in _formats.items():
        module, _, attribute = str(target).partition(":")
        tasks = getattr(import_module(module), attribute).tasks
        assert f"| `{name}` | {'all' if tasks == TASKS else ', '.join(tasks)} |" in page


def test_no_labels_are_written_as_such(tmp_path: Path) -> None:
    """Outputs may be held to recorded ones alone; a key that was forgotten is an error all the same."""
    manifest = write_manifest(tmp_path, {"samples": "*.png", "labels": []})
    assert load_manifest(manifest).labels == []
    manifest = write_manifest(tmp_path, {"samples": "*.png"})
    with pytest.raises(GoldenFormatError, match="labels: key is missing"):
        load_manifest(manifest)
