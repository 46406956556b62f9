from __future__ import annotations

import gzip
import json
import shutil
import string
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.audit import blocks, scanning
from pytest_vizart.audit.blocks import read_blocks
from pytest_vizart.audit.export import write_array
from pytest_vizart.audit.log_names import parse_name
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.errors import UsageError
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.store import Entry, Store
from tests.audit.logs import NOON, a_line, as_read, run_id, trail, write_log


def squeeze(path: Path) -> Path:
    """Compress a log file as the log does."""
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return target


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Three days: a run each, the first one compressed."""
    for day in (19, 20, 21):
        when = NOON.replace(day=day)
        path = write_log(tmp_path, trail(day, when), f"2026-11-{day}.jsonl")
    failure = a_line(
        1, event="stage failed", level="ERROR", run_id=run_id(20), stage="detect", success=False, sample="s47",
        error="ValueError: é {x}", input_path="/data/s47.png",
    )  # fmt: skip
    write_log(tmp_path, [failure])
    squeeze(path.with_name("2026-11-19.jsonl"))
    return tmp_path


def test_fr_013_lines_are_found_by_run_date_stage_and_success(output: Path) -> None:
    query = AuditQuery(output)
    assert len(query.fetch()) == 31
    assert {line["run_id"] for line in query.run_id(run_id(19)[:6]).fetch()} == {run_id(19)}
    assert {line["time"][:10] for line in query.after("2026-11-20").before("2026-11-21").fetch()} == {"2026-11-20"}
    assert [line["event"] for line in query.stage("detect").fetch()].count("stage finished") == 3
    (failure,) = query.failed().fetch()
    assert (failure["sample"], failure["error"]) == ("s47", "ValueError: é {x}")
    assert len(query.stage("detect").succeeded().after(date(2026, 11, 20)).fetch()) == 2
    assert query.test("test_6").failed().fetch() == []


def test_each_call_makes_a_new_query(output: Path) -> None:
    query = AuditQuery(output)
    query.failed().limit(1).newest_first().after("2030-01-01")
    assert len(query.fetch()) == 31
    assert list(query.iter()) == list(query.iter())


def test_levels_and_texts(output: Path) -> None:
    write_log(output, [a_line(level=name, event=name) for name in ("DEBUG", "NOTICE", "WARNING", "CRITICAL")])
    query = AuditQuery(output).after("2026-11-20").before("2026-11-21")
    assert {line["level"] for line in query.level("warning").fetch()} == {"WARNING", "ERROR", "CRITICAL"}
    assert "DEBUG" not in {line["level"] for line in query.level("INFO").fetch()}
    assert "NOTICE" in {line["level"] for line in query.level("INFO").fetch()}
    assert [line["event"] for line in query.search("é {").fetch()] == ["stage failed"]
    assert query.search("run_id").fetch() == []  # names of fields are no texts
    assert query.search("valueerror").fetch() == []


@pytest.mark.parametrize("compressed", [False, True])
def test_order_and_limit(tmp_path: Path, compressed: bool) -> None:
    """Files of one day are merged by time, whoever wrote them."""
    for part, start in (("", 0), (".ab12cd34", 1), (".2", 100), (".10", 300)):
        lines = [a_line(number, number=number) for number in range(start, start + 80, 2)]
        path = write_log(tmp_path, lines, f"2026-11-20{part}.jsonl")
        if compressed:
            squeeze(path)
    write_log(tmp_path, [a_line(-DAY, number=-1)], "2026-11-19.jsonl")
    numbers = [line["number"] for line in AuditQuery(tmp_path).fetch()]
    assert numbers == sorted(numbers)
    assert len(numbers) == 161
    assert [line["number"] for line in AuditQuery(tmp_path).newest_first().fetch()] == numbers[::-1]
    assert [line["number"] for line in AuditQuery(tmp_path).newest_first().limit(3).fetch()] == numbers[:-4:-1]
    assert [line["number"] for line in AuditQuery(tmp_path).limit(2).fetch()] == [-1, 0]


DAY = 86_400


def test_a_compressed_file_goes_before_what_it_was_made_of(tmp_path: Path) -> None:
    path = write_log(tmp_path, [a_line()])
    shutil.copy(path, tmp_path / "copy")
    squeeze(path)
    shutil.copy(tmp_path / "copy", path)
    assert len(AuditQuery(tmp_path).fetch()) == 1


class CountingStore(Store):
    """A place that is no folder, which knows what was read of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.read_names: list[str] = []

    def __str__(self) -> str:
        return "s3://bucket"

    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        return [
            Entry(f"{folder}/{path.name}", path.stat().st_size) for path in sorted((self._folder / folder).iterdir())
        ]

    def read(self, name: str) -> bytes:
        self.read_names.append(name)
        return (self._folder / name).read_bytes()

    def open(self, name: str) -> Any: ...
    def write(self, name: str, payload: Any) -> None: ...
    def delete(self, names: Any) -> None: ...
    def delete_folder(self, folder: str) -> None: ...


