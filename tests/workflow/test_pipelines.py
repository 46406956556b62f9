from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from pytest_vizart import GoldenDataset, RunTracker, profile
from pytest_vizart.errors import PipelineError, UsageError
from pytest_vizart.profiling.watching.watch import instrumented
from pytest_vizart.workflow.inert import InertRun
from pytest_vizart.workflow.pipelines import pipeline_stages
from tests.plugin.conftest import make_shades
from tests.profiling import fake_torch_nn as fake
from tests.profiling.ran import ran

SAMPLES = 4
LABELS = {"a": "dark", "b": "dark", "c": "light", "d": "light"}


@pytest.fixture
def dataset(tmp_path: Path) -> GoldenDataset:
    return GoldenDataset.load(make_shades(tmp_path))


@pytest.fixture
def tracker(tmp_path: Path) -> RunTracker:
    return RunTracker(tmp_path / "out", name="check", passes=1, warmup=0)


def called(pipeline: object, value: object) -> tuple[list[str], object]:
    stages = pipeline_stages(pipeline)
    for _, function in stages:
        value = function(value)
    return [name for name, _ in stages], value


def double(value: int) -> int:
    return 2 * value


def stem(path: str) -> str:
    return Path(path).stem


def label(name: str) -> str:
    return LABELS[name]


async def async_stem(path: str) -> str:
    await asyncio.sleep(0)
    return Path(path).stem


async def async_label(name: str) -> str:
    await asyncio.sleep(0)
    return LABELS[name]


class Step:
    def __init__(self, name: str) -> None:
        self.name = name

    def process(self, value: int) -> int:
        return value + 1


# --- the shapes, taken apart


def test_a_list_of_named_callables() -> None:
    assert called([("a", double), ("b", double)], 1) == (["a", "b"], 4)


def test_a_mapping_keeps_its_order() -> None:
    assert called({"b": double, "a": double}, 1) == (["b", "a"], 4)


def test_an_object_with_stages() -> None:
    assert called(SimpleNamespace(stages=[Step("a"), Step("b")]), 1) == (["a", "b"], 3)


def test_a_plain_callable_is_one_stage() -> None:
    assert called(double, 3) == (["double"], 6)


def test_a_scikit_learn_pipeline_is_taken_apart_and_predicts_as_a_whole() -> None:
    values = np.array([[0.0], [0.2], [5.0], [5.2]])
    pipeline = Pipeline([("scale", StandardScaler()), ("idle", "passthrough"), ("classify", SVC())])
    pipeline.fit(values, ["low", "low", "high", "high"])
    for value in values:
        names, prediction = called(pipeline, value[np.newaxis])
        assert names == ["scale", "classify"]
        assert prediction == pipeline.predict(value[np.newaxis])[0]


@pytest.mark.parametrize("pipeline", [[], None, 3, [double], [("a", 3)], SimpleNamespace(stages=[])])
def test_an_unknown_shape_is_refused(pipeline: object) -> None:
    with pytest.raises(UsageError, match=r"check\(\)"):
        pipeline_stages(pipeline)


def test_two_stages_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"check\(\).*same name.*found a"):
        pipeline_stages([("a", double), ("a", double)])


# --- every stage once for every sample


def checked(tracker: RunTracker, dataset: GoldenDataset, pipeline: Any, **how: Any) -> dict[str, int]:
    """Check a pipeline and return what ran; the predictions of "classify" must all be right."""
    with tracker as run:
        run.check(pipeline, dataset, **how)
        counts = {name: count for name, count in ran(run.recorder).items() if not name.startswith("(")}
    assert run.result is not None
    (score,) = run.result.scores
    assert score.metrics["accuracy"] == 1.0
    return counts


def test_a_list(tracker: RunTracker, dataset: GoldenDataset) -> None:
    assert checked(tracker, dataset, [("stem", stem), ("classify", label)]) == {"stem": SAMPLES, "classify": SAMPLES}


def test_a_mapping(tracker: RunTracker, dataset: GoldenDataset) -> None:
    assert checked(tracker, dataset, {"stem": stem, "classify": label}) == {"stem": SAMPLES, "classify": SAMPLES}


def test_a_callable(tracker: RunTracker, dataset: GoldenDataset) -> None:
    def classify(path: str) -> str:
        return LABELS[Path(path).stem]

    assert checked(tracker, dataset, classify) == {"classify": SAMPLES}


