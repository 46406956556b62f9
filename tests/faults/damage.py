"""Damages files, and reads them: jobs of children, since what is damaged may well crash a reader."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.faults.checks import TABLES


def damage(path: Path, chance: random.Random) -> str:
    """Damage a file, and say how."""
    payload = path.read_bytes()
    how = chance.choice(("cut", "bit", "bit", "bits", "empty", "zeros"))
    if how == "cut":
        payload = payload[: chance.randrange(max(len(payload), 1))]
    elif how in ("bit", "bits"):
        flipped = bytearray(payload)
        for _ in range(1 if how == "bit" else 20):
            if flipped:
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        payload = bytes(flipped)
    elif how == "zeros":
        begin = chance.randrange(max(len(payload), 1))
        payload = payload[:begin] + bytes(len(payload) - begin)
    else:
        payload = b""
    path.write_bytes(payload)
    return how


def read_damaged_history(kept: Path, *, seeds: Sequence[int]) -> list[str]:
    """Read a history with a damaged file, again and again; returns what was wrong with it."""
    from pytest_vizart import errors
    from tests.faults.test_killed_upkeep import rows_of

    whole = rows_of(kept)
    wrong = []
    for seed in seeds:
        chance = random.Random(seed)
        output = kept.with_name("damaged")
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(kept, output)
        path = chance.choice(sorted((output / "metrics").rglob("*.parquet")))
        case = f"{seed}: {path.relative_to(output)}, {damage(path, chance)}"
        told_before = errors.warnings_told()
        try:
            found = rows_of(output)
        except Exception as error:  # noqa: BLE001 - this is what is tested
            wrong.append(f"{case}: {type(error).__name__}: {error}")
            continue
        told = errors.told_since(told_before)
        if any(str(path) not in message for message in told) or len(told) > 1:
            wrong.append(f"{case}: told {told}")
        table, invisible = path.parent.name, path.parent.name == "runs"
        for name, rows in whole.items():
            made_up = Counter(found[name]) - Counter(rows)
            lost = len(rows) - len(found[name])
            if made_up and name not in ("stages", "runs"):  # of damaged stages they are computed, of decisions undone
                wrong.append(f"{case}: rows of {name} that nobody wrote: {list(made_up)[:1]}")
            if lost and name != table and not invisible:
                wrong.append(f"{case}: {lost} rows of {name} are lost")
            if lost and not told:
                wrong.append(f"{case}: {lost} rows of {name} are lost in silence")
    return wrong


def take_over_damaged(project: Path, *, seeds: Sequence[int]) -> list[str]:
    """Take over a dead session of which a file is damaged, again and again; returns what was wrong with it."""
    import os

    from pytest_vizart import History, errors
    from pytest_vizart.workflow.takeover import take_over_dead_sessions
    from tests.faults.checks import promised

    wrong = []
    for seed in seeds:
        chance = random.Random(seed)
        output = project.with_name("damaged")
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(project / ".vizart", output)
        (folder,) = (output / "journal").iterdir()
        path = chance.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
        case = f"{seed}: {path.relative_to(folder)}, {damage(path, chance)}"
        for each in (*folder.rglob("*"), folder):
            os.utime(each, (time.time() - 7_200,) * 2)
        told_before = errors.warnings_told()
        try:
            take_over_dead_sessions(output)
        except Exception as error:  # noqa: BLE001 - this is what is tested
            wrong.append(f"{case}: {type(error).__name__}: {error}")
            continue
        told = [message for message in errors.told_since(told_before) if "the process died" not in message]
        if len(told) > 1 or any(path.stem not in message for message in told):
            wrong.append(f"{case}: told {told}")
        history = History(output)
        runs = Counter(history.runs()["run_id"].to_pylist())
        counted = {name: Counter(getattr(history, name)()["run_id"].to_pylist()) for name in TABLES}
        if any(count > 1 for count in runs.values()):
            wrong.append(f"{case}: a run is there twice")
        for promise in promised(project):
            run_id = promise.get("run")
            if run_id is None or run_id in path.name:
                continue
            there = {name: counted[name][run_id] for name in promise["rows"] if name != "runs"}
            if not runs[run_id] or there != {name: promise["rows"][name] for name in there}:
                wrong.append(f"{case}: a run beside it is lost")
        if not told and sum(runs.values()) != 3:
            wrong.append(f"{case}: {sum(runs.values())} runs, and nothing told")
        if list((output / "journal").iterdir()):
            wrong.append(f"{case}: the journal stays: {told}")
        history.spans().to_pylist()
    return wrong


def read_damaged_logs(output: Path, *, seeds: Sequence[int]) -> list[str]:
    """Search logs of which one file is damaged, again and again; returns what was wrong with it."""
    import gzip

    from pytest_vizart.audit.query import AuditQuery

    wrong = []
    logs = output / "logs"
    for seed in seeds:
        chance = random.Random(seed)
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        for day in range(1, 4):
            lines = b"".join(
                b'{"time":"2025-06-0%dT10:00:%02d+00:00","level":"ERROR","event":"e%d-%d","run_id":"r%d"}\n'
                % (day, number, day, number, day)
                for number in range(30)
            )
            packed = day == 1
            path = logs / f"2025-06-0{day}.jsonl{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(lines) if packed else lines)
        path = chance.choice(sorted(logs.iterdir()))
        case = f"{seed}: {path.name}, {damage(path, chance)}"
        try:
            found = [line["event"] for line in AuditQuery(output).iter() if isinstance(line.get("event"), str)]
            list(AuditQuery(output).run_id("r2").level("ERROR").search("e2").iter())
        except Exception as error:  # noqa: BLE001 - this is what is tested
            wrong.append(f"{case}: {type(error).__name__}: {error}")
            continue
        others = [f"e{day}-{number}" for day in range(1, 4) if str(day) != path.name[9] for number in range(30)]
        if missing := Counter(others) - Counter(found):
            wrong.append(f"{case}: {len(missing)} lines of other files are lost")
    return wrong
