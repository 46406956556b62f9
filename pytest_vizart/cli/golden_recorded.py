"""`vizart golden accept` and `prune`: recorded outputs, accepted out of a run, and those that nothing uses any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import orjson

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option
from pytest_vizart.errors import VizartError
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.golden.recorded import FOLDER, RecordedStore
from pytest_vizart.history.reader import History
from pytest_vizart.options import DEFAULT_GOLDEN
from pytest_vizart.report.wording import plural, printable

_golden_option = click.option(
    "--golden",
    type=click.Path(path_type=Path),
    default=DEFAULT_GOLDEN,
    show_default=True,
    help="folder of golden datasets, or one dataset",
)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--sample", "samples", multiple=True, help="accept of this sample only; may be repeated")
@_golden_option
@output_option
@json_option
def accept(run_id: str, samples: tuple[str, ...], golden: Path, output: Path, as_json: bool) -> None:
    """Record what RUN gave where it differed from the recorded outputs, or where nothing was recorded."""
    row = find_run(kept_runs(output), run_id)
    kept = RecordedStore(output / "runs" / row["run_id"] / FOLDER)
    found = [(name, sample) for name, sample, _ in kept.entries() if not samples or sample in samples]
    unknown = sorted(set(samples) - {sample for _, sample in found})
    if unknown:
        listed = ", ".join(sorted({printable(sample) for _, sample, _ in kept.entries()})[:10])
        raise click.UsageError(
            f"run {row['run_id'][:8]} has no output of sample {printable(unknown[0])!r} that differs; hint: "
            f"{f'there are {listed}' if listed else 'all its outputs equal the recorded ones'}"
        )
    try:
        store = RecordedStore(_dataset_folder(golden, row["dataset"]) / FOLDER)
        for name, sample in found:
            label = kept.read(name, sample)
            if label is not None:
                store.write(name, sample, label)
    except (VizartError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _tell("accepted", found, as_json, store.root)


@click.command()
@click.option("--yes", is_flag=True, help="remove them; without it they are listed only")
@_golden_option
@output_option
@json_option
def prune(yes: bool, golden: Path, output: Path, as_json: bool) -> None:
    """List, and with --yes remove, recorded outputs that are of no sample of their dataset, or that no test of the last
    whole run of each test has looked at."""
    try:
        for name, folder in discover(golden).items():
            store = RecordedStore(folder / FOLDER)
            stale = list(_stale(store, GoldenDataset.load(folder), _used(History(output), name)))
            for _, _, path in stale if yes else ():
                path.unlink(missing_ok=True)
            _tell("removed" if yes else "not used", [(each[0], each[1]) for each in stale], as_json, store.root)
    except (VizartError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _stale(
    store: RecordedStore, dataset: GoldenDataset, used: frozenset[str] | None
) -> Iterable[tuple[str, str, Path]]:
    known = set(dataset.ids)
    for name, sample, path in store.entries():
        if sample not in known or (used is not None and name not in used):
            yield name, sample, path


def _used(history: History, dataset: str) -> frozenset[str] | None:
    """The names that the newest whole run of each test compared; None where no run tells."""
    rows = [row for row in history.runs().to_pylist() if row["dataset"] == dataset and not row["partial"]]
    newest = {row["test_id"]: row for row in rows if row["status"] != "error"}
    if not newest:
        return None
    outcomes = history.outcomes(
        run_ids=[row["run_id"] for row in newest.values()], session_ids=[row["session_id"] for row in newest.values()]
    )
    return frozenset(outcomes["stage"].to_pylist())


def _dataset_folder(golden: Path, name: str | None) -> Path:
    folders = discover(golden)
    if name not in folders:
        raise click.UsageError(
            f"the run's dataset {printable(str(name))!r} is not in {printable(str(golden))}: there are "
            f"{', '.join(map(printable, folders))}; hint: give its folder with --golden DIR"
        )
    return folders[name]


def _tell(what: str, entries: list[tuple[str, str]], as_json: bool, root: Path) -> None:
    if as_json:
        rows = [{"name": name, "sample_id": sample} for name, sample in entries]
        click.echo(orjson.dumps({"schema_version": 1, "folder": str(root), what.replace(" ", "_"): rows}))
        return
    click.echo(f"{printable(str(root))}: {plural(len(entries), 'recorded output')} {what}")
    for name, sample in entries:
        click.echo(f"  {printable(name)}: {printable(sample)}")
