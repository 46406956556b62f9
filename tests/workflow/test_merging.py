from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import HistoryError, UsageError
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.storage.object_store import ObjectStore
from pytest_vizart.workflow.merging import merge
from tests.workflow.outputs import keep, log, run_of, save, stored_rows

TABLES = ("runs", "spans", "accuracy", "outcomes")


def kept(output: Path) -> list[str]:
    return sorted(History(output).runs()["run_id"].to_pylist())


def tree(output: Path) -> dict[str, bytes]:
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_shards_become_one_and_sources_stay_as_they_are(tmp_path: Path) -> None:
    shards = [tmp_path / f"shard-{number}" for number in range(3)]
    for number, shard in enumerate(shards):
        keep(shard, [run_of(f"r{number}a"), run_of(f"r{number}b")], f"s{number}")
        save(shard, f"r{number}a", payload=b"%d" % number)
        log(shard, "2025-06-15.jsonl", f'{{"time":"2025-06-15T1{number}:00:00+00:00","run_id":"r{number}a"}}')
    before = [tree(shard) for shard in shards]
    target = tmp_path / "all" / ".vizart"
    merged = merge(shards, target)
    assert [(each.runs, each.log_lines, each.artifacts, each.problems) for each in merged] == [(2, 1, 1, ())] * 3
    assert kept(target) == ["r0a", "r0b", "r1a", "r1b", "r2a", "r2b"]
    assert History(target).spans().num_rows == 12
    assert (target / "runs/r2a/stages/detect/mask.png").read_bytes() == b"2"
    assert (target / ".gitignore").is_file()
    assert [tree(shard) for shard in shards] == before


def test_files_without_a_known_run_are_copied_byte_for_byte(tmp_path: Path) -> None:
    keep(tmp_path / "a", [run_of("r1")], "s1")
    merge([tmp_path / "a"], tmp_path / "b")
    metrics = {name: payload for name, payload in tree(tmp_path / "a").items() if name.startswith("metrics/")}
    assert {name: payload for name, payload in tree(tmp_path / "b").items() if name.startswith("metrics/")} == metrics


def test_merging_again_or_a_shard_of_a_shard_doubles_nothing(tmp_path: Path) -> None:
    one, two, both, target = (tmp_path / name for name in ("one", "two", "both", "target"))
    for folder, run_id in ((one, "r1"), (two, "r2")):
        keep(folder, [run_of(run_id)], f"s-{run_id}")
        save(folder, run_id)
        log(folder, "2025-06-15.jsonl", f'{{"run_id":"{run_id}"}}', '{"same":1}')
        write_decision(folder, run_id, True, decided_us=5)
    merge([one, two], both)
    merge([both, one], target)
    first = tree(target)
    merged = merge([one, both, two], target)
    assert tree(target) == first
    assert {(each.runs, each.decisions, each.log_lines, each.artifacts, each.written_bytes) for each in merged} == {
        (0, 0, 0, 0, 0)
    }
    assert [each.known_runs for each in merged] == [1, 2, 1]
    assert [stored_rows(target, table) for table in (*TABLES, "decisions")] == [2, 4, 4, 4, 2]
    lines = "".join(path.read_text() for path in (target / "logs").iterdir()).splitlines()
    assert Counter(lines) == {'{"run_id":"r1"}': 1, '{"run_id":"r2"}': 1, '{"same":1}': 1}


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_merging_any_split_in_any_order_however_often_gives_the_union(data: st.DataObject) -> None:
    every = [run_of(f"r{number}") for number in range(5)]
    files = st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=2)
    folders = data.draw(st.lists(files, min_size=1, max_size=3), label="files of each folder")
    steps = data.draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4), label="merges before the last"
    )
    with tempfile.TemporaryDirectory() as root:
        outputs = [Path(root, str(number)) for number in range(4)]
        for number, folder in enumerate(folders):
            done: set[int] = set()
            for part, runs in enumerate(folder):
                fresh = sorted(runs - done)  # one folder has a run once
                done |= runs
                if fresh:
                    keep(outputs[number], [every[each] for each in fresh], f"s{number}-{part}")
        for source, target in steps:
            if source != target and outputs[source].is_dir():
                merge([outputs[source]], outputs[target])
        last = Path(root, "last")
        order = data.draw(st.permutations([output for output in outputs if output.is_dir()]), label="order")
        merge(order, last)
        merge(list(reversed(order)), last)
        union = {f"r{each}" for folder in folders for runs in folder for each in runs}
        assert kept(last) == sorted(union)
        assert [stored_rows(last, table) for table in TABLES] == [len(union) * rows for rows in (1, 2, 2, 2)]
        assert Counter(History(last).spans()["run_id"].to_pylist()) == dict.fromkeys(union, 2)


