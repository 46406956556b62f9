from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.recommendations import recommend_for_run
from pytest_vizart.report.terminal import summary_lines
from pytest_vizart.report.terminal_lines import Line

from . import builders
from .profile_builders import profiled_session


def _text(lines: list[Line]) -> str:
    return "\n".join(line for _, line in lines)


def _flat(lines: list[Line]) -> str:
    return " ".join(_text(lines).split())


def test_a_failing_session_says_what_failed_where_and_on_which_samples(tmp_path: Path) -> None:
    lines = summary_lines(builders.full_session(tmp_path), report_path=Path("report.html"), json_path=Path("s.json"))
    text = _flat(lines)
    assert "coins, 24 samples, 3 passes" in text
    assert "FAIL detect slower by 14.7 % [11.6 .. 17.8], CPU; 10 baseline runs of main" in text
    assert "samples: coin-003, coin-001" in text
    assert "detect: map_50 0.874; 18 correct, 5 wrong, 1 invalid" in text
    assert "detect: 2 newly wrong: coin-003, coin-001" in text
    assert "1 newly fixed: coin-011" in text
    assert "3 stages checked, 1 without baseline, 1 learning (2 of 5 runs)" in text
    assert ("fail", "2 of 5 checks failed.") in lines
    assert lines[-2:] == [("info", "report: report.html"), ("info", "json: s.json")]


def test_passing_verdicts_are_for_the_verbose(tmp_path: Path) -> None:
    result = builders.passing_session(tmp_path)
    assert "PASS" not in _text(summary_lines(result))
    assert "PASS detect: map_50" in _text(summary_lines(result, verbose=True))


def test_what_takes_most_of_the_time_is_told_with_a_reason_largest_first(tmp_path: Path) -> None:
    text = _flat(summary_lines(builders.passing_session(tmp_path)))
    assert "1. detect takes 79 % of the wall time. It computes in one thread" in text
    assert "2. decode takes 17 % of the wall time. Its thread is busy" in text
    assert text.index("1. detect") < text.index("2. decode")
    assert "3. " not in text  # the third stage takes 5 %: there is nothing to gain


def test_the_same_advice_is_given_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = recommend_for_run(builders.coins_run(tmp_path))
    told = [
        replace(first, stage=name, message=f"{name} takes {share} % of it. It computes for {share}.5 % of its time.")
        for name, share in (("a", 60), ("b", 20))
    ]
    monkeypatch.setattr("pytest_vizart.report.terminal_stages.recommend_for_run", lambda _: told)
    result = builders.passing_session(tmp_path)
    text = _flat(summary_lines(result))
    assert "1. a takes 60 % of it. It computes for 60.5 % of its time." in text
    assert "2. b takes 20 % of it. The same holds as for a." in text
    assert "2. b takes 20 % of it. It computes for 20.5 %" in _flat(summary_lines(result, verbose=True))


def test_remarks_beyond_the_advice_are_for_the_verbose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = recommend_for_run(builders.coins_run(tmp_path))
    told = replace(first, message="a takes 9.5 % of it. It waits for e.g. a file (see above): read ahead. Third thing.")
    monkeypatch.setattr("pytest_vizart.report.terminal_stages.recommend_for_run", lambda _: (told,))
    short, long = (
        _flat(summary_lines(builders.passing_session(tmp_path), verbose=verbose)) for verbose in (False, True)
    )
    assert "1. a takes 9.5 % of it. It waits for e.g. a file (see above): read ahead." in short
    assert "Third thing." not in short
    assert "Third thing." in long


def test_only_the_first_of_many_failing_runs_say_why_they_are_slow(tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path)
    runs = tuple(replace(run, info=replace(run.info, test_id=f"test_{n}")) for n in range(10))
    lines = summary_lines(SessionResult(builders.session(), runs))
    assert sum(line.startswith("  1. ") for _, line in lines) == 8


def test_nested_stages_are_indented_and_concurrent_ones_marked(tmp_path: Path) -> None:
    lines = [line for _, line in summary_lines(profiled_session(tmp_path))]
    table = lines[lines.index(next(line for line in lines if line.startswith("  stage"))) :][:8]
    assert [line[:22].rstrip() for line in table] == [
        "  stage", "  decode", "  detect", "    resize", "    network", "    suppress overlaps", "  crop *",
        "  upload *",
    ]  # fmt: skip
    assert len({len(line) for line in table}) == 1
    assert max(map(len, lines)) <= 80
    assert "  * at the same time as other stages: times do not add up" in lines


