from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import types

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.instrumentation import activated, covering, profile, watched
from tests.profiling.fake_clock import FakeClock, FakeMemory


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(clock=FakeClock(), memory=FakeMemory())


@profile
def double(value: int) -> int:
    return 2 * value


@profile("named")
def triple(value: int) -> int:
    return 3 * value


@profile
async def wait(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_decorated_functions_record_only_while_a_run_is_active(recorder: Recorder) -> None:
    assert double(2) == 4
    with activated(recorder):
        assert (double(2), triple(2), asyncio.run(wait(5))) == (4, 6, 5)
    assert double(2) == 4
    assert recorder.table().stage == ["double", "named", "wait"]


def test_the_decorator_keeps_name_and_docstring() -> None:
    assert double.__name__ == "double"


def test_partials_static_and_class_methods_can_be_stages(recorder: Recorder) -> None:
    class Owner:
        @profile
        @staticmethod
        def plain(value: int) -> int:
            return value

        @profile
        @classmethod
        def built(cls, value: int) -> int:
            return value

    half = profile(functools.partial(pow, 2))
    with activated(recorder):
        assert (Owner.plain(1), Owner().built(2), half(3)) == (1, 2, 8)
    assert recorder.table().stage == ["plain", "built", "partial"]


def test_a_class_cannot_be_a_stage() -> None:
    with pytest.raises(UsageError, match="only functions"):
        profile(dict)


class Model:
    def detect(self, value: int) -> int:
        return value + 1

    @staticmethod
    def scale(value: int) -> int:
        return value * 10

    @classmethod
    def build(cls) -> Model:
        return cls()


class Child(Model):
    pass


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("watched_module")
    module.Model, module.Child, module.double = Model, Child, lambda value: 2 * value  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "watched_module", module)
    return module


def test_watched_methods_of_every_kind_record_and_are_put_back(recorder: Recorder, module: types.ModuleType) -> None:
    before = dict(vars(Model))
    names = [f"watched_module:Model.{name}" for name in ("detect", "scale", "build")]
    with activated(recorder), watched([*names, "watched_module:double"]):
        assert Model.build().detect(1) == 2
        assert Model.scale(2) == 20
        assert module.double(3) == 6
    assert dict(vars(Model)) == before
    assert recorder.table().stage == ["build", "detect", "scale", "double"]


def test_an_inherited_method_is_watched_on_the_child_alone(recorder: Recorder, module: types.ModuleType) -> None:
    with activated(recorder), watched(["watched_module:Child.detect"]):
        assert Child().detect(1) == 2
        Model().detect(1)
    assert "detect" not in vars(Child)
    assert recorder.table().stage == ["detect"]


@pytest.mark.parametrize(
    "name",
    [
        "nowhere:f",
        "watched_module:absent",
        "watched_module",
        ":f",
        "watched_module:Model.absent",
        "watched_module:Model",
        "numpy:ndarray.sum",
    ],
)
def test_a_name_that_leads_nowhere(module: types.ModuleType, name: str) -> None:
    with pytest.raises(UsageError, match="vizart_stages"), watched([name]):
        pass


@pytest.mark.parametrize("name", ["", "  "])
def test_a_stage_needs_a_name(name: str) -> None:
    with pytest.raises(UsageError, match="needs a name"):
        profile(name)(double)


def test_a_decorated_cached_function_keeps_its_attributes_and_binds(recorder: Recorder) -> None:
    class Owner:
        @profile
        @functools.cache  # noqa: B019
        def work(self, value: int) -> int:
            return value

    owner = Owner()
    with activated(recorder):
        assert (owner.work(2), owner.work(2)) == (2, 2)
    assert Owner.work.cache_info().hits == 1  # type: ignore[attr-defined]
    assert recorder.table().stage == ["work", "work"]


def test_an_exception_goes_through_unchanged_and_ends_the_stage(recorder: Recorder) -> None:
    error = ValueError("x")

    @profile
    def work() -> None:
        raise error

    with activated(recorder), pytest.raises(ValueError, match="x") as caught:
        work()
    assert caught.value is error
    assert recorder.table().error == ["ValueError"]


def test_recursion_is_nested(recorder: Recorder) -> None:
    @profile
    def fall(depth: int) -> int:
        return fall(depth - 1) if depth else 0

    with activated(recorder):
        fall(2)
    assert recorder.table().parent == [None, "fall", "fall"]


def test_a_covered_stage_takes_in_the_function_of_its_name_called_directly(recorder: Recorder) -> None:
    with activated(recorder), covering("double"), recorder.stage("double"):
        double(1)
        with recorder.stage("other"):
            double(1)
        triple(1)
    assert list(zip(recorder.table().stage, recorder.table().parent, strict=True)) == [
        ("double", None), ("other", "double"), ("double", "other"), ("named", "double"),
    ]  # fmt: skip


def test_what_is_sent_to_other_processes_takes_no_run_along(recorder: Recorder) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    @profile
    def work(value: int) -> int:
        return value + 1

    @profile
    async def awaited(value: int) -> int:
        return value + 1

    with activated(recorder), watched([f"{__name__}:double"]):
        for function in (double, profile(functools.partial(pow, 2)), work):
            assert cloudpickle.loads(cloudpickle.dumps(function))(3) == function(3)
        assert asyncio.run(cloudpickle.loads(cloudpickle.dumps(awaited))(3)) == 4


def test_profile_imports_nothing_heavy() -> None:
    heavy = "numpy pyarrow pytest pydantic loguru psutil inspect dataclasses asyncio"
    code = (
        "import sys; from pytest_vizart import profile; profile(print); "
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
