"""`vizart golden prune`: recorded outputs that nothing uses any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from pytest_vizart.cli.common import json_option, output_option
from pytest_vizart.cli.golden_common import listed, tell, tell_json
from pytest_vizart.cli.golden_recorded import golden_option
from pytest_vizart.errors import VizartError, told_since, warnings_told
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.golden.recorded import FOLDER, RecordedStore
from pytest_vizart.golden.recorded_files import EXTENSIONS, read_output
from pytest_vizart.history.reader import History
from pytest_vizart.options import DEFAULT_OUTPUT
from pytest_vizart.report.wording import plural, printable
from pytest_vizart.storage.store import Store

_NO_SAMPLE, _NOT_USED = "no such sample", "no run looked at it"


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the history tells of a dataset's recorded outputs.

    names: those that some run looked at. unknown: why there may be others in use; None where there are none.
    """

    names: frozenset[str]
    unknown: str | None


@dataclass(slots=True)
class _Plan:
    """What is to be removed of one dataset; stale: name, sample ID, file, and why."""

    dataset: str
    store: RecordedStore
    stale: list[tuple[str, str, Path, str]] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@click.command()
@click.option("--yes", is_flag=True, help="remove them; without it they are listed only")
@click.option("--unused", is_flag=True, help="and those of names that no run in the history has looked at")
@golden_option
@output_option
@json_option
def prune(yes: bool, unused: bool, golden: Path, output: Store, as_json: bool) -> None:
    """List, and with --yes remove, recorded outputs of samples that their dataset does not have, and what writers that
    were killed left behind. Files that nobody recorded are left alone."""
    try:
        history = History(output)
        under_way = _under_way(output)
        plans = [
            _plan(name, folder, history, unused=unused, under_way=under_way)
            for name, folder in discover(golden).items()
        ]
        for plan in plans if yes else ():
            for path in [*(each[2] for each in plan.stale), *plan.leftovers]:
                plan.store.remove(path)
    except (VizartError, OSError) as error:
        raise click.ClickException(printable(str(error))) from error
    if as_json:
        tell_json({"removed": yes, "datasets": [_document(plan) for plan in plans]})
        return
    for plan in plans:
        _tell_plan(plan, removed=yes)


def _plan(dataset_name: str, folder: Path, history: History, *, unused: bool, under_way: bool) -> _Plan:
    dataset = GoldenDataset.load(folder)
    plan = _Plan(dataset_name, RecordedStore(folder / FOLDER))
    looked = _looked(history, dataset_name, under_way=under_way)
    declared = looked.names | {spec.stage for spec in dataset.specs if spec.recorded}
    if unused and looked.unknown is not None:
        plan.notes.append(f"which names are in use is not known: {looked.unknown}")
    by_name: dict[str, list[tuple[str, Path]]] = {}
    for name, sample, path in plan.store.entries():
        by_name.setdefault(name, []).append((sample, path))
    samples = frozenset(dataset.ids)
    for name, files in by_name.items():
        ours = _ours(files, samples, known=name in declared)
        if len(ours) < len(files):
            left = [path.relative_to(folder).as_posix() for _, path in files if path not in ours]
            plan.notes.append(f"left alone, for they may not be recorded outputs: {listed(left)}")
        drop = unused and looked.unknown is None and name not in declared
        for sample, path in files:
            if path in ours and (drop or sample not in samples):
                plan.stale.append((name, sample, path, _NO_SAMPLE if sample not in samples else _NOT_USED))
    plan.leftovers += plan.store.leftovers()
    return plan


def _ours(files: list[tuple[str, Path]], samples: frozenset[str], *, known: bool) -> frozenset[Path]:
    """The files of a folder that are recorded outputs.

    Where there are outputs of the dataset's samples, they and what is of their kind; else, if the name is `known` to
    manifest or history, what can be read as one.
    """
    kinds = {EXTENSIONS[path.suffix] for sample, path in files if sample in samples}
    if kinds:
        return frozenset(path for sample, path in files if sample in samples or EXTENSIONS[path.suffix] in kinds)
    return frozenset(path for _, path in files if known and _is_output(path))


def _is_output(path: Path) -> bool:
    try:
        read_output(path)
    except VizartError:
        return False
    return True


def _looked(history: History, dataset: str, *, under_way: bool) -> _Looked:
    before = warnings_told()
    rows = history.runs().to_pylist()
    of_dataset = [row for row in rows if row["dataset"] == dataset]
    outcomes = history.outcomes(
        run_ids=[row["run_id"] for row in of_dataset], session_ids=[row["session_id"] for row in of_dataset]
    )
    names = frozenset(outcomes["stage"].to_pylist())
    if told_since(before):
        return _Looked(names, "a file of the history cannot be read")
    if not of_dataset:
        return _Looked(names, "no run of this dataset is in the history; run the tests first, or give --output DIR")
    if under_way:
        return _Looked(names, "a session is under way, or died; run the tests first")
    newest = {row["test_id"]: row for row in rows}
    unsure = [test_id for test_id in _tests_of(rows, dataset) if not _is_whole(newest[test_id])]
    if unsure:
        told = listed([printable(test_id) for test_id in unsure])
        return _Looked(names, f"the last run of {told} raised, or was over a part of the data; run it whole first")
    return _Looked(names, None)


def _under_way(output: Store) -> bool:
    """Whether a session works, or died, beside this output; one that keeps its runs at a URL works in a folder."""
    return any(((output.local or Path(DEFAULT_OUTPUT)) / "journal").glob("*/"))


def _tests_of(rows: Iterable[dict[str, object]], dataset: str) -> Iterator[str]:
    """Tests that used the dataset, or that raised before they used any: it may have been this one."""
    found = {
        str(row["test_id"]): None
        for row in rows
        if row["dataset"] == dataset or (row["dataset"] is None and row["status"] == "error")
    }
    yield from found


def _is_whole(row: dict[str, object]) -> bool:
    return not row["partial"] and row["status"] != "error"


def _document(plan: _Plan) -> dict[str, object]:
    return {
        "dataset": plan.dataset,
        "folder": str(plan.store.root),
        "outputs": [{"name": name, "sample_id": sample, "because": why} for name, sample, _, why in plan.stale],
        "leftovers": [str(path) for path in plan.leftovers],
        "notes": plan.notes,
    }


def _tell_plan(plan: _Plan, *, removed: bool) -> None:
    word = "removed" if removed else "not used"
    tell(f"{plan.store.root}: {plural(len(plan.stale), 'recorded output')} {word}")
    for name, sample, _, why in plan.stale:
        tell(f"{name}: {sample} ({why})", 1)
    for path in plan.leftovers:
        tell(f"{path.relative_to(plan.store.root).as_posix()} (a writer that was killed left it)", 1)
    for note in plan.notes:
        tell(f"note: {note}", 1)
