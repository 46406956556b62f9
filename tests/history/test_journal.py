"""The journal: what survives, whose it is, and who may take it over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from pytest_vizart.history import owner as owners
from pytest_vizart.history.journal import Journal, dead_journals, journals_stand, sessions_in
from pytest_vizart.history.owner import FOREIGN_STILL_S, UNTOLD_STILL_S, Owner, owner_of, still_for_s
from tests.history.builders import a_run, a_session


def opened(output: Path, *run_ids: str) -> Journal:
    journal = Journal(output, "s1")
    journal.open(a_session())
    for run_id in run_ids:
        journal.add_run(a_run(run_id))
    return journal


def own(journal: Journal, owner: Owner) -> None:
    (journal.folder / "owner.json").write_bytes(owner.as_json())


def left_for(folder: Path, seconds: float) -> None:
    """Make the folder look as if nothing in it had changed for so long."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - seconds, time.time() - seconds))


@pytest.fixture
def dead() -> Owner:
    """A process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    journal = opened(tmp_path, "r1")
    journal.add_run(a_run("r0", started_us=1))
    damage: list[str] = []
    assert list(journal.runs(damage.append)) == [a_run("r0", started_us=1), a_run("r1")]
    assert journal.session(damage.append) == a_session()
    assert damage == []


def bit_flipped(payload: bytes) -> bytes:
    middle = len(payload) // 2
    return payload[:middle] + bytes([payload[middle] ^ 1]) + payload[middle + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda payload: payload[: len(payload) // 2],
    "one bit": bit_flipped,
    "empty": lambda payload: b"",
    "other JSON": lambda payload: b'["null"]',
}


@pytest.mark.parametrize("damaged", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["run-r2.json", "session.json"])
def test_a_damaged_file_is_reported_and_the_rest_is_read(
    tmp_path: Path, name: str, damaged: Callable[[bytes], bytes]
) -> None:
    journal = opened(tmp_path, "r1", "r2")
    path = journal.folder / name
    path.write_bytes(damaged(path.read_bytes()))
    damage: list[str] = []
    runs = [run.info.run_id for run in journal.runs(damage.append)]
    session = journal.session(damage.append)
    assert (runs, session is None) == ((["r1"], False) if name.startswith("run") else (["r1", "r2"], True))
    assert len(damage) == 1
    assert str(path) in damage[0]


def test_a_damaged_piece_is_reported_and_those_of_whole_runs_are_passed_over(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for run_id, payload in (("r1", b'{"a":1}'), ("r2", b'{"a":2}'), ("r2", b'{"a":3}'), ("r-3", b'{"a":4}')):
        journal.add_piece(run_id, payload)
    (path,) = journal.folder.glob("piece-r1-*")
    path.write_bytes(bit_flipped(path.read_bytes()))
    damage: list[str] = []
    assert {payload for _, payload in journal.pieces(damage.append)} == {b'{"a":2}', b'{"a":3}', b'{"a":4}'}
    assert len(damage) == 1
    assert str(path) in damage[0]
    assert [payload for _, payload in journal.pieces(damage.append, whole={"r2"})] == [b'{"a":4}']
    journal.forget_pieces("r2")
    assert [payload for _, payload in journal.pieces(damage.append)] == [b'{"a":4}']


def test_files_of_versions_without_a_digest_are_read(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    (journal.folder / "run-r1.json").write_bytes(orjson.dumps(a_run()))
    assert list(journal.runs(pytest.fail)) == [a_run()]


def test_a_file_that_cannot_be_read_now_keeps_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path, "r1")
    (journal.folder / "run-r2.json").mkdir()  # reading it is an error of the system, and no damage
    damage: list[str] = []
    assert [run.info.run_id for run in journal.runs(damage.append)] == ["r1"]
    assert len(damage) == 1
    journal.remove()
    assert journal.folder.is_dir()


def test_a_living_session_is_left_alone(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    left_for(journal.folder, 10 * FOREIGN_STILL_S)
    assert list(dead_journals(tmp_path)) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_clock_that_was_set_kills_nobody(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    own(journal, replace(owner_of(os.getpid()), started=1.0))
    assert list(dead_journals(tmp_path)) == []


def test_a_dead_session_is_found(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.history.builders import a_run, a_session;"
        "from pytest_vizart.history.journal import Journal; import os, signal;"
        f"journal = Journal(Path({str(tmp_path)!r}), 's1'); journal.open(a_session()); journal.add_run(a_run());"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -9
    (journal,) = dead_journals(tmp_path)
    assert [run.info.run_id for run in journal.runs(print)] == ["r1"]


def test_one_that_died_and_was_not_asked_for_its_end_is_dead(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        own(journal, owner_of(process.pid))
        assert list(dead_journals(tmp_path)) == []
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
        assert [found.folder for found in dead_journals(tmp_path)] == [journal.folder]


HERE = owner_of(os.getpid())
OTHERS = {
    "another machine": (replace(HERE, host="other", boot="other"), FOREIGN_STILL_S),
    "another container": (replace(HERE, host="other", pids="other"), FOREIGN_STILL_S),
    "a container of the same name": (replace(HERE, pids="other"), FOREIGN_STILL_S),
    "before a reboot": (replace(HERE, boot="other"), UNTOLD_STILL_S),
    "a machine without /proc": (Owner("other", HERE.pid, HERE.started), FOREIGN_STILL_S),
    "nobody": (None, UNTOLD_STILL_S),
}


@pytest.mark.skipif(HERE.boot is None, reason="needs /proc")
@pytest.mark.parametrize("owner, still_s", OTHERS.values(), ids=OTHERS)
def test_of_whom_nothing_can_be_known_is_dead_when_nothing_changes_for_long(
    tmp_path: Path, owner: Owner | None, still_s: float
) -> None:
    journal = opened(tmp_path, "r1")
    if owner is None:
        (journal.folder / "owner.json").unlink()
    else:
        own(journal, owner)
    left_for(journal.folder, still_s - 60)
    assert list(dead_journals(tmp_path)) == []
    left_for(journal.folder, still_s + 60)
    assert [found.folder for found in dead_journals(tmp_path)] == [journal.folder]


def test_a_damaged_owner_is_named_when_the_journal_is_taken(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    (journal.folder / "owner.json").write_text("{")
    damage: list[str] = []
    assert list(dead_journals(tmp_path, damage.append)) == []
    assert damage == []
    left_for(journal.folder, UNTOLD_STILL_S + 60)
    assert len(list(dead_journals(tmp_path, damage.append))) == 1
    assert len(damage) == 1
    assert "owner.json" in damage[0]


def test_without_descriptors_nobody_is_thought_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(owners, "_ticks", exhausted)
    assert still_for_s(HERE) is None


def test_a_claimed_journal_is_its_claimants_at_once(tmp_path: Path, dead: Owner) -> None:
    own(opened(tmp_path, "r1"), dead)
    (journal,) = dead_journals(tmp_path)
    (late,) = dead_journals(tmp_path)
    assert journal.claim()
    assert not late.claim()
    assert list(dead_journals(tmp_path)) == []
    assert (journal.is_taken_over, journal.session_id, sessions_in(tmp_path)) == (True, "s1", {"s1"})
    assert [run.info.run_id for run in journal.runs(print)] == ["r1"]


def test_a_claim_of_one_who_died_too_is_found_again(
    tmp_path: Path, dead: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(opened(tmp_path, "r1"), dead)
    with monkeypatch.context() as patch:
        patch.setattr("pytest_vizart.history.journal.owner_of", lambda pid: dead)
        assert next(iter(dead_journals(tmp_path))).claim()
    (journal,) = dead_journals(tmp_path)
    assert journal.claim()
    assert (journal.session_id, len(list(journal.folder.parent.iterdir()))) == ("s1", 1)
    assert [run.info.run_id for run in journal.runs(print)] == ["r1"]


def test_the_name_of_the_tables_survives(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.stem() is None
    journal.choose("20250101T000000-s1.abcdef")
    assert Journal(tmp_path, "s1").stem() == "20250101T000000-s1.abcdef"
    (journal.folder / "keeping.json").write_text("{}")
    assert journal.stem() is None


def test_what_is_half_removed_is_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path, "r1")
    with monkeypatch.context() as patch:
        patch.setattr("pytest_vizart.history.journal.delete_journal", lambda folder: False)  # killed here
        journal.remove()
    assert sessions_in(tmp_path) == set()
    assert len(list((tmp_path / "journal").iterdir())) == 1
    assert list(dead_journals(tmp_path)) == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_somebody_else_keeps_in_the_folder_stays(tmp_path: Path, dead: Owner) -> None:
    diary = tmp_path / "journal" / "2025" / "diary.md"
    diary.parent.mkdir(parents=True)
    diary.write_text("dear diary")
    left_for(diary.parent, 2 * FOREIGN_STILL_S)
    assert list(dead_journals(tmp_path)) == []
    assert sessions_in(tmp_path) == set()
    assert not journals_stand(tmp_path)
    journal = opened(tmp_path, "r1")
    (journal.spans).mkdir()
    (journal.spans / "a.spans").touch()
    (journal.folder / "notes.md").write_text("mine")
    own(journal, dead)
    assert journals_stand(tmp_path)
    (found,) = dead_journals(tmp_path)
    assert found.claim()
    found.remove()
    assert [path.name for path in found.folder.rglob("*")] == ["notes.md"]
    assert list(dead_journals(tmp_path)) == []
    assert sessions_in(tmp_path) == set()
    assert diary.read_text() == "dear diary"


@pytest.mark.parametrize("linked", ["journal", "journal/s1"])
def test_nothing_is_taken_over_through_a_link(tmp_path: Path, dead: Owner, linked: str) -> None:
    own(opened(tmp_path / "elsewhere", "r1"), dead)
    link = tmp_path / "output" / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "elsewhere" / linked, target_is_directory=True)
    told: list[str] = []
    assert list(dead_journals(tmp_path / "output", told.append)) == []
    assert len(told) == (linked == "journal")
    assert sessions_in(tmp_path / "output") == {"s1"}
    assert len(list(dead_journals(tmp_path / "elsewhere"))) == 1
