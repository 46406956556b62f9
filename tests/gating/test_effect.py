from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_vizart.gating import effect
from pytest_vizart.gating.effect import Comparison, best_ns, paired_logs, related, spread
from pytest_vizart.gating.times import RunTimes


def test_student_t_matches_scipy():
    for runs in range(2, 11):
        assert effect._T_95[runs + 3] == pytest.approx(stats.t.ppf(0.95, runs + 3), abs=2e-5)
        assert effect._T_975[runs + 3] == pytest.approx(stats.t.ppf(0.975, runs + 3), abs=2e-5)


def test_a_run_that_is_slower_by_a_known_factor_has_that_effect(make_run):
    history = [make_run(f"h{number}", {"detect": 1.0}, noise=0.0) for number in range(5)]
    measured = Comparison(make_run("c", {"detect": 1.1}, noise=0.0), history, "cpu").effects("detect")
    assert measured is not None
    assert measured.candidate == pytest.approx(np.log(1.1))
    assert measured.left_out == pytest.approx(np.zeros(5))


def test_left_out_effects_compare_each_run_with_the_others(make_run):
    factors = [1.0, 1.0, 1.0, 1.0, 1.2]
    history = [make_run(f"h{i}", {"detect": factor}, noise=0.0) for i, factor in enumerate(factors)]
    measured = Comparison(make_run("c", {"detect": 1.0}, noise=0.0), history, "cpu").effects("detect")
    assert measured is not None
    assert measured.left_out == pytest.approx([0, 0, 0, 0, np.log(1.2)])


def test_a_slower_machine_is_taken_out_with_the_common_mode(make_run, four, history):
    slower = make_run("c", four, machine=1.3)
    measured = Comparison(slower, history, "cpu").less_common_mode("detect")
    assert measured is not None
    assert abs(measured.candidate) < 0.01


def test_with_fewer_than_three_stages_only_the_calibration_is_taken_out(make_run):
    two = {"decode": 1.0, "detect": 1.0}
    history = [make_run(f"h{number}", two, noise=0.0) for number in range(5)]
    both_slower = make_run("c", {"decode": 1.2, "detect": 1.2}, noise=0.0)
    measured = Comparison(both_slower, history, "cpu").less_common_mode("detect")
    assert measured is not None
    assert measured.candidate == pytest.approx(np.log(1.2))


def test_nested_stages_are_not_each_others_reference(make_run):
    names = ["whole", "a", "b", "c"]
    run = make_run("c", dict.fromkeys(names, 1.0))
    nested = RunTimes(
        "n", run.samples, run.passes, run.stages, None, {"a": "whole", "b": "a", "whole": None, "c": None}
    )
    assert related(nested, "whole", "b")
    assert related(nested, "b", "whole")
    assert not related(nested, "a", "c")


def test_parents_that_form_a_ring_end():
    run = RunTimes("r", (), 0, {}, None, {"a": "b", "b": "a"})
    assert related(run, "a", "b")


def test_the_spread_is_floored_and_shrunk_to_the_stages_median():
    calm, wild = np.full(10, 0.0), np.array([-0.1, 0.1] * 5)
    scale = np.sqrt(1 + 1 / 10) * stats.t.ppf(0.95, 13)
    assert spread(calm, [calm]).bound == pytest.approx(0.005 * scale, rel=1e-4)
    prior, own = np.var(calm, ddof=1), np.var(wild, ddof=1)
    expected = np.sqrt((9 * own + 4 * prior) / 13) * scale
    assert spread(wild, [calm, calm, wild]).bound == pytest.approx(expected, rel=1e-4)


def test_the_best_pass_counts_and_unticked_clocks_do_not(make_stage):
    times = make_stage(np.array([[2.0, 1.0, 3.0], [0.0, 5.0, 4.0], [0.0, 0.0, 0.0], [np.nan, 6.0, 7.0]]))
    np.testing.assert_array_equal(best_ns(times, "cpu", 3), [1e6, 4e6, np.nan, 6e6])
    np.testing.assert_array_equal(best_ns(times, "cpu", 1), [2e6, np.nan, np.nan, np.nan])


def test_runs_are_paired_by_sample_name_not_by_row(make_stage):
    def run(samples, values):
        return RunTimes("r", samples, 1, {"s": make_stage(np.array(values)[:, None])}, None)

    logs = paired_logs([run(("b", "a", "x"), [2.0, 1.0, 9.0]), run(("a", "b", "y"), [1.0, 2.0, 8.0])], "s", "cpu", 1)
    np.testing.assert_allclose(np.exp(logs) / 1e6, [[1.0, 2.0], [1.0, 2.0]])


def test_runs_with_other_numbers_of_passes_are_compared_by_the_first_common_ones(make_stage):
    samples = ("a", "b", "c")
    later_passes_are_faster = np.array([[2.0, 1.0, 1.0]] * 3)
    old = [RunTimes(f"h{i}", samples, 1, {"s": make_stage(np.full((3, 1), 2.0))}, None) for i in range(5)]
    new = RunTimes("c", samples, 3, {"s": make_stage(later_passes_are_faster)}, None)
    measured = Comparison(new, old, "cpu").effects("s")
    assert measured is not None
    assert measured.candidate == pytest.approx(0.0)
