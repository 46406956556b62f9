from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import operator
import pickle
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import activated
from pytest_vizart.profiling.watching.shapes import parts_of, steps_of
from pytest_vizart.profiling.watching.watch import instrumented
from tests.profiling.ran import new_recorder, ran

VALUES = np.array([[0.0, 1.0, 2.0], [0.2, 1.1, 2.0], [5.0, 9.0, 1.0], [5.2, 9.0, 1.5]])
LABELS = ["low", "low", "high", "high"]


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


def fitted(*steps: Any) -> Any:
    return Pipeline(list(steps)).fit(VALUES, LABELS)


# --- scikit-learn


def test_every_step_of_a_scikit_learn_pipeline_is_a_stage_once_a_call(recorder: Recorder) -> None:
    pipeline = fitted(("scale", StandardScaler()), ("idle", "passthrough"), ("none", None), ("classify", SVC()))
    expected = pipeline.predict(VALUES)
    with activated(recorder), instrumented((pipeline,)) as watch:
        assert watch.names == ("scale", "classify")
        assert list(pipeline.predict(VALUES)) == list(expected)
        pipeline.decision_function(VALUES)
        pipeline[:-1].transform(VALUES)  # another pipeline of the same steps
    pipeline.predict(VALUES)
    assert ran(recorder) == {"scale": 3, "classify": 2}


@pytest.mark.parametrize("classifier", [LogisticRegression(), RandomForestClassifier(3)])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_methods_of_a_step_that_call_each_other_are_one_stage(recorder: Recorder, classifier: Any, method: str) -> None:
    pipeline = fitted(("classify", classifier))
    with activated(recorder), instrumented((pipeline,)), np.errstate(divide="ignore"):
        getattr(pipeline, method)(VALUES)
    assert ran(recorder) == {"classify": 1}


def test_pipelines_unions_and_column_transformers_inside_are_nested_stages(recorder: Recorder) -> None:
    columns = ColumnTransformer(
        [("wide", StandardScaler(), [0]), ("as_is", "passthrough", [1]), ("gone", "drop", [1]),
         ("deep", Pipeline([("norm", MinMaxScaler())]), [2])],
        remainder="passthrough",
    )  # fmt: skip
    union = FeatureUnion([("left", StandardScaler()), ("right", MinMaxScaler()), ("out", "drop")])
    pipeline = fitted(("columns", columns), ("union", union), ("classify", SVC()))
    with activated(recorder), instrumented((pipeline,)):
        pipeline.predict(VALUES)
        pipeline.predict(VALUES)
    assert ran(recorder) == {
        "columns": 2, "columns > columns.wide": 2, "columns > columns.deep": 2, "columns.deep > columns.deep.norm": 2,
        "union": 2, "union > union.left": 2, "union > union.right": 2, "classify": 2,
    }  # fmt: skip


def test_fitting_is_no_stage_and_what_it_transforms_is(recorder: Recorder) -> None:
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", SVC())])
    with activated(recorder), instrumented((pipeline,)):
        pipeline.fit(VALUES, LABELS)
        assert ran(recorder) == {"scale": 1}
        pipeline.predict(VALUES)
    assert ran(recorder) == {"scale": 2, "classify": 1}


def test_two_steps_of_one_class_are_told_apart_and_other_instances_are_no_stage(recorder: Recorder) -> None:
    pipeline = fitted(("first", StandardScaler()), ("second", StandardScaler()), ("classify", SVC()))
    other = StandardScaler().fit(VALUES)
    with activated(recorder), instrumented((pipeline,)):
        other.transform(VALUES)
        pipeline.predict(VALUES)
    assert ran(recorder) == {"first": 1, "second": 1, "classify": 1}


