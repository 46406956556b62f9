from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pytest_vizart.errors import UsageError
from pytest_vizart.workflow.pipelines import pipeline_stages


def run(pipeline: object, value: object) -> tuple[list[str], object]:
    stages = pipeline_stages(pipeline)
    for _, function in stages:
        value = function(value)
    return [name for name, _ in stages], value


def double(value: int) -> int:
    return 2 * value


class Step:
    def __init__(self, name: str) -> None:
        self.name = name

    def process(self, value: int) -> int:
        return value + 1


def test_a_list_of_named_callables() -> None:
    assert run([("a", double), ("b", double)], 1) == (["a", "b"], 4)


def test_a_mapping_keeps_its_order() -> None:
    assert run({"b": double, "a": double}, 1) == (["b", "a"], 4)


def test_an_object_with_stages() -> None:
    assert run(SimpleNamespace(stages=[Step("a"), Step("b")]), 1) == (["a", "b"], 3)


def test_a_plain_callable_is_one_stage() -> None:
    assert run(double, 3) == (["double"], 6)


def test_a_scikit_learn_pipeline_is_taken_apart_and_predicts_as_a_whole() -> None:
    values = np.array([[0.0], [0.2], [5.0], [5.2]])
    pipeline = Pipeline([("scale", StandardScaler()), ("idle", "passthrough"), ("classify", SVC())])
    pipeline.fit(values, ["low", "low", "high", "high"])
    for value in values:
        names, prediction = run(pipeline, value[np.newaxis])
        assert names == ["scale", "classify"]
        assert prediction == pipeline.predict(value[np.newaxis])[0]


@pytest.mark.parametrize("pipeline", [[], None, 3, [double], [("a", 3)], SimpleNamespace(stages=[])])
def test_an_unknown_shape_is_refused(pipeline: object) -> None:
    with pytest.raises(UsageError, match=r"check\(\)"):
        pipeline_stages(pipeline)
