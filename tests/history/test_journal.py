from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_vizart.history.journal import Journal, dead_journals
from tests.history.builders import a_run, a_session


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "s1")
    journal.open(a_session())
    journal.add_run(a_run("r1"))
    journal.add_run(a_run("r0", started_us=1))
    damage: list[str] = []
    assert list(journal.runs(damage.append)) == [a_run("r0", started_us=1), a_run("r1")]
    assert journal.session() == a_session()
    assert damage == []


def test_a_damaged_file_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "s1")
    journal.open(a_session())
    journal.add_run(a_run("r1"))
    (journal.folder / "run-r2.json").write_bytes(b'{"info": {"run_id"')
    damage: list[str] = []
    assert [run.info.run_id for run in journal.runs(damage.append)] == ["r1"]
    assert len(damage) == 1
    assert "run-r2.json" in damage[0]


def test_a_living_session_is_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path, "s1").open(a_session())
    assert list(dead_journals(tmp_path)) == []


def test_a_dead_session_is_found(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.history.builders import a_run, a_session;"
        "from pytest_vizart.history.journal import Journal; import os, signal;"
        f"journal = Journal(Path({str(tmp_path)!r}), 's1'); journal.open(a_session()); journal.add_run(a_run());"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    (journal,) = dead_journals(tmp_path)
    assert [run.info.run_id for run in journal.runs(print)] == ["r1"]


def test_a_session_of_another_machine_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "s1")
    journal.open(a_session())
    owner = journal.folder / "owner.json"
    dead = owner.read_text().replace('"started":', '"started":1')
    owner.write_text(dead.replace('"host":"', '"host":"other-'))
    assert list(dead_journals(tmp_path)) == []
    owner.write_text(dead)
    assert [found.folder for found in dead_journals(tmp_path)] == [journal.folder]
