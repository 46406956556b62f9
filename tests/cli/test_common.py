from __future__ import annotations

from pathlib import Path

import click
import pytest

from pytest_vizart.cli.common import at_hand, find_run, kept_runs, refusing
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import HistoryError
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.store import Entry
from tests.cli.histories import keep, run_with


class FakeObjectStore(FolderStore):
    """A store that is no folder of this machine, with an object of a bad name."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.local = None

    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        return [*super().files(folder, recursive=recursive), Entry(f"{folder}/../../escaped", 1)]


def test_a_folder_of_this_machine_is_used_where_it_is(tmp_path: Path) -> None:
    with at_hand(FolderStore(tmp_path), "runs/r1") as folder:
        assert folder == tmp_path / "runs" / "r1"


def test_objects_are_fetched_for_a_while_and_none_outside_of_the_folder(tmp_path: Path) -> None:
    store = FakeObjectStore(tmp_path)
    store.write("runs/r1/a/b.txt", b"1")
    store.write("escaped", b"2")
    with at_hand(store, "runs/r1") as folder:
        assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")] == ["a/b.txt"]
        assert not (folder.parent.parent / "escaped").exists()
    assert not folder.exists()


@pytest.mark.parametrize(
    "error", [HistoryError("x\x1b[31m", file="y"), OSError(28, "No space left on device"), OSError()]
)
def test_what_is_wrong_with_the_data_is_one_line_and_status_2(error: Exception) -> None:
    @refusing
    def command() -> None:
        raise error

    with pytest.raises(Refused) as caught:
        command()
    assert caught.value.exit_code == 2
    assert caught.value.message.isprintable()
    assert caught.value.message


def test_a_pipe_that_was_closed_is_left_to_click() -> None:
    @refusing
    def command() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        command()


def test_runs_by_the_beginning_of_their_id_or_last(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("abc1", {}), run_with("abd2", {}))
    table = kept_runs(FolderStore(tmp_path))
    assert find_run(table, "abc")["run_id"] == "abc1"
    assert find_run(table, "last")["run_id"] == "abd2"
    for name in ("ab", "", "x", "\udcff", "%", "abc1x"):
        with pytest.raises(click.UsageError):
            find_run(table, name)
