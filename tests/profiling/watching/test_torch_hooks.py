from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest

from pytest_vizart.errors import UsageError, VizartWarning
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import activated
from pytest_vizart.profiling.watching.shapes import steps_of
from pytest_vizart.profiling.watching.watch import instrumented
from tests.profiling import fake_torch_nn as fake
from tests.profiling.ran import new_recorder, ran


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture(autouse=True)
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", fake.torch_module())


class Add(fake.Module):
    def forward(self, value: Any) -> Any:
        return value + 1


class Raising(fake.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, value: Any) -> Any:
        raise self.error


class OldRaising(fake.OldModule):
    def forward(self, value: Any) -> Any:
        if value is None:
            raise ValueError
        return value


class Net(fake.Module):
    def forward(self, value: Any) -> Any:
        for name, child in self.children.items():
            value = child(value) if name != "blocks" else child.children["1"](child.children["0"](value))
        return value


def hooks(*modules: Any) -> list[Any]:
    return [hook for module in modules for hook in (*module.before.values(), *module.after.values())]


def test_each_call_of_a_named_child_is_a_stage(recorder: Recorder) -> None:
    net = Net(conv=Add(), blocks=fake.ModuleList(Add(), Add()), head=Net(inner=Add()))
    with activated(recorder), instrumented((net,)) as watch:
        assert watch.names == ("conv", "blocks.0", "blocks.1", "head")
        assert net(1) == 5
        net(1)
    net(1)
    assert ran(recorder) == {"conv": 2, "blocks.0": 2, "blocks.1": 2, "head": 2}
    assert hooks(net, *net.children.values()) == []


def test_a_pickled_hook_does_nothing_and_needs_nothing_of_ours() -> None:
    net = Net(conv=Add(), head=Add())
    with instrumented((net,)):
        for hook in hooks(*net.children.values()):
            kept = pickle.dumps(hook)
            assert b"pytest_vizart" not in kept
            assert pickle.loads(kept)(net, (1,)) is pickle.loads(kept)(net, (1,), 2) is None


def test_a_child_that_is_called_twice_or_stands_under_two_names_bears_the_first(recorder: Recorder) -> None:
    shared = Add()
    with activated(recorder), instrumented((Net(act=shared, again=shared),)) as watch:
        assert watch.names == ("act",)
        watch_net = Net(act=shared, again=shared)
        watch_net(1)
    assert ran(recorder) == {"act": 2}


def test_a_module_in_a_list_is_a_stage_with_its_children_inside(recorder: Recorder) -> None:
    net = Net(conv=Add(), head=Add())
    stages = [("first", net), ("second", Net(conv=Add()))]
    with activated(recorder), instrumented((stages,)):
        assert stages[1][1](net(1)) == 4
    assert stages[0][1] is net
    assert ran(recorder) == {
        "first": 1, "first > first.conv": 1, "first > first.head": 1, "second": 1, "second > second.conv": 1,
    }  # fmt: skip


def test_a_checked_module_is_one_stage_around_its_children() -> None:
    (step,) = steps_of(Net(conv=Add(), head=Add()))
    assert (step.name, [part.name for part in step.inside], step.call(1)) == ("Net", ["conv", "head"], 3)


def test_an_exception_closes_the_stage_with_its_type(recorder: Recorder) -> None:
    net = Net(conv=Add(), bad=Raising(ValueError("x")))
    with activated(recorder), instrumented((net,)), pytest.raises(ValueError, match="x"):
        net(1)
    assert ran(recorder) == {"conv": 1, "bad !ValueError": 1}


def test_an_exception_that_is_handled_around_the_call_is_not_the_calls_own(recorder: Recorder) -> None:
    net = Net(conv=Add())
    with activated(recorder), instrumented((net,)):
        try:
            raise KeyError
        except KeyError:
            net(1)
    assert ran(recorder) == {"conv": 1}


@pytest.mark.parametrize("raising", [Raising(SystemExit(1)), Raising(KeyboardInterrupt())])
def test_what_hooks_do_not_see_is_closed_by_the_next_call_or_the_end(recorder: Recorder, raising: Any) -> None:
    net = Net(outer=Net(bad=raising))
    with activated(recorder), instrumented(([("net", net.children["outer"])],)):
        for _ in range(2):
            with pytest.raises((SystemExit, KeyboardInterrupt)), recorder.stage("around"):
                net(1)
        raising.error = ValueError()
        with pytest.raises(ValueError):  # noqa: PT011
            net(1)
    with recorder.stage("after"):
        pass
    seen = ran(recorder)
    assert seen["around > net !BaseException"] == 2
    assert seen["net > net.bad !BaseException"] == 2
    assert seen["net > net.bad !ValueError"] == 1
    assert seen["after"] == 1


def test_a_stop_inside_of_the_forward_pass_closes_the_stage(recorder: Recorder) -> None:
    class Stops(fake.Module):
        def forward(self, value: Any) -> Any:
            watch.stop()
            return value

    with activated(recorder):
        watch = instrumented((Net(stops=Stops()),))
        Net(**watch._parts[0].of.children)
        watch._parts[0].of(1)
        with recorder.stage("after"):
            pass
    assert ran(recorder) == {"stops !BaseException": 1, "after": 1}


def test_torch_of_old_does_not_tell_of_exceptions(recorder: Recorder) -> None:
    old = OldRaising()
    with activated(recorder), instrumented((Net(old=old),)):
        with pytest.raises(ValueError):  # noqa: PT011
            old(None)
        assert old(3) == 3
        with recorder.stage("after"):
            pass
    assert ran(recorder) == {"old !BaseException": 1, "old": 1, "after": 1}


def test_a_recursive_module_is_a_stage_at_every_call(recorder: Recorder) -> None:
    class Again(fake.Module):
        def forward(self, value: Any) -> Any:
            return self(value - 1) if value else 0

    net = Net(again=Again())
    with activated(recorder), instrumented((net,)):
        net(2)
    assert ran(recorder) == {"again": 1, "again > again": 2}


def test_two_watches_count_once_and_end_in_any_order(recorder: Recorder) -> None:
    net = Net(conv=Add())
    with activated(recorder):
        first, second = instrumented((net,)), instrumented((net,))
        net(1)
        first.stop()
        net(1)
        second.stop()
        net(1)
    assert ran(recorder) == {"conv": 2}
    assert hooks(*net.children.values()) == []


def test_a_scripted_child_is_left_out_with_a_warning_and_is_a_stage_in_a_list(recorder: Recorder) -> None:
    scripted = fake.ScriptModule()
    with pytest.warns(VizartWarning, match="takes no hooks"), instrumented((Net(a=Add(), b=scripted),)) as watch:
        assert watch.names == ("a",)
    stages = [("scripted", scripted)]
    with activated(recorder), instrumented((stages,)):
        assert stages[0][1](1) == 1
    assert ran(recorder) == {"scripted": 1}
    with pytest.raises(UsageError, match="no stage"):
        instrumented((scripted,))


def test_a_half_imported_torch_is_no_trouble(monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    monkeypatch.setitem(sys.modules, "torch", object())
    with activated(recorder), instrumented(([("a", len)],)):
        pass