def test_only_files_whose_date_can_match_are_opened(output: Path) -> None:
    store = CountingStore(output)
    assert len(AuditQuery(store).after("2026-11-20").before(datetime(2026, 11, 21, tzinfo=UTC)).fetch()) == 11
    assert store.read_names == ["logs/2026-11-20.jsonl"]
    store.read_names.clear()
    assert len(AuditQuery(store).newest_first().limit(3).fetch()) == 3
    assert store.read_names == ["logs/2026-11-21.jsonl"]
    assert AuditQuery(store).fetch() == AuditQuery(output).fetch()
    assert AuditQuery(store).newest_first().fetch() == AuditQuery(output).newest_first().fetch()


@pytest.mark.parametrize(
    ("moment", "after", "before"),
    [
        (date(2026, 11, 20), 5, 2),
        ("2026-11-20", 5, 2),
        (datetime(2026, 11, 20, 12), 3, 4),  # without a zone: UTC
        (datetime(2026, 11, 20, 14, tzinfo=timezone(timedelta(hours=2))), 3, 4),
        ("2026-11-20T12:00Z", 3, 4),
        ("2026-11-20 12:00:00.000001", 2, 5),
        (" 20261121 ", 1, 6),
    ],
)
def test_after_holds_the_moment_itself_and_before_does_not(
    tmp_path: Path, moment: Any, after: int, before: int
) -> None:
    times = ["2026-11-19T00:00:00", "2026-11-19T23:59:59.999999", "2026-11-20T00:00:00", "2026-11-20T11:59:59",
             "2026-11-20T12:00:00", "2026-11-20T12:00:01", "2026-11-21T00:00:00"]  # fmt: skip
    for time in times:
        write_log(tmp_path, [a_line(time=f"{time}+00:00")], f"{time[:10]}.jsonl")
    assert len(AuditQuery(tmp_path).after(moment).fetch()) == after
    assert len(AuditQuery(tmp_path).before(moment).fetch()) == before
    assert len(AuditQuery(tmp_path).after("2026-11-19 12:00").after(moment).fetch()) == after


