"""The span journal on disk: what a killed process left, full disks, damage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_vizart.profiling.recording import span_file
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.recording.span_reading import read_files
from pytest_vizart.profiling.recording.span_table import concatenated, join_files
from pytest_vizart.records.span import CRASHED, SpanTable

SCRIPT = """
import os, signal, sys
from pathlib import Path
from pytest_vizart.profiling.recording.recorder import Recorder

recorder = Recorder(folder=Path(sys.argv[1]), about={"run_id": "r1", "test_id": "t"})
for sample in ("one", "two"):
    recorder.begin_sample(sample, input_path=f"/data/{sample}.png")
    with recorder.stage("decode"):
        pass
    with recorder.stage("outer"), recorder.stage("detect"):
        recorder.record("gauge", "depth", 3)
        if sample == "two":
            exec(sys.argv[2])
"""

DEATHS = {
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "abort": "os.abort()",
    "exit without a word": "os._exit(0)",
}


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_what_a_dead_process_left_is_known(tmp_path: Path, death: str) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path), death], check=False, capture_output=True)
    (file,) = read_files(tmp_path)
    assert (file.header["run_id"], file.header["test_id"]) == ("r1", "t")
    recorded = join_files([file], is_alive=lambda _: False)
    table = recorded.table
    assert table.stage == ["decode", "detect", "outer", "decode", "outer", "detect"]
    assert table.error == [None, None, None, None, CRASHED, CRASHED]
    assert table.sample_id == ["one"] * 3 + ["two"] * 3
    assert table.parent == [None, "outer", None, None, None, "outer"]
    stage, place = recorded.unfinished[-1]
    assert (stage, place.sample_id, place.input_path) == ("detect", "two", "/data/two.png")
    assert recorded.measures.value == [3, 3]
    assert recorded.measures.stage == ["detect", "detect"]


def test_a_full_disk_loses_nothing_and_kills_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    recorder = Recorder("basic", folder=tmp_path)
    with recorder.stage("before"):
        monkeypatch.setattr(os, "posix_fallocate", full)
        for _ in range(6_000):
            with recorder.stage("detect"):
                pass
    table = recorder.table()
    assert (table.stage.count("detect"), table.parent.count("before")) == (6_000, 6_000)
    recorder.discard()


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    recorder = Recorder(folder=blocked)
    with recorder.stage("detect"):
        pass
    assert recorder.journal_path is None
    assert recorder.table().stage == ["detect"]
    recorder.discard()


def test_an_empty_place_on_disk_is_reserved(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path)
    assert recorder.journal_path is not None
    assert recorder.journal_path.stat().st_blocks * 512 >= 4_096 * span_file.RECORD_BYTES
    recorder.discard()


@pytest.mark.parametrize("damage", ["", "{", "[1]", '["header", {}]', '["header", {"pid": "x"}]', '["odd", 1]', "\x00"])
def test_a_damaged_journal_is_left_out(tmp_path: Path, damage: str) -> None:
    (tmp_path / "a-1-1.jsonl").write_text(damage)
    (tmp_path / "a-1-1.spans").write_bytes(b"\x01" * 333)
    recorder = Recorder(folder=tmp_path)
    with recorder.stage("detect"):
        pass
    recorder.close()
    assert [file.header["pid"] for file in read_files(tmp_path)] == [os.getpid()]


def test_a_torn_line_and_a_torn_record(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path)
    for _ in range(2):
        with recorder.stage("detect"):
            pass
    path = recorder.journal_path
    recorder.close()
    assert path is not None
    lines = path.with_suffix(".jsonl")
    lines.write_bytes(lines.read_bytes() + b'["place", 9, "ha')
    path.write_bytes(path.read_bytes()[: span_file.RECORD_BYTES + 70])
    (file,) = read_files(tmp_path)
    assert join_files([file], is_alive=lambda _: False).table.stage == ["detect"]


def test_lines_hold_whatever_a_name_holds(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path)
    recorder.begin_sample("\ud800\n\x00ü", input_path="/\udcff")
    with recorder.stage("dé\ntect"):
        pass
    recorder.close()
    (file,) = read_files(tmp_path)
    table = join_files([file], is_alive=lambda _: False).table
    assert (table.stage, table.sample_id) == (["dé\ntect"], ["\ud800\n\x00ü"])
    path = recorder.journal_path
    assert path is not None
    assert all(json.loads(line) for line in path.with_suffix(".jsonl").read_bytes().splitlines())


def test_tables_are_joined_on_one_clock_and_numbered_anew() -> None:
    def table(started_us: int, offset_ns: int) -> SpanTable:
        recorder = Recorder("basic")
        with recorder.stage("outer"), recorder.stage("inner"):
            pass
        found = recorder.table()
        recorder.close()
        found.started_us[:] = [started_us] * 2
        found.offset_ns[:] = [offset_ns] * 2
        return found

    joined = concatenated([table(2_000, 500_000), SpanTable(), table(1_500, 0)])
    assert joined.span_id == [2, 1, 5, 4]
    assert joined.parent_id == [1, None, 4, None]
    assert joined.offset_ns == [500_000, 500_000, 0, 0]
    assert len(joined) == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_the_process_that_records_is_alive(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path)
    with recorder.stage("detect"):
        assert recorder.recorded().unfinished == ()
    recorder.discard()
