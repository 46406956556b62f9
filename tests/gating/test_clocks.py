from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.gating.clocks import choose_clock, kind_untold, nature, undisturbed
from pytest_vizart.gating.times import RunTimes

MS = np.linspace(1.0, 4.0, 24)[:, None] * np.ones(3)


@pytest.fixture
def one(make_stage):
    def build(run_id="r", calibration=None, cpu_ms=MS, **options):
        return RunTimes(run_id, tuple(map(str, range(24))), 3, {"detect": make_stage(cpu_ms, **options)}, calibration)

    return build


@pytest.mark.parametrize(
    "options, clock",
    [
        ({}, "cpu"),
        ({"process_factor": 1.04}, "cpu"),
        ({"process_factor": 1.5}, "wall"),
        ({"waits_ms": 2.0}, "wall"),
        ({"has_cpu": False}, "wall"),
        ({"wall_factor": 1.4}, "cpu"),  # preempted: no voluntary switch
        ({"wall_factor": 1.4, "switches": None}, "cpu"),
        ({"wall_factor": 1.6, "switches": None}, "wall"),
    ],
)
def test_cpu_time_decides_what_is_bound_by_one_thread(one, options, clock):
    assert choose_clock("detect", one(**options), []) == clock


@pytest.mark.parametrize("now, before", [({"waits_ms": 1.0}, {}), ({}, {"waits_ms": 1.0})])
def test_a_stage_that_begins_or_ceases_to_wait_is_judged_on_wall_time(one, now, before):
    assert choose_clock("detect", one(**now), [one(f"h{i}", **before) for i in range(10)]) == "wall"


def test_a_short_new_wait_is_enough_to_leave_the_cpu_clock(one):
    calm = [one(f"h{i}") for i in range(10)]
    sleeps = one(waits_ms=0.1)  # 2.5 to 10 % of the stage: by itself it does not count as waiting
    assert not nature(sleeps.stages["detect"]).waits
    assert choose_clock("detect", sleeps, calm) == "wall"
    assert choose_clock("detect", sleeps, []) == "cpu"


def test_reading_two_clocks_does_not_make_a_short_stage_look_threaded(one):
    assert choose_clock("detect", one(cpu_ms=MS / 50, process_factor=1.06), []) == "cpu"


def test_a_cpu_clock_with_windows_ticks_is_not_used(one):
    rng = np.random.default_rng(1)
    ticks = rng.integers(1, 4, (24, 3)) * 15.625
    assert choose_clock("detect", one(cpu_ms=ticks), []) == "wall"
    assert choose_clock("detect", one(cpu_ms=ticks * 0), []) == "wall"
    assert choose_clock("detect", one(cpu_ms=ticks + rng.normal(0, 0.1, (24, 3))), []) == "cpu"


def test_constant_times_do_not_look_like_a_coarse_clock(one):
    assert choose_clock("detect", one(cpu_ms=np.full((24, 3), 20.0)), []) == "cpu"


def test_wall_time_may_be_judged_only_where_the_calibration_was_not_interrupted(one, make_stage):
    assert undisturbed(one(calibration=make_stage(MS))) is None
    assert "no calibration" in (undisturbed(one()) or "")
    assert "CPU time" in (undisturbed(one(calibration=make_stage(MS, has_cpu=False))) or "")
    assert "disturbed" in (undisturbed(one(calibration=make_stage(MS, wall_factor=1.1))) or "")


def test_without_context_switches_a_new_wait_cannot_be_told_from_preemption(one):
    calm = [one(f"h{i}", switches=None) for i in range(10)]
    assert kind_untold("detect", one(switches=None, wall_factor=1.8), calm)
    assert not kind_untold("detect", one(switches=None), calm)
    assert not kind_untold("detect", one(waits_ms=3.0), calm)


def test_a_stage_without_any_time_has_no_clock(make_stage):
    assert not nature(make_stage(np.full((3, 2), np.nan))).has_cpu
    assert not nature(make_stage(np.empty((3, 0)))).has_cpu


def test_a_stage_that_was_only_timed_from_some_sample_on(one):
    def with_unknown_switches(run):
        times = run.stages["detect"]
        times.voluntary_switches[4:] = np.nan
        return run

    calm, waiting = with_unknown_switches(one()), with_unknown_switches(one(waits_ms=4.0))
    assert choose_clock("detect", calm, []) == "cpu"
    assert choose_clock("detect", waiting, []) == "wall"
    assert kind_untold("detect", waiting, [calm])  # without switches, waiting looks like preemption
