"""What the children do: each function is one job on an output folder or a project."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

TOLD = "told.jsonl"
NOTES = "notes.txt"
AFTER_US = 1_760_000_000_000_000
"""A time after all histories of these tests."""


def session(
    project: Path,
    *,
    args: Sequence[str] = (),
    die_at: str | None = None,
    after: str = "",
    clock_s: Sequence[int] = (),
) -> int:
    """A pytest session in a project. What it has promised to keep is told beside it, at the moment of the promise.

    With `die_at` it dies when its tests write that note, in a test whose name begins with `after`. `clock_s` is how far
    the clock is off: at first, and, where there is a second number, from the first kept run on.
    """
    import pytest

    if clock_s:
        set_clocks(clock_s[0])
    os.chdir(project)
    promise_told(project.with_name(TOLD), then=lambda: set_clocks(clock_s[-1]) if clock_s else None)
    os.environ["VIZART_NOTES"] = str(project.with_name(NOTES))
    if die_at is not None:
        os.environ["VIZART_DIE"] = f"{after}:{die_at}"
    plain = ("-q", "-p", "pytest_vizart.plugin.entry", "-p", "no:cacheprovider")
    return int(pytest.main([*plain, "--vizart-warmup=0", "--vizart-passes=1", *args]))


def set_clocks(off_s: int) -> None:
    """Turn the time of day of this process; what was measured by other clocks goes on."""
    import time

    from pytest_vizart.profiling import clock

    clock._AT_START_NS += 0 if hasattr(time, "off_s") else off_s * 10**9  # as if it had been imported by then
    if not hasattr(time, "off_s"):
        time.really, time.really_ns = time.time, time.time_ns  # type: ignore[attr-defined]
    time.off_s = off_s  # type: ignore[attr-defined]
    time.time = lambda: time.really() + time.off_s  # type: ignore[attr-defined]
    time.time_ns = lambda: time.really_ns() + time.off_s * 10**9  # type: ignore[attr-defined]


def promise_told(path: Path, then: Callable[[], None] = lambda: None) -> None:
    """From now on write down what the journal has taken: a run with the number of its rows, or a sample's piece."""
    from pytest_vizart.history.journal import Journal
    from pytest_vizart.history.rows import session_tables
    from tests.history.builders import a_session

    add_run, add_piece = Journal.add_run, Journal.add_piece

    def adding_run(journal: Journal, result: Any) -> None:
        rows = {name: table.num_rows for name, table in session_tables(a_session(), [result]).items()}
        note(path, {"about": result.info.run_id, "status": result.info.status, "rows": rows})
        add_run(journal, result)
        note(path, {"run": result.info.run_id, "status": result.info.status, "rows": rows})
        then()

    def adding_piece(journal: Journal, run_id: str, payload: bytes) -> None:
        piece = json.loads(payload)
        add_piece(journal, run_id, payload)
        note(path, {"piece": run_id, "sample": piece["sample_id"], "spans": len(piece["spans"]["stage"])})

    Journal.add_run, Journal.add_piece = adding_run, adding_piece  # type: ignore[method-assign]


def note(path: Path, value: dict[str, Any]) -> None:
    """Write one line at once: what was told before a kill stands there after it."""
    with path.open("ab", buffering=0) as file:
        file.write(json.dumps(value).encode() + b"\n")


def take_over(output: Path) -> list[str]:
    """What a session does first."""
    from pytest_vizart.workflow.takeover import take_over_dead_sessions

    return [crash.told() for crash in take_over_dead_sessions(output)]


def repeated(job: Callable[[], None], until: Path) -> int:
    """Do something again and again until a file appears; returns how often."""
    count = 0
    while not until.exists():
        job()
        count += 1
    return count


def compact_all(output: Path) -> bool:
    """Merge whatever can be."""
    from pytest_vizart.history.compaction import compact
    from pytest_vizart.storage.opening import open_store

    return compact(open_store(output), everything=True).finished


def clean(output: Path, *, keep_runs: int) -> int:
    """Keep so many runs; returns how many went."""
    from pytest_vizart.records.keeping import Keep, Retention
    from pytest_vizart.workflow.cleaning.carrying_out import carry_out
    from pytest_vizart.workflow.cleaning.planning import plan

    planned = plan(output, Retention(history=Keep(count=keep_runs)), AFTER_US, trust_clock=True)
    return carry_out(planned).runs


def tracked_runs(output: Path, *, name: str, runs: int) -> list[str]:
    """Runs of a script, one session each."""
    from pytest_vizart.workflow.tracker import RunTracker

    found = []
    for number in range(runs):
        with RunTracker(output, "basic", name=f"{name}-{number}") as run:
            for sample in ("a", "b", "c"):
                run.recorder.begin_sample(sample)
                with run.stage("work"):
                    pass
        assert run.result is not None
        found.append(run.result.info.run_id)
    return found


def compact_repeatedly(output: Path, *, until: str) -> int:
    """A process that does nothing but compact."""
    from pytest_vizart.history.compaction import compact
    from pytest_vizart.storage.opening import open_store

    return repeated(lambda: compact(open_store(output), everything=True), Path(until))


def clean_repeatedly(output: Path, *, until: str) -> int:
    """A process that does nothing but clean, and may take none of the runs."""
    return repeated(lambda: clean(output, keep_runs=10_000), Path(until))


def on_a_full_disk(project: Path, *, free_kb: int, spans: int) -> dict[str, Any]:
    """A session on a disk of its own with so much room, then one more when there is room again."""
    output = _mounted(project, f"size={free_kb + 64}k")
    (output / "metrics").mkdir()
    filler = output / "filler"
    filler.write_bytes(bytes(64 * 1024 - 8_192))
    os.environ["SPANS"] = str(spans)
    full = measured(project)
    filler.unlink()
    _mount("-o", "remount,size=64m", str(output))
    os.environ["SPANS"] = "1"
    return {"full": full, "after": measured(project)}


def on_a_read_only_disk(project: Path, *, kept_before: bool) -> dict[str, Any]:
    """A session whose output folder nobody can write to, with or without a history in it."""
    output = _mounted(project, "size=64m")
    if kept_before:
        measured(project)
    _mount("-o", "remount,ro", str(output))
    return measured(project)


def measured(project: Path) -> dict[str, Any]:
    """A session in a child: its exit status, its warnings, and what the history holds then."""
    from pytest_vizart import History

    answer = project.with_name("measured.json")
    pid = os.fork()
    if not pid:
        from pytest_vizart import errors

        status = 70
        try:
            status = session(project, args=["--vizart-disk-warn=1B"])
            answer.write_text(json.dumps({"status": status, "warnings": list(errors.told_since(0))}))
        finally:
            os._exit(status)
    os.waitpid(pid, 0)
    history = History(project / ".vizart")
    runs = history.runs().to_pylist()
    return json.loads(answer.read_text()) | {
        "runs": [run["run_id"] for run in runs],
        "statuses": [run["status"] for run in runs],
        "spans": history.spans().num_rows,
    }


def _mounted(project: Path, options: str) -> Path:
    output = project / ".vizart"
    output.mkdir()
    _mount("-t", "tmpfs", "-o", options, "tmpfs", str(output))
    return output


def _mount(*arguments: str) -> None:
    import subprocess

    subprocess.run(["mount", *arguments], check=True)