@pytest.mark.parametrize(
    "pipeline", [[("stem", async_stem), ("classify", async_label)], [("stem", stem), ("classify", async_label)]]
)
def test_coroutine_functions(tracker: RunTracker, dataset: GoldenDataset, pipeline: Any) -> None:
    assert checked(tracker, dataset, pipeline) == {"stem": SAMPLES, "classify": SAMPLES}


def test_functions_that_return_something_to_be_awaited_and_tasks_inside(
    tracker: RunTracker, dataset: GoldenDataset
) -> None:
    @profile
    async def inside(name: str) -> str:
        await asyncio.sleep(0)
        return LABELS[name]

    async def both(name: str) -> str:
        one, _ = await asyncio.gather(inside(name), inside(name))
        return one

    counts = checked(tracker, dataset, [("stem", stem), ("classify", lambda name: both(name))])
    assert counts == {"stem": SAMPLES, "classify": SAMPLES, "classify > inside": 2 * SAMPLES}


def test_one_event_loop_for_all_asynchronous_stages(tracker: RunTracker, dataset: GoldenDataset) -> None:
    loops = set()

    async def classify(path: str) -> str:
        loops.add(asyncio.get_running_loop())
        return LABELS[Path(path).stem]

    assert checked(tracker, dataset, classify) == {"classify": SAMPLES}
    (loop,) = loops
    assert loop.is_closed()


def test_generators_are_taken_inside_of_their_stage(tracker: RunTracker, dataset: GoldenDataset) -> None:
    @profile
    def inside() -> None:
        return None

    def letters(path: str) -> Iterator[str]:
        for letter in Path(path).stem:
            inside()
            yield letter

    counts = checked(tracker, dataset, [("letters", letters), ("classify", lambda given: LABELS["".join(given)])])
    assert counts == {"letters": SAMPLES, "letters > inside": SAMPLES, "classify": SAMPLES}


class Classify:
    name = "classify"

    def preprocess(self, path: str) -> str:
        return Path(path).stem

    def predict(self, name: str) -> str:
        return LABELS[name]

    def postprocess(self, label: str) -> str:
        return label

    def process(self, path: str) -> str:
        return self.postprocess(self.predict(self.preprocess(path)))


class InParts:
    name = "classify"
    preprocess, predict, postprocess = Classify.preprocess, Classify.predict, Classify.postprocess


@pytest.mark.parametrize("stage", [Classify(), InParts()])
def test_a_class_with_stages_and_their_parts(tracker: RunTracker, dataset: GoldenDataset, stage: Any) -> None:
    pipeline = SimpleNamespace(stages=[("same", str), stage])
    before = dict(vars(type(stage)))
    assert checked(tracker, dataset, pipeline) == {
        "same": SAMPLES, "classify": SAMPLES, "classify > classify.preprocess": SAMPLES,
        "classify > classify.predict": SAMPLES, "classify > classify.postprocess": SAMPLES,
    }  # fmt: skip
    assert dict(vars(type(stage))) == before


def test_a_scikit_learn_pipeline(tracker: RunTracker, dataset: GoldenDataset) -> None:
    union = FeatureUnion([("left", StandardScaler()), ("right", MinMaxScaler())])
    pipeline = Pipeline([("features", union), ("classify", SVC())])
    pipeline.fit([[40.0], [41.0], [200.0], [201.0]], ["dark", "dark", "light", "light"])
    counts = checked(tracker, dataset, pipeline, input=lambda sample: [[float(sample.load().mean())]])
    assert counts == {
        "features": SAMPLES, "features > features.left": SAMPLES, "features > features.right": SAMPLES,
        "classify": SAMPLES,
    }  # fmt: skip


def test_a_torch_module_whose_labelled_child_is_compared(
    tracker: RunTracker, dataset: GoldenDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake.torch_module())

    class Stem(fake.Module):
        def forward(self, value: Any) -> Any:
            return Path(value).stem

    class Label(fake.Module):
        def forward(self, value: Any) -> Any:
            return LABELS[value]

    class Net(fake.Module):
        def forward(self, value: Any) -> Any:
            return [self.children["classify"](self.children["stem"](value))]

    net = Net(stem=Stem(), classify=Label())
    assert checked(tracker, dataset, net) == {"Net": SAMPLES, "Net > stem": SAMPLES, "Net > classify": SAMPLES}
    assert not any(child.before or child.after for child in net.children.values())