def test_how_long_ago(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for hours in (0.5, 1.5, 72):
        told = now - timedelta(hours=hours)
        write_log(tmp_path, [a_line(time=told)], f"{told:%Y-%m-%d}.jsonl")
    counts = {text: len(AuditQuery(tmp_path).after(text).fetch())
              for text in ("1h", "2 hours ago", "4 days", "90min", "1w", "now")}  # fmt: skip
    assert counts == {"1h": 1, "2 hours ago": 2, "4 days": 3, "90min": 1, "1w": 3, "now": 0}
    assert len(AuditQuery(tmp_path).before("yesterday").fetch()) == 1


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("run_id", ""), ("run_id", None), ("stage", 3), ("search", ""), ("level", "LOUD"), ("level", 3), ("limit", 0),
        ("limit", True), ("limit", "3"), ("after", "soon"), ("after", "30m"), ("after", 3), ("after", "9" * 400 + "h"),
        ("before", "2026-02-30"), ("before", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(tmp_path: Path, method: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"{method}"):
        getattr(AuditQuery(tmp_path), method)(value)


def test_sc_003_of_10_000_runs_only_the_lines_of_one_are_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_log(tmp_path, (line for number in range(10_000) for line in trail(number)))
    parsed = 0

    def counting(text: bytes) -> Any:
        nonlocal parsed
        parsed += 1
        return json.loads(text)

    monkeypatch.setattr(scanning.orjson, "loads", counting)
    for wanted in (run_id(7_777), run_id(7_777)[:13]):
        parsed = 0
        told = AuditQuery(tmp_path).run_id(wanted).fetch()
        assert [line["event"] for line in told] == ["run started", *["stage finished"] * 8, "run finished"]
        assert parsed == 10
    squeeze(path)
    expected = [as_read(line) for line in trail(3)]
    parsed = 0
    assert AuditQuery(tmp_path).run_id(run_id(3)).fetch() == expected
    assert parsed == 10


def test_the_newest_lines_are_read_from_the_end(tmp_path: Path) -> None:
    path = write_log(tmp_path, (line for number in range(2_000) for line in trail(number)))
    with path.open("r+b") as file:
        file.write(b"\x00" * 1_000_000)  # whoever reads the beginning trips over it
    assert [line["event"] for line in AuditQuery(tmp_path).newest_first().limit(2).fetch()] == [
        "run finished",
        "stage finished",
    ]


def test_fr_015_lines_are_exported_as_json(output: Path, tmp_path: Path) -> None:
    target = tmp_path / "failed.json"
    query = AuditQuery(output).after("2026-11-20")
    assert query.export_json(target) == 21
    assert json.loads(target.read_text()) == query.fetch()
    assert AuditQuery(output).search("nowhere").export_json(target) == 0
    assert json.loads(target.read_text()) == []


def test_an_export_that_fails_leaves_the_earlier_file(output: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text("before")

    def lines() -> Any:
        yield {"a": 1}
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_array(target, lines())
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []
    with pytest.raises(OSError, match="No such file"):
        AuditQuery(output).export_json(tmp_path / "nowhere" / "x.json")


def test_a_place_without_a_log_has_no_lines(tmp_path: Path) -> None:
    assert AuditQuery(tmp_path / "nowhere").fetch() == []


def test_lines_longer_than_a_block(tmp_path: Path) -> None:
    long = [
        b'{"time":"2026-11-20T12:00:0%d+00:00","run_id":"r%d","x":"%s"}\n' % (n, n, b"y" * 700_000) for n in range(4)
    ]
    path = tmp_path / "logs" / "2026-11-20.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"".join(long))
    for query in (AuditQuery(tmp_path), AuditQuery(tmp_path).newest_first()):
        assert sorted(line["run_id"] for line in query.fetch()) == ["r0", "r1", "r2", "r3"]
        assert [line["run_id"] for line in query.run_id("r2").fetch()] == ["r2"]
    squeeze(path)
    assert [line["run_id"] for line in AuditQuery(tmp_path).newest_first().fetch()] == ["r3", "r2", "r1", "r0"]


texts = st.one_of(
    st.text(max_size=8),
    st.text(alphabet=string.printable, max_size=8),
    st.sampled_from(["detect", "a\\b", 'q"', "é", "\udce9x", "/a/b", "\u2028", "\x00", "false", "ERROR", "r1", "\n"]),
)
values = st.recursive(
    st.one_of(texts, st.booleans(), st.none(), st.integers(-9, 9)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
lines_strategy = st.lists(
    st.fixed_dictionaries(
        {"time": st.datetimes(datetime(2026, 11, 18), datetime(2026, 11, 22)).map(lambda t: t.replace(tzinfo=UTC))},
        optional={
            "run_id": texts, "stage": texts, "success": st.one_of(st.booleans(), st.just("false")), "error": values,
            "level": st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "odd", 3]), "more": values,
        },
    ),
    max_size=6,
)  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> list[tuple[str, tuple[Any, ...]]]:
    some = texts.filter(bool)
    days = st.sampled_from(["2026-11-19", "2026-11-20", date(2026, 11, 21), "2026-11-20 12:00"])
    asked = st.one_of(
        st.tuples(st.sampled_from(["run_id", "stage", "search"]), st.tuples(some)),
        st.tuples(st.sampled_from(["after", "before"]), st.tuples(days)),
        st.tuples(st.sampled_from(["failed", "succeeded"]), st.just(())),
        st.tuples(st.just("level"), st.tuples(st.sampled_from(["INFO", "WARNING", "CRITICAL"]))),
    )
    return draw(st.lists(asked, max_size=3))


@settings(max_examples=80, deadline=None)
@given(lines_strategy, questions(), st.booleans(), st.booleans())
def test_a_query_finds_what_a_plain_filter_finds(
    lines: list[dict[str, Any]], asked: list[tuple[str, tuple[Any, ...]]], compressed: bool, escaped: bool
) -> None:
    """Whatever the texts are, and whoever wrote the JSON."""
    with TemporaryDirectory() as folder:
        output = Path(folder)
        for line in lines:
            path = write_log(output, [line], f"{line['time']:%Y-%m-%d}.jsonl")
            if escaped:  # as json.dumps writes it, with spaces and escapes
                told = [orjson.loads(each) for each in path.read_bytes().splitlines()]
                path.write_text("".join(f"{json.dumps(each)}\n" for each in told))
        if compressed:
            for path in (output / "logs").glob("*.jsonl"):
                squeeze(path)
        everything = AuditQuery(output).fetch()
        query = AuditQuery(output)
        for method, arguments in asked:
            query = getattr(query, method)(*arguments)
        assert len(everything) == len(lines)
        expected = [line for line in everything if plain(line, asked)]
        assert query.fetch() == expected
        assert query.newest_first().fetch() == expected[::-1] or len({each["time"] for each in expected}) < len(
            expected
        )
        assert [query.matches(line) for line in everything] == [plain(line, asked) for line in everything]


def plain(line: dict[str, Any], asked: list[tuple[str, tuple[Any, ...]]]) -> bool:
    """The same in other words."""
    return all(_answers(line, method, arguments) for method, arguments in asked)


NUMBERS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


def _answers(line: dict[str, Any], method: str, arguments: tuple[Any, ...]) -> bool:
    number = NUMBERS.get(line.get("level"), 20)  # type: ignore[arg-type]
    wanted = (
        arguments[0].encode("utf-8", "backslashreplace").decode()
        if arguments and isinstance(arguments[0], str)
        else None
    )
    if method == "failed":
        return line.get("success") is False or number >= 40
    if method == "succeeded":
        return line.get("success") is True
    if method == "level":
        return number >= NUMBERS[arguments[0]]
    if method in ("after", "before"):
        moment = datetime.fromisoformat(str(arguments[0])).replace(tzinfo=UTC)
        return (datetime.fromisoformat(line["time"]) >= moment) == (method == "after")
    assert wanted is not None
    if method == "run_id":
        return str(line.get("run_id", "")).startswith(wanted)
    return line.get("stage") == wanted if method == "stage" else any(wanted in text for text in all_texts(line))


def all_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in all_texts(each)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 900), max_size=40), st.integers(1, 300), st.booleans())
def test_blocks_hold_every_line_once(lengths: list[int], block_bytes: int, ended: bool) -> None:

    content = b"\n".join(b"x" * length for length in lengths) + (b"\n" if ended and lengths else b"")
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK_BYTES", block_bytes)
        patch.setattr(blocks, "_CHUNK_BYTES", block_bytes)
        patch.setattr(blocks, "_GRACE_S", 0)
        path = Path(folder) / "logs" / "2026-11-20.jsonl"
        path.parent.mkdir()
        path.write_bytes(content)
        for backward in (False, True):
            for target in (path, squeeze(path) if backward else path):
                name = parse_name(target.name)
                assert name is not None
                if not target.exists():
                    continue
                found = [
                    (each.offset, bytes(each.data[: each.size]))
                    for each in read_blocks(FolderStore(Path(folder)), name, backward=backward)
                ]
                assert b"".join(data for _, data in sorted(found)) == content
                assert found == sorted(found, reverse=backward)


@pytest.mark.parametrize("moment", ["0001-01-01", "9999-12-31 23:59:59.999999", date.min, datetime.max, datetime.min])
def test_the_ends_of_the_calendar(tmp_path: Path, moment: Any) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        write_log(tmp_path, [a_line(time=f"{day}T00:00:00+00:00")], f"{day}.jsonl")
    is_first = str(moment).startswith("0001")
    assert len(AuditQuery(tmp_path).after(moment).fetch()) == (2 if is_first else 0)
    assert len(AuditQuery(tmp_path).before(moment).fetch()) == (0 if is_first else 2)
