"""Sessions at once into one folder, while one process compacts and another one cleans: no row is lost or doubled."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pytest_vizart import History
from pytest_vizart.history.writer import prepare_output
from tests.faults.forking import Forking


def test_many_sessions_a_compaction_and_a_clean_up(forking: Forking, tmp_path: Path, long_form: bool) -> None:
    writers, runs = (8, 50) if long_form else (4, 10)
    output, over = tmp_path / ".vizart", tmp_path / "over"
    prepare_output(output)  # what is no output yet is not cleaned
    jobs = [("tracked_runs", output, {"name": f"writer{number}", "runs": runs}) for number in range(writers)]
    upkeep = [(f"{job}_repeatedly", output, {"until": str(over)}) for job in ("compact", "clean")]
    ended = forking.at_once([*jobs, *upkeep], first=writers, then=over)
    assert [each.status for each in ended] == [0] * (writers + 2), [each.output for each in ended]
    expected = [run_id for each in ended[:writers] for run_id in each.answer]
    assert len(expected) == writers * runs
    history = History(output)
    assert sorted(history.runs()["run_id"].to_pylist()) == sorted(expected)
    spans = Counter(history.spans(stage="work")["run_id"].to_pylist())
    assert spans == dict.fromkeys(expected, 3)
    assert history.stages()["run_id"].to_pylist().count(expected[0]) == 1
    assert all(each.answer > 0 for each in ended[writers:])
    assert list((output / "journal").iterdir()) == []