def test_throughput_stands_in_the_table_or_below_it(tmp_path: Path) -> None:
    result = profiled_session(tmp_path)
    wide, narrow = (_text(summary_lines(result, width=width)) for width in (80, 60))
    assert "growth MB   per s  share" in wide
    assert "  12,500  " in wide
    assert "per second:" not in wide
    assert "growth MB  share" in narrow
    assert "per second: decode 333, detect 90.9, resize 667, network" in narrow
    assert "per s" not in _text(summary_lines(builders.passing_session(tmp_path)))


def test_a_leak_that_was_found_is_a_warning_and_one_that_was_not_is_silent(tmp_path: Path) -> None:
    lines = summary_lines(profiled_session(tmp_path))
    assert ("warn", "  memory grows by 101 kB a sample [95 .. 108] over 40 samples, most in network") in lines
    assert "GPU memory" not in _text(lines)


def test_notes_of_stages_are_for_the_verbose(tmp_path: Path) -> None:
    result = profiled_session(tmp_path)
    assert "timing alone" not in _text(summary_lines(result))
    assert "suppress overlaps: shorter than 0.2 ms: timing alone" in _flat(summary_lines(result, verbose=True))


def test_fits_eighty_columns_with_long_names_and_tables_stay_aligned(tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path)
    long = "a_stage_with_a_name_that_goes_on_and_on_and_does_not_end_before_the_edge_of_the_terminal"
    stages = (replace(run.stages[0], name=long), replace(run.stages[1], errors=3))
    rows = [row for row in range(len(run.spans)) if run.spans.stage[row] == stages[1].name]
    for row in [row for row in rows if not run.spans.warmup[row]][:3]:
        run.spans.error[row] = "ValueError"
    info = replace(run.info, test_id=f"tests/{long}/test_{long}.py::test_{long}", dataset=long)
    result = SessionResult(builders.session(), (replace(run, info=info, stages=stages),))
    lines = [line for _, line in summary_lines(result)]
    assert max(map(len, lines)) <= 80
    header = next(i for i, line in enumerate(lines) if line.lstrip().startswith("stage"))
    assert len({len(line) for line in (lines[header], lines[header + 1], lines[header + 2])}) == 1
    assert any("3 of 72 spans raised" in line for line in lines)
    assert any(line.startswith("tests/a_stage") and "…" in line and line.endswith("terminal") for line in lines)


def test_many_runs_take_a_line_each_and_the_bad_ones_a_block(tmp_path: Path) -> None:
    good = builders.coins_run(tmp_path, failing=False)
    runs = [replace(good, info=replace(good.info, test_id=f"tests/test_{n}.py::test_it")) for n in range(12)]
    result = SessionResult(builders.session(), (*runs, builders.coins_run(tmp_path)))
    lines = summary_lines(result)
    assert [line[:25] for _, line in lines[:2]] == ["PASS tests/test_0.py::tes", "PASS tests/test_1.py::tes"]
    assert all(line.endswith("24 samples, map_50 0.874, 17.8 ms") for _, line in lines[:12])
    assert sum(role == "title" for role, _ in lines) == 1
    assert len(lines) < 45


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path)
    evil = "\x1b]0;owned\x07\x1b[31m\udcff\u202e"
    verdict = replace(run.verdicts[0], message=f"{evil} slower\nand more", samples=(evil,))
    score = replace(run.scores[0], newly_wrong=(evil,), stage=evil, notes=(evil,))
    info = replace(run.info, test_id=evil, dataset=evil, error=evil, notes=(evil,))
    stages = (StageStats(evil, 1, 1, None),)
    result = SessionResult(
        builders.session(), (RunResult(info, run.spans, stages, (score,), verdicts=(verdict,)),), (evil,)
    )
    lines = [line for _, line in summary_lines(result, verbose=True)]
    assert all(line.isprintable() for line in lines)
    assert any("owned" in line for line in lines)


def test_a_session_without_a_run_says_so() -> None:
    assert summary_lines(SessionResult(builders.session(), ()))[0] == ("info", "Nothing was measured.")