def test_copies_and_pickles_of_a_watched_pipeline_are_pipelines_of_their_own(recorder: Recorder) -> None:
    pipeline = fitted(("scale", StandardScaler()), ("classify", SVC()))
    with activated(recorder), instrumented((pipeline,)):
        for other in (copy.copy(pipeline), copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
            assert list(other.predict(VALUES)) == LABELS
    # A shallow copy has the same steps.
    assert ran(recorder) == {"scale": 1, "classify": 1}


def test_a_method_that_a_step_lacks_is_lacking_still(recorder: Recorder) -> None:
    inner = Pipeline([("scale", StandardScaler())])
    pipeline = fitted(("inner", inner), ("end", MinMaxScaler()))
    with activated(recorder), instrumented((pipeline,)):
        assert not hasattr(pipeline, "predict")
        assert not hasattr(inner, "predict")
        assert hasattr(inner, "transform")


def test_an_estimator_alone_is_one_stage(recorder: Recorder) -> None:
    model = SVC().fit(VALUES, LABELS)
    with activated(recorder), instrumented((model,)):
        model.predict(VALUES)
    assert ran(recorder) == {"SVC": 1}


def test_a_checked_pipeline_predicts_as_the_whole_does() -> None:
    pipeline = fitted(("scale", StandardScaler()), ("idle", "passthrough"), ("classify", SVC()))
    for value in VALUES:
        given: Any = value[np.newaxis]
        for step in steps_of(pipeline):
            given = step.call(given)
        assert given == pipeline.predict(value[np.newaxis])[0]


def test_a_pipeline_in_which_everything_passes_through_has_no_stage() -> None:
    with pytest.raises(UsageError, match="no stage"):
        parts_of(Pipeline([("idle", "passthrough")]))


@pytest.mark.parametrize(
    "pipeline",
    [
        ColumnTransformer([("a", StandardScaler(), [0])]),
        Pipeline([("scale", StandardScaler()), ("classify", SVC())], memory="cache"),
    ],
    ids=["column transformer", "memory"],
)
def test_what_fitting_copies_is_watched_when_it_is_fitted(pipeline: Any) -> None:
    with pytest.raises(UsageError, match="not fitted yet"):
        parts_of(pipeline)


def test_a_fitted_pipeline_with_a_memory_is_watched(recorder: Recorder, tmp_path: Path) -> None:
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", SVC())], memory=str(tmp_path)).fit(VALUES, LABELS)
    with activated(recorder), instrumented((pipeline,)):
        pipeline.predict(VALUES)
    assert ran(recorder) == {"scale": 1, "classify": 1}


def test_a_step_that_cannot_transform_is_named() -> None:
    with pytest.raises(UsageError, match=r"cannot transform.*SVC"):
        steps_of(Pipeline([("model", SVC()), ("classify", SVC())]))


# --- objects with .stages


class Detect:
    name = "detect"

    def preprocess(self, value: int) -> int:
        return value + 1

    def predict(self, value: int) -> int:
        return value * 10

    def postprocess(self, value: int) -> int:
        return value - 3

    def process(self, value: int) -> int:
        return self.postprocess(self.predict(self.preprocess(value)))

    def __call__(self, value: int) -> int:
        return self.process(value)


class Decode:
    name = "decode"

    def run(self, value: int) -> int:
        return value * 2


class Flow:
    def __init__(self, *stages: Any) -> None:
        self.stages = list(stages)

    def run(self, value: Any) -> Any:
        for stage in self.stages:
            value = stage.process(value) if hasattr(stage, "process") else stage.run(value)
        return value


NESTED = {"detect > detect.preprocess": 2, "detect > detect.predict": 2, "detect > detect.postprocess": 2}


def test_stages_of_an_object_and_their_parts_are_stages(recorder: Recorder) -> None:
    flow = Flow(Decode(), Detect())
    with activated(recorder), instrumented((flow,)):
        assert (flow.run(1), flow.run(2)) == (27, 47)
    assert flow.run(1) == 27
    assert ran(recorder) == {"decode": 2, "detect": 2, **NESTED}


def test_a_call_that_calls_the_main_method_is_one_stage(recorder: Recorder) -> None:
    stage = Detect()
    with activated(recorder), instrumented((stage,)):
        assert (stage(1), stage.process(1)) == (17, 17)
    assert ran(recorder) == {"detect": 2, **NESTED}


def test_stages_in_a_mapping_are_named_by_their_keys(recorder: Recorder) -> None:
    flow = SimpleNamespace(stages={"one": Decode(), "two": Decode()})
    with activated(recorder), instrumented((flow,)):
        assert flow.stages["two"].run(flow.stages["one"].run(1)) == 4
    assert ran(recorder) == {"one": 1, "two": 1}


def test_pipelines_in_pipelines_are_named_by_their_path(recorder: Recorder) -> None:
    inner = Flow(Decode(), Detect())
    inner.name = "inner"  # type: ignore[attr-defined]
    outer = Flow(inner)
    with activated(recorder), instrumented((outer,)):
        assert outer.run(1) == 27
    assert ran(recorder) == {
        "inner": 1, "inner > inner.decode": 1, "inner > inner.detect": 1,
        "inner.detect > inner.detect.preprocess": 1, "inner.detect > inner.detect.predict": 1,
        "inner.detect > inner.detect.postprocess": 1,
    }  # fmt: skip


class ThreeParts:
    """Whoever uses it calls part after part."""

    name = "detect"

    def pre_process(self, value: int) -> int:
        return value + 1

    def infer(self, value: int) -> int:
        return value * 10

    def post_process(self, value: int) -> int:
        return value - 3


class PredictCallsParts(ThreeParts):
    def predict(self, value: int) -> int:
        return self.post_process(10 * self.pre_process(value))


def test_parts_without_a_method_that_calls_them_are_called_one_after_the_other(recorder: Recorder) -> None:
    (step,) = steps_of(SimpleNamespace(stages=[ThreeParts()]))
    assert step.call(1) == 17
    assert [part.name for part in step.inside] == ["detect.preprocess", "detect.predict", "detect.postprocess"]


def test_a_predict_that_calls_the_other_parts_is_the_stage(recorder: Recorder) -> None:
    stage = PredictCallsParts()
    (step,) = steps_of([stage])
    assert step.call(1) == 17
    with activated(recorder), instrumented((stage,)):
        stage.predict(1)
    assert ran(recorder) == {"detect": 1, "detect > detect.preprocess": 1, "detect > detect.postprocess": 1}


class Slotted:
    __slots__ = ("name", "run")

    def __init__(self, name: str, run: Any) -> None:
        self.name = name
        self.run = run


class Frozen:
    name = "frozen"

    def run(self, value: int) -> int:
        return value + 1

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(name)


def test_stages_that_refuse_new_attributes_are_watched(recorder: Recorder) -> None:
    stages = [Slotted("slotted", double), Frozen()]
    with activated(recorder), instrumented((stages,)):
        assert [stage.run(2) for stage in stages] == [4, 3]
    assert stages[0].run is double
    assert ran(recorder) == {"slotted": 1, "frozen": 1}


def test_a_callable_kept_on_the_instance_is_watched_there(recorder: Recorder) -> None:
    stage = SimpleNamespace(name="step", process=double)
    with activated(recorder), instrumented(([stage],)):
        other = copy.deepcopy(stage)
        assert (stage.process(2), other.process(3)) == (4, 6)
        assert other.process is double
    assert vars(stage) == {"name": "step", "process": double}
    assert ran(recorder) == {"step": 1}


# --- lists, mappings, callables


def double(value: int) -> int:
    return 2 * value


async def wait(value: int) -> int:
    await asyncio.sleep(0)
    return value + 1


def test_functions_in_a_list_are_replaced_there_alone(recorder: Recorder) -> None:
    stages = [("a", double), ("b", double), ["c", double]]
    before = list(stages)
    with activated(recorder), instrumented((stages,)):
        value = 1
        for _, function in stages:
            value = function(value)
        assert (value, double(1)) == (8, 2)
        assert pickle.loads(pickle.dumps(stages[0][1])) is double
        assert b"pytest_vizart" not in pickle.dumps(stages)
        assert stages[0][1] == stages[1][1] == double != abs
        assert ("a", double) in stages
        assert {double: 1}[stages[0][1]] == 1
    assert all(one is other for one, other in zip(stages, before, strict=True))
    assert stages == [("a", double), ("b", double), ["c", double]]
    assert ran(recorder) == {"a": 1, "b": 1, "c": 1}


def test_functions_in_a_mapping_keep_their_order(recorder: Recorder) -> None:
    stages = {"b": double, "a": functools.partial(operator.add, 1), "c": wait}
    with activated(recorder), instrumented((stages,)):
        assert list(stages) == ["b", "a", "c"]
        assert (stages["b"](2), stages["a"](2), asyncio.run(stages["c"](2))) == (4, 3, 3)
        assert inspect.iscoroutinefunction(stages["c"])
    assert stages["b"] is double
    assert stages["c"] is wait
    assert ran(recorder) == {"b": 1, "a": 1, "c": 1}


def test_a_named_tuple_stays_one(recorder: Recorder) -> None:
    Named = namedtuple("Named", "name work")
    stages = [Named("a", double)]
    with activated(recorder), instrumented((stages,)):
        assert stages[0].work(2) == 4
    assert stages[0].work is double
    assert ran(recorder) == {"a": 1}


def test_objects_in_a_tuple_are_watched_and_functions_there_are_refused(recorder: Recorder) -> None:
    stages = (("decode", Decode()), ("detect", Detect()))
    with activated(recorder), instrumented((stages,)):
        stages[0][1].run(1)
    assert ran(recorder) == {"decode": 1}
    with pytest.raises(UsageError, match=r"watch\('a'\).*cannot be watched"):
        instrumented(((("a", double),),))


def test_a_bound_method_in_a_list_is_replaced_there_alone(recorder: Recorder) -> None:
    stage = Decode()
    stages = [("step", stage.run)]
    with activated(recorder), instrumented((stages,)):
        assert (stages[0][1](1), stage.run(1)) == (2, 2)
    assert ran(recorder) == {"step": 1}


@pytest.mark.parametrize(
    "pipeline, problem",
    [
        ([], "no stage"),
        (SimpleNamespace(stages=[]), "no stage"),
        (None, "shape is not known"),
        (3, "shape is not known"),
        ("text", "shape is not known"),
        ([double], "not a stage"),
        ([("a", 3)], "not a stage"),
        ([("a", [("b", double)])], "not a stage"),
        ([("a", double), ("a", double)], "same name.*found a"),
        ([("a.run", double), ("a", SimpleNamespace(stages=[("run", double)], process=double))], "same name"),
        ([("", double)], "needs a name"),
        ([("x" * 201, double)], "too long"),
    ],
)
def test_what_is_no_pipeline_is_refused(pipeline: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        steps_of(pipeline)


def test_a_pipeline_that_contains_itself_is_refused() -> None:
    flow = Flow()
    flow.name = "again"  # type: ignore[attr-defined]
    flow.stages.append(flow)
    with pytest.raises(UsageError, match="contains itself"):
        steps_of(flow)
