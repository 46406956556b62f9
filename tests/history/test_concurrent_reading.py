"""Another process keeps sessions, merges them and takes runs out; a reader sees each run once and whole, or not yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_vizart.history.reader import History
from pytest_vizart.storage.folder import FolderStore
from tests.history.sessions import ROWS_OF, expected, keep_session, shown

ROUNDS = 10

_OTHER = """
import sys
from pathlib import Path
from pytest_vizart.history import merge_plans
from pytest_vizart.history.compaction import compact, remove_runs
from pytest_vizart.storage.folder import FolderStore
from tests.history.sessions import keep_session

merge_plans.FAN = 3
store = FolderStore(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    keep_session(store, f"s{number}", [f"r{number}", f"gone{number}"], second=number)
    compact(store, min_loose=3)
    if number % 5 == 4:
        remove_runs(store, [f"gone{each}" for each in range(number)])
"""


def test_a_reader_beside_a_writer_that_compacts_and_cleans(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    keep_session(store, "first", ["kept"])
    root = Path(__file__).parents[2]
    other = subprocess.Popen([sys.executable, "-c", _OTHER, str(tmp_path), str(ROUNDS)], cwd=root)
    history = History(tmp_path)
    seen: set[str] = {"kept"}
    rounds = 0
    while other.poll() is None:
        for reader in (history, History(tmp_path)):
            for table, counted in shown(reader).items():
                wrong = {run_id: count for run_id, count in counted.items() if count != ROWS_OF[table]}
                # A run that is being taken out goes from `runs` first, and from all else at once for the reader.
                assert not wrong, f"{table}: {wrong}"
                kept = {run_id for run_id in counted if not run_id.startswith("gone")}
                assert seen <= kept, f"{table}: {seen - kept} went away"
            seen |= {run_id for run_id in shown(reader)["runs"] if not run_id.startswith("gone")}
        rounds += 1
    assert other.returncode == 0
    assert rounds > 1
    assert shown(History(tmp_path)) == expected(
        {"kept", *(f"r{number}" for number in range(ROUNDS)), f"gone{ROUNDS - 1}"}
    )