def test_a_thread_pool_inside_of_a_stage(tracker: RunTracker, dataset: GoldenDataset) -> None:
    @profile
    def inside(path: str) -> str:
        return LABELS[Path(path).stem]

    def classify(path: str) -> str:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(inside, [path, path, path]))[0]  # noqa: RUF015 - all of them

    assert checked(tracker, dataset, classify) == {"classify": SAMPLES, "classify > inside": 3 * SAMPLES}


# --- once, also when it is a stage already


def test_a_checked_pipeline_that_is_watched_or_decorated_is_measured_once(
    tracker: RunTracker, dataset: GoldenDataset
) -> None:
    @profile
    def stem(path: str) -> str:
        return Path(path).stem

    stages = [("stem", stem), ("classify", Classify().predict)]
    with instrumented((stages,)):
        assert checked(tracker, dataset, stages) == {"stem": SAMPLES, "classify": SAMPLES}


def test_a_watched_object_is_measured_once(tracker: RunTracker, dataset: GoldenDataset) -> None:
    pipeline = SimpleNamespace(stages=[Classify()])
    with instrumented((pipeline,)):
        counts = checked(tracker, dataset, pipeline)
    assert counts["classify"] == SAMPLES
    assert sum(counts.values()) == 4 * SAMPLES


# --- trouble


def test_a_labelled_stage_inside_that_runs_twice_is_an_error(tracker: RunTracker, dataset: GoldenDataset) -> None:
    class Twice:
        name = "outer"

        def process(self, path: str) -> list[str]:
            return [self.preprocess(path), self.preprocess(path)]

        def preprocess(self, path: str) -> str:
            return "dark"

    (dataset.root / "golden.yaml").write_text(
        (dataset.root / "golden.yaml").read_text().replace("classify", "outer.preprocess")
    )
    with pytest.raises(PipelineError, match=r"'outer\.preprocess' has labels, and ran 2 times"), tracker as run:
        run.check([Twice()], GoldenDataset.load(dataset.root))


def test_the_samples_that_do_not_raise_go_on(tracker: RunTracker, dataset: GoldenDataset) -> None:
    async def classify(path: str) -> str:
        if Path(path).stem == "b":
            raise ValueError("planted")
        return LABELS[Path(path).stem]

    with (
        pytest.raises(PipelineError, match=r"raised on 1 of 4 samples: b.*ValueError in stage classify"),
        tracker as run,
    ):
        run.check([("classify", classify)], dataset)
    assert run.result is not None
    assert [(stage.name, stage.errors) for stage in run.result.stages] == [("classify", 1)]


def test_on_error_raise_stops(tracker: RunTracker, dataset: GoldenDataset) -> None:
    def classify(path: str) -> str:
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"), tracker as run:
        run.check(classify, dataset, on_error="raise")


def test_coroutine_functions_inside_of_a_running_loop_are_refused(tracker: RunTracker, dataset: GoldenDataset) -> None:
    async def inside() -> None:
        with tracker as run:
            run.check([("classify", async_label)], dataset)

    with pytest.raises(UsageError, match="event loop is running"):
        asyncio.run(inside())


def test_awaitables_inside_of_a_running_loop_are_refused(
    tracker: RunTracker, dataset: GoldenDataset, recwarn: pytest.WarningsRecorder
) -> None:
    async def inside() -> None:
        with tracker as run:
            run.check([("classify", lambda path: async_stem(path))], dataset)

    with pytest.raises(UsageError, match="event loop is running"):
        asyncio.run(inside())
    assert not [one for one in recwarn if "never awaited" in str(one.message)]


def test_plain_functions_inside_of_a_running_loop_work(tracker: RunTracker, dataset: GoldenDataset) -> None:
    async def inside() -> dict[str, int]:
        return checked(tracker, dataset, [("stem", stem), ("classify", label)])

    assert asyncio.run(inside()) == {"stem": SAMPLES, "classify": SAMPLES}


async def letters(path: str) -> Any:
    yield path


@pytest.mark.parametrize("stage", [letters, lambda path: letters(path)])
def test_asynchronous_generators_are_refused(tracker: RunTracker, dataset: GoldenDataset, stage: Any) -> None:
    with pytest.raises(UsageError, match="asynchronous generator"), tracker as run:
        run.check([("classify", stage)], dataset)


def test_an_inert_run_runs_the_pipeline_and_compares_nothing(dataset: GoldenDataset) -> None:
    seen = []
    stage = Classify()
    InertRun("t").check([("classify", stage), ("seen", seen.append)], dataset)
    assert seen == list(LABELS.values())
