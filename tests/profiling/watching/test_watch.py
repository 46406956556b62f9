from __future__ import annotations

import asyncio
import copy
import functools
import importlib
import itertools
import math
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart import profile
from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import activated, end_watches
from pytest_vizart.profiling.watching.instrumentation import watched
from pytest_vizart.profiling.watching.watch import Watch, instrumented, watch_names
from tests.profiling.ran import new_recorder, ran

PIPELINE = """
import functools
from pytest_vizart import profile

def decode(value):
    return value + 1

def detect(value):
    return decode(value) * 2

async def fetch(value):
    return value

def frames(count):
    yield from range(count)

@functools.lru_cache
def cached(value):
    return value

@profile
def marked(value):
    return value

@profile("named")
def marked_otherwise(value):
    return value

class Model:
    scale = 10

    def __init__(self, offset=0):
        self.offset = offset

    def detect(self, value):
        return value + self.offset

    @property
    def ready(self):
        return True

    @staticmethod
    def double(value):
        return 2 * value

    @classmethod
    def build(cls, offset):
        return cls(offset)

    @functools.lru_cache
    def remembered(self, value):
        return value

    def __call__(self, value):
        return self.detect(value)

class Child(Model):
    pass

model = Model(5)
bound = model.detect
stages = [("decode", decode), ("detect", detect)]
"""


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "watched_pipeline.py").write_text(PIPELINE)
    (tmp_path / "watched_user.py").write_text("from watched_pipeline import decode, detect as find\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("watched_pipeline")
    for name in ("watched_pipeline", "watched_user"):
        sys.modules.pop(name, None)


def snapshot(module: Any) -> dict[str, Any]:
    """Everything that a watch could change, in order, by identity."""
    found = {}
    for name, held in {
        "module": vars(module), "Model": vars(module.Model), "Child": vars(module.Child),
        "model": vars(module.model), "stages": dict(enumerate(module.stages)),
    }.items():  # fmt: skip
        found[name] = [(key, id(value)) for key, value in held.items() if key != "__builtins__"]
    return found


# --- by name


NAMES = [
    ("decode", lambda m: m.decode(1)),
    ("detect", lambda m: m.detect(1)),
    ("fetch", lambda m: asyncio.run(m.fetch(1))),
    ("frames", lambda m: list(m.frames(2))),
    ("cached", lambda m: m.cached(1)),
    ("bound", lambda m: m.bound(1)),
    ("model", lambda m: m.model(1)),
    ("model.detect", lambda m: m.model.detect(1)),
    ("Model.detect", lambda m: m.Model().detect(1)),
    ("Model.ready", lambda m: m.Model().ready),
    ("Model.double", lambda m: m.Model.double(1)),
    ("Model.build", lambda m: m.Model.build(1).offset),
    ("Model.remembered", lambda m: m.model.remembered(1)),
    ("Model.__call__", lambda m: m.Model()(1)),
    ("Child.detect", lambda m: m.Child().detect(1)),
]


@pytest.mark.parametrize("path, use", NAMES, ids=[path for path, _ in NAMES])
def test_whatever_a_name_leads_to_is_a_stage_meanwhile(
    pipeline: Any, recorder: Recorder, path: str, use: Callable[[Any], Any]
) -> None:
    before, expected = snapshot(pipeline), use(pipeline)
    with activated(recorder):
        use(pipeline)
        with watched([f"watched_pipeline:{path}"]):
            assert (use(pipeline), use(pipeline)) == (expected, expected)
        use(pipeline)
    stage = path.rpartition(".")[2]
    assert ran(recorder)[stage] == 2
    assert sum(count for name, count in ran(recorder).items() if name != "marked") == 2
    assert snapshot(pipeline) == before


def test_functions_and_methods_can_be_given_themselves(pipeline: Any, recorder: Recorder) -> None:
    before = snapshot(pipeline)
    other = pipeline.Model(1)
    targets = (pipeline.decode, pipeline.Model.double, pipeline.Model.build, pipeline.model.detect, pipeline.cached)
    with activated(recorder), instrumented(targets) as watch:
        assert watch.names == ("decode", "double", "build", "detect", "cached")
        assert pipeline.detect(1) == 4
        assert pipeline.Model.double(2) == 4
        assert pipeline.Model.build(1).offset == 1
        assert (pipeline.model.detect(1), other.detect(1)) == (6, 2)
        assert pipeline.cached(3) == 3
        assert pipeline.cached.cache_info().currsize == 1
    assert ran(recorder) == {"decode": 1, "double": 1, "build": 1, "detect": 1, "cached": 1}
    assert snapshot(pipeline) == before


def test_an_unbound_method_given_itself_is_watched_on_all_instances(pipeline: Any, recorder: Recorder) -> None:
    with activated(recorder), instrumented((pipeline.Model.detect,)):
        pipeline.model.detect(1)
        pipeline.Child().detect(1)
    assert ran(recorder) == {"detect": 2}


def test_builtins_and_ufuncs_work_and_keep_their_attributes(recorder: Recorder) -> None:
    add, sqrt = np.add, math.sqrt
    with activated(recorder), watched(["numpy:add", "math:sqrt"]):
        assert np.add(1, 2) == 3
        assert np.add.reduce([1, 2, 3]) == 6
        assert math.sqrt(4) == 2
    assert (np.add, math.sqrt) == (add, sqrt)
    assert ran(recorder) == {"add": 1, "sqrt": 1}


def test_names_of_pipelines_lead_to_their_stages(pipeline: Any, recorder: Recorder) -> None:
    with activated(recorder), watched(["watched_pipeline:model"]):
        assert pipeline.model(1) == 6
    assert ran(recorder) == {"model": 1}
    with pytest.raises(UsageError, match="no function"), watched(["watched_pipeline:Model.scale"]):
        pass


@pytest.mark.parametrize(
    "target, problem",
    [
        (lambda value: value, "no module holds it"),
        (functools.partial(pow, 2), "no module holds it"),
        (dict, "this is a class"),
        (3, "shape is not known"),
        (np.zeros(3).sum, "cannot be watched"),
    ],
)
def test_what_cannot_be_replaced_is_refused(target: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=rf"watch\(.*{problem}"):
        instrumented((target,))


def test_what_a_metaclass_provides_is_refused() -> None:
    with pytest.raises(UsageError, match="metaclass"), watched(["numbers:Number.register"]):
        pass


def test_nothing_to_watch_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to watch"):
        instrumented(())


def test_a_target_that_fails_undoes_the_others(pipeline: Any) -> None:
    before = snapshot(pipeline)
    with pytest.raises(UsageError, match=r"ndarray\.sum cannot be watched"):
        instrumented(("watched_pipeline:decode", "watched_pipeline:Model.detect", "numpy:ndarray.sum"))
    assert snapshot(pipeline) == before


def test_what_is_a_stage_by_decoration_is_one_stage_under_its_own_name(pipeline: Any, recorder: Recorder) -> None:
    names = ["watched_pipeline:marked", "watched_pipeline:marked_otherwise"]
    with activated(recorder), watched(names), instrumented((pipeline.marked, [("marked", pipeline.marked)])):
        pipeline.marked(1)
        pipeline.marked_otherwise(1)
    assert ran(recorder) == {"marked": 1, "named": 1}


# --- everywhere


def test_whoever_imported_a_function_calls_the_watched_one_under_any_name(pipeline: Any, recorder: Recorder) -> None:
    import watched_user  # type: ignore[import-not-found]

    namespace = {"other": pipeline.decode, "decode": pipeline.decode}
    with activated(recorder), watched(["watched_pipeline:decode", "watched_pipeline:detect"], namespace):
        assert watched_user.decode(1) == 2
        assert watched_user.find(1) == 4
        assert namespace["decode"](1) == 2
        assert namespace["other"](1) == 2
    assert ran(recorder) == {"decode": 3, "detect": 1, "detect > decode": 1}
    assert (watched_user.decode, watched_user.find) == (pipeline.decode, pipeline.detect)
    assert namespace == {"other": pipeline.decode, "decode": pipeline.decode}


def test_a_module_imported_while_watched_is_put_right_too(pipeline: Any) -> None:
    original = pipeline.decode
    with watched(["watched_pipeline:decode", "watched_pipeline:detect"]):
        import watched_user

        assert watched_user.decode is pipeline.decode is not original
    assert (watched_user.decode, watched_user.find) == (original, pipeline.detect)


def test_lazy_and_odd_modules_are_left_asleep(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    monkeypatch.setitem(sys.modules, "lazy_one", Lazy("lazy_one"))
    monkeypatch.setitem(sys.modules, "odd_one", Odd())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "none", None)  # type: ignore[arg-type]
    with watched(["watched_pipeline:decode"]):
        pass


def test_a_function_handed_out_while_watched_works_on_and_measures_nothing(pipeline: Any, recorder: Recorder) -> None:
    with activated(recorder):
        with watched(["watched_pipeline:decode"]):
            kept = pipeline.decode
        assert kept(1) == 2
        with watched(["watched_pipeline:decode"]):
            kept(1)
    assert ran(recorder) == {}


def test_watched_functions_and_methods_pickle(pipeline: Any) -> None:
    with watched(["watched_pipeline:decode", "watched_pipeline:Model.detect", "watched_pipeline:cached"]):
        for value in (pipeline.decode, pipeline.model, pipeline.model.detect, pipeline.cached):
            assert pickle.loads(pickle.dumps(value))(1) == value(1)
        assert copy.deepcopy(pipeline.model).detect(1) == 6


# --- watches that overlap


def test_watching_twice_counts_once_and_ends_with_the_last(pipeline: Any, recorder: Recorder) -> None:
    with activated(recorder):
        for order in itertools.permutations(range(3)):
            watches = [instrumented(("watched_pipeline:decode",)) for _ in range(3)]
            for number in order:
                pipeline.decode(1)
                watches[number].stop()
                watches[number].stop()
            pipeline.decode(1)
    assert ran(recorder) == {"decode": 18}


def test_the_earlier_of_two_names_counts(recorder: Recorder) -> None:
    class Step:
        def run(self, value: int) -> int:
            return value

    step = Step()
    with activated(recorder):
        first, second = instrumented(([("one", step)],)), instrumented(([("two", step)],))
        step.run(1)
        first.stop()
        step.run(1)
        second.stop()
    assert ran(recorder) == {"one": 1, "two": 1}
    assert "run" in vars(Step)


def test_a_replacement_put_over_a_watched_function_stays(pipeline: Any, recorder: Recorder) -> None:
    original = pipeline.decode

    def mock(value: int) -> int:
        return -1

    with activated(recorder):
        watch = instrumented(("watched_pipeline:decode", "watched_pipeline:Model.detect"))
        buried, buried_method = pipeline.decode, pipeline.Model.detect
        pipeline.decode = pipeline.Model.detect = mock
        watch.stop()
        assert pipeline.decode is pipeline.Model.detect is mock
        # What mock libraries do at their end: then ours is back, and passes calls on.
        pipeline.decode, pipeline.Model.detect = buried, buried_method
        assert (pipeline.decode(1), pipeline.model.detect(1)) == (2, 6)
        with instrumented(("watched_pipeline:decode", "watched_pipeline:Model.detect")):
            assert (pipeline.decode(1), pipeline.model.detect(1)) == (2, 6)
    assert pipeline.decode is original
    assert ran(recorder) == {"decode": 1, "detect": 1}


def test_a_list_that_grew_while_watched_is_put_right(recorder: Recorder) -> None:
    def step(value: int) -> int:
        return value

    stages = [("a", step), ("b", step)]
    before = list(stages)
    with instrumented((stages,)):
        stages.insert(0, ("new", step))
        del stages[2]
    assert stages == [("new", step), before[0]]
    assert stages[1] is before[0]


def test_an_exception_inside_ends_the_watch(pipeline: Any) -> None:
    before = snapshot(pipeline)
    with pytest.raises(KeyError), instrumented((pipeline.stages, pipeline.model)):
        raise KeyError
    assert snapshot(pipeline) == before


TARGETS: list[Callable[[Any], Any]] = [
    lambda m: "watched_pipeline:decode",
    lambda m: "watched_pipeline:Model.detect",
    lambda m: "watched_pipeline:Child.detect",
    lambda m: "watched_pipeline:Model.build",
    lambda m: m.stages,
    lambda m: m.model,
    lambda m: [("object", m.model), ("again", m.Child())],
    lambda m: m.model.detect,
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TARGETS) - 1), st.integers(0, 20)), max_size=8), st.randoms())
def test_any_watches_ended_in_any_order_leave_nothing(plan: list[tuple[int, int]], random: Any) -> None:
    module: Any = types.ModuleType("watched_pipeline")
    sys.modules["watched_pipeline"] = module
    exec(PIPELINE, vars(module))
    before = snapshot(module)
    recorder, under_way = new_recorder(), []
    try:
        with activated(recorder):
            for target, stop in plan:
                under_way.append(instrumented((TARGETS[target](module),)))
                if stop < len(under_way):
                    under_way.pop(stop).stop()
                decoded = ran(recorder).get("decode", 0)
                assert module.decode(1) == 2
                assert ran(recorder).get("decode", 0) - decoded <= 1
                assert module.model(1) == 6
            random.shuffle(under_way)
            for watch in under_way:
                watch.stop()
            spans = len(recorder.table())
            assert (module.decode(1), module.model(1), module.Child.build(2).detect(1)) == (2, 6, 3)
            assert len(recorder.table()) == spans
        assert snapshot(module) == before
    finally:
        del sys.modules["watched_pipeline"]
        recorder.close()


