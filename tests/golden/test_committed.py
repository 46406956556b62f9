from __future__ import annotations

import json

import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.committed import read_committed, write_committed
from pytest_vizart.records.baseline import AccuracyBaseline


def baseline(**changes):
    values = {
        "run_id": "0123456789ab",
        "branch": "main",
        "commit": "cafe",
        "metrics": {"detect": {"map": 0.8, "map_small": None}},
        "outcomes": {"detect": {"a": "correct", 'b"\n': "wrong"}},
        "label_digests": {"detect": {"a": "d1", 'b"\n': None}},
        "missed": {"detect": {'b"\n': ["coin 0 0 9 9"]}},
        "false_positives": {},
    }
    return AccuracyBaseline(**values | changes)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "coins" / "baseline.json"
    path.parent.mkdir()
    write_committed(path, {"t.py::test": baseline()})
    found = read_committed(path, "t.py::test")
    assert (found.metrics, found.outcomes) == (baseline().metrics, baseline().outcomes)
    assert (found.run_id, found.branch, found.commit) == ("0123456789ab", "main", "cafe")
    assert found.label_digests["detect"] == {"a": "d1", 'b"\n': None}
    assert found.missed["detect"]['b"\n'] == ["coin 0 0 9 9"]
    assert found.source == "coins/baseline.json"
    assert read_committed(path, "t.py::other") is None


def test_other_tests_stay_and_the_text_is_stable(tmp_path):
    path = tmp_path / "baseline.json"
    write_committed(path, {"t.py::one": baseline()})
    write_committed(path, {"t.py::two": baseline(commit=None)})
    text = path.read_text()
    write_committed(path, {"t.py::one": baseline()})
    assert path.read_text() == text
    assert list(json.loads(text)["tests"]) == ["t.py::one", "t.py::two"]


def test_one_line_for_each_sample_and_metric(tmp_path):
    path = tmp_path / "baseline.json"
    write_committed(path, {"t.py::one": baseline()})
    before = path.read_text().splitlines()
    write_committed(path, {"t.py::one": baseline(outcomes={"detect": {"a": "wrong", 'b"\n': "wrong"}})})
    after = path.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(old.strip(), new.strip()) for old, new in changed] == [
        ('"a": {"status": "correct", "label": "d1"},', '"a": {"status": "wrong", "label": "d1"},')
    ]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"schema_version": 2, "tests": {}}', '{"schema_version": 1}', '{"schema_version": 1, "tests": []}',
     '{"schema_version": 1, "tests": {"t": {"run_id": 1, "stages": {}}}}', "<<<<<<< HEAD\n{}", "\x00\xff"],
)  # fmt: skip
def test_a_damaged_one_is_told(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(GoldenFormatError, match=r"baseline.json.*vizart baseline write"):
        read_committed(path, "t")
    with pytest.raises(GoldenFormatError):
        write_committed(path, {"t": baseline()})
    assert path.read_text(encoding="latin-1") == text


def test_none_is_none(tmp_path):
    assert read_committed(tmp_path / "baseline.json", "t") is None