class DyingStore(FolderStore):
    """Dies at the n-th write."""

    def __init__(self, root: Path, writes: int) -> None:
        super().__init__(root)
        self.left = writes

    def write(self, name: str, payload: Any) -> None:
        if not self.left:
            raise OSError(28, "No space left on device")
        self.left -= 1
        super().write(name, payload)


def test_a_merge_that_is_interrupted_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    shards = [tmp_path / "one", tmp_path / "two"]
    keep(shards[0], [run_of("r1"), run_of("r2")], "s1")
    keep(shards[1], [run_of("r2"), run_of("r3")], "s2")  # the rows of r2 must be left out of its files
    writes, told = 0, "never"
    while told:  # each write in turn
        target = tmp_path / f"target-{writes}"
        target.mkdir()
        told = interrupted(shards, DyingStore(target, writes))
        assert not told or "do it again" in told
        assert History(target).spans().num_rows == 2 * len(kept(target))  # what is seen is whole
        merge(list(reversed(shards)) if writes % 2 else shards, target)
        assert kept(target) == ["r1", "r2", "r3"]
        assert [stored_rows(target, table) for table in TABLES] == [3, 6, 6, 6]
        writes += 1
    assert writes > 8


def interrupted(shards: Sequence[Path], target: FolderStore) -> str:
    """Return why merging failed, "" if it did not."""
    try:
        merge(shards, target)
    except HistoryError as error:
        return str(error)
    return ""


def compact_by_hand(output: Path, table: str, keep_run: Sequence[str], level: int = 1) -> None:
    """Replace the files of a table by one that holds the rows of some runs, the replaced ones deleted."""
    files = sorted((output / "metrics" / table).glob("*.parquet"))
    rows = pa.concat_tables([pq.read_table(path) for path in files]).unify_dictionaries()
    mask = pa.compute.is_in(rows["run_id"].cast(pa.string()), value_set=pa.array(keep_run))
    rows = rows.filter(mask).replace_schema_metadata(
        {"vizart_schema_version": "4", "vizart_replaces": json.dumps([path.name for path in files])}
    )
    for path in files:
        path.unlink()
    name = f"c{level}-20250101T000000-20260101T000000-{'ab' * 8}.parquet"
    pq.write_table(rows, output / "metrics" / table / name)


def test_a_compacted_file_never_hides_what_it_has_lost(tmp_path: Path) -> None:
    whole, cleaned = tmp_path / "whole", tmp_path / "cleaned"
    keep(whole, [run_of("old")], "s1")
    keep(whole, [run_of("new")], "s2")
    merge([whole], cleaned)
    for table in TABLES:
        compact_by_hand(cleaned, table, ["new"])  # as a clean-up does that takes "old"
    assert kept(cleaned) == ["new"]
    only_old = tmp_path / "only_old"
    keep(only_old, [run_of("old")], "s1")
    for order in ([whole, cleaned], [cleaned, whole], [only_old, cleaned], [cleaned, only_old, whole]):
        target = tmp_path / "-".join(each.name for each in order)
        merge(order, target)
        merge(order, target)
        assert kept(target) == ["new", "old"]
        assert sorted(History(target).spans()["run_id"].to_pylist()) == ["new", "new", "old", "old"]


def test_what_footers_say_of_row_groups_is_not_carried_over(tmp_path: Path) -> None:
    keep(tmp_path / "a", [run_of("r1", 300), run_of("r2", 10)], "s1")
    path = next((tmp_path / "a/metrics/spans").iterdir())
    rows = pq.read_table(path)
    rows = rows.replace_schema_metadata({**rows.schema.metadata, "vizart_run_times": "[[0, 1]]"})
    pq.write_table(rows, path)
    keep(tmp_path / "b", [run_of("r2", 10)], "s2")
    merge([tmp_path / "a"], tmp_path / "b")
    (filtered,) = (path for path in (tmp_path / "b/metrics/spans").iterdir() if "-s1." in path.name)
    assert b"vizart_run_times" not in pq.read_schema(filtered).metadata
    assert History(tmp_path / "b").spans(run_ids=["r1"]).num_rows == 2


