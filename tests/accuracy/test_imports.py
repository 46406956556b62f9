"""Heavy libraries are imported by what needs them, and by nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"sklearn", "scipy", "PIL", "pycocotools", "pydantic", "pyarrow", "laspy"}
MODULES = """
from pytest_vizart.accuracy.metrics import _METRICS, task_metric
for task in _METRICS:
    task_metric(task)
"""
BOXES = """
import numpy as np
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.records.labels import BoxLabels, ClassMap, LabelSpec
scorer = StageScorer(LabelSpec("detect", "boxes", ClassMap(("coin", "key"), (0, 1))))
corners = np.array([[0.0, 0, 9, 9], [20, 20, 29, 29]])
label = BoxLabels(corners, np.array([0, 1]), np.zeros(2, bool), np.full(2, 81.0))
for name, boxes in (("right", [[0, 0, 9, 9, .9, 0], [20, 20, 29, 29, .9, 1]]), ("wrong", [[0, 0, 9, 9, .9, 1]])):
    scorer.add(name, label, read_prediction(boxes, scorer.spec))
assert [outcome.status for outcome in scorer.outcomes] == ["correct", "wrong"]
assert scorer.score().metrics["map"] is not None
"""
CLASSES = """
from pytest_vizart.accuracy.metrics import summarise
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.records.labels import ClassLabel, ClassMap, LabelSpec
spec = LabelSpec("s", "classes", ClassMap(("a", "b"), (0, 1)))
assert summarise([(ClassLabel(0), ClassPrediction(1, 0.5))], spec)["accuracy"] == 0
"""


def loaded_by(code: str) -> set[str]:
    told = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code + told], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split()) & HEAVY


@pytest.mark.parametrize("code", [MODULES, BOXES, CLASSES], ids=["modules", "boxes", "classes"])
def test_numpy_is_enough(code: str) -> None:
    assert loaded_by(code) == set()