# --- how long


def test_a_watch_begins_at_once_and_ends_with_its_run(pipeline: Any, recorder: Recorder) -> None:
    before = snapshot(pipeline)
    with activated(recorder):
        watch = instrumented(("watched_pipeline:decode", pipeline.model), recorder)
        pipeline.decode(1)
        assert recorder.watch_targets == ("watched_pipeline:decode",)
    assert snapshot(pipeline) == before
    assert recorder.watch_targets == ()
    assert ran(recorder) == {"decode": 1}
    watch.stop()


def test_a_watch_of_a_run_that_never_began_can_be_ended(pipeline: Any, recorder: Recorder) -> None:
    before = snapshot(pipeline)
    instrumented(("watched_pipeline:decode",), recorder)
    end_watches(recorder)
    assert snapshot(pipeline) == before


def test_a_watch_can_be_begun_again(pipeline: Any, recorder: Recorder) -> None:
    with activated(recorder):
        with instrumented(("watched_pipeline:decode",), recorder) as watch:
            pipeline.decode(1)
        pipeline.decode(1)
        with watch:
            assert watch.start() is watch
            pipeline.decode(1)
    assert ran(recorder) == {"decode": 2}


def test_an_empty_watch_does_nothing() -> None:
    with Watch(()) as watch:
        assert watch.names == ()


def test_a_child_process_watches_names_for_good(pipeline: Any, recorder: Recorder) -> None:
    watch_names(("watched_pipeline:decode",))
    with activated(recorder):
        pipeline.decode(1)
    assert ran(recorder) == {"decode": 1}


def test_too_many_stages_are_told_once_and_the_function_goes_on(recorder: Recorder) -> None:
    @profile("one too many")
    def work(value: int) -> int:
        return value

    with activated(recorder):
        for number in range(1_000):
            with recorder.stage(f"stage {number}"):
                pass
        with pytest.warns(match="one too many.*not measured") as told:
            assert (work(1), work(2)) == (1, 2)
    assert len(told) == 1