def test_decisions_about_known_runs_come_along(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        keep(folder, [run_of("r1")], "s1")
    write_decision(one, "r1", True, decided_us=5)
    write_decision(two, "r1", True, decided_us=5)
    write_decision(two, "r1", pinned=True, decided_us=6)
    assert merge([two], one)[0].decisions == 1
    assert History(one).decisions()["r1"].pinned
    assert stored_rows(one, "decisions") == 2


def test_tables_and_columns_of_newer_versions_survive(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    keep(one, [run_of("r1"), run_of("r2")], "s1")
    keep(two, [run_of("r1")], "s1-again")
    path = next((one / "metrics/accuracy").iterdir())
    rows = pq.read_table(path)
    pq.write_table(rows.append_column("of_2030", pa.array(["x"] * rows.num_rows)), path)
    (one / "metrics/of_2030").mkdir()
    pq.write_table(pa.table({"run_id": ["r1", "r2"]}), one / "metrics/of_2030" / path.name)
    pq.write_table(pa.table({"key": ["k"]}), one / "metrics/of_2030" / "20250101T000000-k.parquet")
    merge([one], two)
    merge([one], two)
    columns = [pq.read_schema(path).names for path in (two / "metrics/accuracy").iterdir()]
    assert sum("of_2030" in names for names in columns) == 1
    assert stored_rows(two, "of_2030") == 2


def test_a_damaged_part_is_told_and_the_rest_is_merged(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    keep(source, [run_of("r1")], "s1")
    keep(source, [run_of("r2")], "s2")
    damaged = next((source / "metrics/spans").glob("*s1*"))
    damaged.write_bytes(damaged.read_bytes()[:-20])
    (source / "metrics/outcomes/evil name.parquet").write_bytes(b"")
    (source / "metrics/runs/20250101T000000-x.parquet").write_bytes(b"")
    whole = gzip.compress(b'{"n":1}\n{"n":2}\n' * 50_000)
    (source / "logs").mkdir()
    (source / "logs/2025-06-15.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (source / "logs/2025-06-16.jsonl").write_bytes(b'{"n":3}\n\xff\xfe not JSON\n{"n":4}\n{"n":')
    (merged,) = merge([source], target)
    assert kept(target) == ["r1", "r2"]
    assert set(History(target).spans()["run_id"].to_pylist()) == {"r2"}
    named = "".join(merged.problems)
    assert all(name in named for name in (damaged.name, "evil name", "-x.parquet", "2025-06-15.jsonl.gz"))
    assert len(merged.problems) == 4
    (later,) = (target / "logs").glob("2025-06-16*")
    assert set(later.read_bytes().splitlines()) == {b"\xff\xfe not JSON", b'{"n":3}', b'{"n":4}'}


def test_compressed_logs_parts_and_lines_that_stand_twice(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    log(source, "2025-06-15.jsonl", '{"n":1}', '{"n":1}')
    log(source, "2025-06-15.worker-1.jsonl", '{"n":2}')
    (source / "logs/2025-06-16.jsonl.gz").write_bytes(gzip.compress(b'{"n":3}\n{"n":4}'))
    log(source, "2025-06-16.jsonl", '{"n":3}')  # about to be deleted: its compressed form is complete
    log(source, "notes.txt", "not a log")
    log(target, "2025-06-15.jsonl", '{"n":1}', '{"n":0}')
    assert merge([source], target)[0].log_lines == 4
    assert merge([source], target)[0].log_lines == 0
    lines: dict[str, Counter[bytes]] = {}
    for path in (target / "logs").iterdir():
        lines.setdefault(path.name[:10], Counter()).update(path.read_bytes().splitlines())
    assert lines == {
        "2025-06-15": {b'{"n":1}': 2, b'{"n":2}': 1, b'{"n":0}': 1},
        "2025-06-16": {b'{"n":3}': 1, b'{"n":4}': 1},
    }
    assert (target / "logs/2025-06-15.jsonl").read_text() == '{"n":1}\n{"n":0}\n'  # somebody may be writing to it


def test_artifacts_are_never_overwritten_and_equal_ones_are_stored_once(tmp_path: Path) -> None:
    one, two, target = (tmp_path / name for name in ("one", "two", "target"))
    save(one, "r1", payload=b"new")
    save(one, "r1", "other.png", payload=b"same")
    save(two, "r2", payload=b"same")
    save(target, "r1", payload=b"mine")
    assert [each.artifacts for each in merge([one, two], target)] == [1, 1]
    assert (target / "runs/r1/stages/detect/mask.png").read_bytes() == b"mine"
    same = [target / "runs/r1/stages/detect/other.png", target / "runs/r2/stages/detect/mask.png"]
    assert same[0].samefile(same[1])
    assert not list(target.rglob("*.tmp"))


def test_sessions_under_way_are_told_of_and_left(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    keep(source, [run_of("r1")], "s1")
    save(source, "r1")
    save(source, "under-way")
    (source / "journal" / "s2").mkdir(parents=True)
    (merged,) = merge([source], target)
    assert "1 session under way" in merged.notes[0]
    assert [path.name for path in (target / "runs").iterdir()] == ["r1"]
    assert not (target / "journal").exists()


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "shard" / ".vizart").mkdir(parents=True)
    (merged,) = merge([tmp_path / "shard"], tmp_path / "target")
    assert merged.notes == ("no output is here; hint: name the folder .vizart in it",)


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [("a", "a", "is the target"), ("a", "a/b", "inside of each other"), ("a/b", "a", "inside"), ("c", "a", "no such")],
)
def test_folders_that_cannot_be_merged_are_usage_errors(tmp_path: Path, source: str, target: str, problem: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    with pytest.raises(UsageError, match=problem):
        merge([tmp_path / source], tmp_path / target)
    merge([tmp_path / "ab"], tmp_path / "a")  # a name that begins alike is no folder inside


def test_the_target_under_another_name_is_the_target(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match="is the target"):
        merge([tmp_path / "link"], tmp_path / "a")


def test_nobody_merges_while_somebody_compacts(tmp_path: Path) -> None:
    keep(tmp_path / "a", [run_of("r1")], "s1")
    (tmp_path / "b").mkdir()
    with exclusive(FolderStore(tmp_path / "b")), pytest.raises(HistoryError, match="another process"):
        merge([tmp_path / "a"], tmp_path / "b")


def test_every_name_survives(tmp_path: Path) -> None:
    hostile = "test\x1b[31m|../\u2028" + "x" * 300
    keep(tmp_path / "a", [run_of("r1", test_id=hostile), run_of("r2")], "s1")
    keep(tmp_path / "b", [run_of("r2")], "s2")
    merge([tmp_path / "a"], tmp_path / "b")
    assert hostile in History(tmp_path / "b").runs()["test_id"].to_pylist()


def test_the_source_may_be_compacted_meanwhile(tmp_path: Path) -> None:
    keep(tmp_path / "a", [run_of("r1")], "s1")
    keep(tmp_path / "a", [run_of("r2")], "s2")

    class Compacting(FolderStore):
        done = False

        def read(self, name: str) -> bytes:
            if name.startswith("metrics/spans") and "s2" in name and not self.done:
                self.done = True
                compact_by_hand(self.root, "spans", ["r1", "r2"])
            return super().read(name)

    merge([Compacting(tmp_path / "a")], tmp_path / "b")
    assert sorted(History(tmp_path / "b").spans()["run_id"].to_pylist()) == ["r1", "r1", "r2", "r2"]
    assert stored_rows(tmp_path / "b", "spans") == 4


def test_compacted_sources_and_targets(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for number in range(3):
        keep(one, [run_of(f"r{number}", 10 - number)], f"s{number}")
        keep(two, [run_of(f"r{number + 2}", 8 - number)], f"t{number}")
    for folder in (one, two):
        compact(FolderStore(folder), everything=True)
        assert len(list((folder / "metrics/spans").iterdir())) == 1
    merge([one, two], tmp_path / "all")
    compact(FolderStore(tmp_path / "all"), everything=True)
    assert {each.runs for each in merge([two, one], tmp_path / "all")} == {0}
    assert kept(tmp_path / "all") == ["r0", "r1", "r2", "r3", "r4"]
    assert [stored_rows(tmp_path / "all", table) for table in TABLES] == [5, 10, 10, 10]


def test_places_without_links_and_locks(tmp_path: Path) -> None:
    for name in ("one", "two"):
        keep(tmp_path / name, [run_of(f"r-{name}")])
        save(tmp_path / name, f"r-{name}")
        log(tmp_path / name, "2026-05-01.jsonl", f'{{"from":"{name}"}}')
    target = ObjectStore(f"file://{tmp_path}/target")
    merge([ObjectStore(f"file://{tmp_path}/one"), tmp_path / "two"], target)
    merge([target], tmp_path / "back")
    merge([target], tmp_path / "back")
    for place in ("target", "back"):
        assert kept(tmp_path / place) == ["r-one", "r-two"]
        assert len(list((tmp_path / place).rglob("mask.png"))) == 1 + 1
        assert len(b"".join(path.read_bytes() for path in (tmp_path / place / "logs").iterdir()).splitlines()) == 2
