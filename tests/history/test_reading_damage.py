"""What is read of files that are damaged: no wrong value, one warning, and the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history import encoding
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.reader import History
from tests.history.memory_store import MemoryStore
from tests.history.sessions import keep_session


def test_an_index_beyond_its_dictionary_is_told_as_damage_and_not_as_another_value(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow makes another value of it, or reads somewhere in memory, when it joins the dictionaries of row groups."""
    monkeypatch.setitem(encoding._ROWS_A_GROUP, "spans", 9)
    compact(store, everything=True)
    plain = pq.ParquetFile.read_row_groups

    def damaged(file: pq.ParquetFile, groups: list[int], **options: Any) -> pa.Table:
        table = plain(file, groups, **options)
        if "stage" not in table.column_names:
            return table
        beyond = [
            pa.DictionaryArray.from_arrays(
                pc.add(chunk.indices, pa.scalar(100, pa.int32())), chunk.dictionary, safe=False
            )
            for chunk in table["stage"].chunks
        ]
        return table.set_column(table.column_names.index("stage"), table.schema.field("stage"), beyond)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", damaged)
    with pytest.warns(VizartWarning, match="a text or a dictionary is damaged"):
        assert History(store).spans(run_ids=["r2b", "r4a"]).num_rows == 0


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    at = content.index(b"stage_")
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [_cut, _flipped, lambda content: b"", lambda content: b"x" * 500])
@pytest.mark.parametrize("compacted", [False, True])
def test_damage_is_told_once_and_the_rest_is_read(
    store: MemoryStore, damage: Callable[[bytes], bytes], compacted: bool
) -> None:
    if compacted:
        compact(store, everything=True)
        keep_session(store, "later", ["l1"], second=999)
    name = store.files("metrics/spans")[-1 if compacted else 3].name
    store.content[name] = damage(store.content[name]) if b"stage_" in store.content[name] else _cut(store.content[name])
    history = History(store)
    with pytest.warns(VizartWarning, match=re.escape(name)) as caught:
        found = history.spans()
        history.spans(run_ids=["r3b", "l1"])
        history.spans(stage="stage_1")
    assert len(caught) == 1
    assert found.num_rows == (3 if compacted else 45)


def test_every_bit_that_falls_over_is_noticed_or_harmless() -> None:
    store = MemoryStore()
    keep_session(store, "s1", ["r1", "r2"])
    keep_session(store, "s2", ["r3"], second=1)
    compact(store, everything=True)
    name = store.files("metrics/spans")[0].name
    content = store.content[name]
    columns = ("run_id", "stage", "span_id", "wall_ns")
    sound = History(store).spans(columns=columns).to_pylist()
    for at in range(0, len(content), 7):
        store.content[name] = content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]
        files = TableFiles(store)
        with pytest.MonkeyPatch.context() as quiet:
            quiet.setattr("pytest_vizart.history.files.warn", lambda message: None)
            for file in files.listing("spans").live:
                read = files.read(file, columns)
                assert read is None or read.to_pylist() == sound, f"byte {at}"
