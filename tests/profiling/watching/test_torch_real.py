"""The same with torch itself, where it is installed."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pytest_vizart.errors import UsageError, VizartWarning
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import activated
from pytest_vizart.profiling.watching.watch import instrumented
from tests.profiling.ran import new_recorder, ran

torch = pytest.importorskip("torch")


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


def test_a_real_module(recorder: Recorder) -> None:
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(72, 2)))
    image = torch.ones(1, 1, 8, 8)
    expected = net(image)
    with activated(recorder), instrumented((net,)) as watch:
        for _ in range(3):
            assert torch.equal(net(image), expected)
        for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert torch.equal(other(image), expected)
        with pytest.raises(RuntimeError):
            net(torch.ones(1, 2, 8, 8))
    net(image)
    assert watch.names == ("0", "1", "2")
    assert ran(recorder) == {"0": 3, "0 !RuntimeError": 1, "1": 3, "2": 3}
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert not any(module._forward_hooks_always_called for module in net.modules())


def test_a_real_module_that_is_compiled_while_it_is_watched(recorder: Recorder) -> None:
    nn = torch.nn
    net, image = nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.ones(1, 4)
    with activated(recorder), instrumented((net,)):
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        assert torch.equal(compiled(image), net(image))
    assert ran(recorder) == {"0": 1, "1": 1}
    with pytest.raises(UsageError, match="no stage"):
        instrumented((compiled,))
    with activated(recorder), instrumented(([("compiled", compiled)],)):
        compiled(image)
    assert ran(recorder)["compiled"] == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_real_scripted_module(recorder: Recorder) -> None:

    class Half(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
            self.act = torch.nn.ReLU()

        def forward(self, value: Any) -> Any:
            return self.act(self.traced(value))

    net = Half()
    with activated(recorder), pytest.warns(VizartWarning, match="takes no hooks"), instrumented((net,)):
        net(torch.ones(1, 2))
    assert ran(recorder) == {"act": 1}
