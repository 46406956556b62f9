"""JSON, as one file a session and as lines.

Files are one a session, as pytest-benchmark's, with the stages inside of their run; the spans, which few questions are
about, stand in a second file a session. Lines are one a run, with its stages, and one a span, in a file of their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from history_data import KeptSession
from history_keeper import OF_RUN, OF_SESSION, OF_SPAN, OF_STAGE, Keeper, Medians, Percentiles, Rows, of_stages


class JsonFiles(Keeper):
    """A file a session, as pytest-benchmark saves them, and one of its spans."""

    name = "JSON files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sync = False
        (folder / "spans").mkdir(exist_ok=True)

    def prepared(self, session: KeptSession) -> Any:
        of_session, runs, spans = nested(session)
        return f"{session.started_us}_{session.session_id}", of_session | {"runs": runs}, spans

    def keep(self, prepared: Any) -> None:
        name, session, spans = prepared
        write(self._folder / f"{name}.json", orjson.dumps(session), "wb", self._sync)
        if spans:
            write(self._folder / "spans" / f"{name}.json", orjson.dumps(spans), "wb", self._sync)

    def sync(self, on: bool) -> bool:
        self._sync = on
        return True

    def close(self) -> None:
        pass

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        path, run = self._found(run_id)
        spans = self._folder / "spans" / path.name
        count = len(orjson.loads(spans.read_bytes())[run_id]) if spans.exists() else 0
        return run["test_id"], len(run["stages"]), count

    def stages_of(self, run_id: str) -> Medians:
        return dict(_medians([self._found(run_id)[1]]))

    def _found(self, run_id: str) -> tuple[Path, dict[str, Any]]:
        wanted = run_id.encode()
        for path in sorted(self._folder.glob("*.json")):
            text = path.read_bytes()
            if wanted in text:
                return path, next(run for run in orjson.loads(text)["runs"] if run["run_id"] == run_id)
        raise KeyError(run_id)

    def percentiles(self) -> Percentiles:
        return of_stages(_medians(run for _, run in self._runs()))

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        found: list[str] = []
        for session, run in self._runs(newest_first=True):
            about = (run["test_id"], session["fingerprint"], session["branch"])
            if about == (test_id, fingerprint, branch) and run["accepted_latency"]:
                found.append(run["run_id"])
                if len(found) == 10:
                    break
        return found[::-1]

    def trend(self, test_id: str) -> tuple[int, int]:
        runs = [run for _, run in self._runs() if run["test_id"] == test_id]
        medians = [median for _, median in _medians(runs)]
        return len(medians), sum(medians)

    def _runs(self, *, newest_first: bool = False) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for path in sorted(self._folder.glob("*.json"), reverse=newest_first):
            session = orjson.loads(path.read_bytes())
            for run in session["runs"]:
                yield session, run


class JsonLines(Keeper):
    """A file with a line a run, and a file with a line a span; bytes are searched before lines are parsed."""

    name = "JSON Lines"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sync = False

    def prepared(self, session: KeptSession) -> Any:
        of_session, runs, spans = nested(session)
        of_run = [[{"run_id": run_id, **span} for span in each] for run_id, each in spans.items()]
        return [of_session | run for run in runs], [span for each in of_run for span in each]

    def keep(self, prepared: Any) -> None:
        for name, rows in zip(("runs", "spans"), prepared, strict=True):
            text = b"".join(orjson.dumps(row) + b"\n" for row in rows)
            if text or name == "runs":
                write(self._folder / f"{name}.jsonl", text, "ab", self._sync)

    def sync(self, on: bool) -> bool:
        self._sync = on
        return True

    def close(self) -> None:
        pass

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        (run,) = self._lines("runs", run_id)
        return run["test_id"], len(run["stages"]), len(self._lines("spans", run_id))

    def stages_of(self, run_id: str) -> Medians:
        return dict(_medians(self._lines("runs", run_id)))

    def percentiles(self) -> Percentiles:
        return of_stages(_medians(self._lines("runs", "")))

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        wanted = (test_id, fingerprint, branch)
        runs = [
            run["run_id"]
            for run in self._lines("runs", test_id)
            if (run["test_id"], run["fingerprint"], run["branch"]) == wanted and run["accepted_latency"]
        ]
        return runs[-10:]

    def trend(self, test_id: str) -> tuple[int, int]:
        runs = [run for run in self._lines("runs", test_id) if run["test_id"] == test_id]
        medians = [median for _, median in _medians(runs)]
        return len(medians), sum(medians)

    def _lines(self, name: str, wanted: str) -> Rows:
        path = self._folder / f"{name}.jsonl"
        found, text = wanted.encode(), path.read_bytes() if path.exists() else b""
        if not wanted:
            return [orjson.loads(line) for line in text.splitlines()]
        rows, at = [], text.find(found)
        while at >= 0:
            end = text.index(b"\n", at)
            rows.append(orjson.loads(text[text.rfind(b"\n", 0, at) + 1 : end]))
            at = text.find(found, end)
        return rows


def _medians(runs: Iterable[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    return ((stage["stage"], stage["wall_median_ns"]) for run in runs for stage in run["stages"])


def nested(session: KeptSession) -> tuple[dict[str, Any], Rows, dict[str, Rows]]:
    """Return what the session has in common, its runs with their stages, and the spans by run; nothing null."""
    stages: dict[str, Rows] = {}
    spans: dict[str, Rows] = {}
    for table, columns, target in (("stages", OF_STAGE, stages), ("spans", OF_SPAN, spans)):
        for row in session.rows.get(table, ()):
            target.setdefault(row["run_id"], []).append(_present(row, columns))
    runs = session.rows["runs"]
    of_runs = [_present(row, OF_RUN) | {"stages": stages[row["run_id"]]} for row in runs]
    return _present(runs[0], OF_SESSION), of_runs, spans


def _present(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in columns if row[name] is not None}


def write(path: Path, text: bytes, mode: str, sync: bool) -> None:
    with path.open(mode) as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
