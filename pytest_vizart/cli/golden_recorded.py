"""`vizart golden accept`: outputs of a run become the recorded ones."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_vizart.cli.common import at_hand, find_run, json_option, kept_runs, output_option, refusing
from pytest_vizart.cli.golden_common import tell, tell_json
from pytest_vizart.golden.dataset import discover
from pytest_vizart.golden.recorded import FOLDER, RecordedStore
from pytest_vizart.options import DEFAULT_GOLDEN
from pytest_vizart.report.wording import plural, printable
from pytest_vizart.storage.store import Store

golden_option = click.option(
    "--golden",
    type=click.Path(path_type=Path),
    default=DEFAULT_GOLDEN,
    show_default=True,
    help="folder of golden datasets, or one dataset",
)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--sample", "samples", multiple=True, help="accept of this sample only; may be repeated")
@golden_option
@output_option
@json_option
@refusing
def accept(run_id: str, samples: tuple[str, ...], golden: Path, output: Store, as_json: bool) -> None:
    """Record what RUN gave where it differed from the recorded outputs, or where nothing was recorded."""
    row = find_run(kept_runs(output), run_id)
    with at_hand(output, f"runs/{row['run_id']}/{FOLDER}") as folder:
        kept = RecordedStore(folder)
        found = _chosen(kept, row["run_id"], samples)
        store = RecordedStore(_dataset_folder(golden, row["dataset"]) / FOLDER)
        for name, sample in found:
            label = kept.read(name, sample)
            if label is not None:
                store.write(name, sample, label)
    if as_json:
        accepted = [{"name": name, "sample_id": sample} for name, sample in found]
        tell_json({"folder": str(store.root), "accepted": accepted})
        return
    tell(f"{store.root}: {plural(len(found), 'recorded output')} accepted")
    for name, sample in found:
        tell(f"{name}: {sample}", 1)


def _chosen(kept: RecordedStore, run_id: str, samples: tuple[str, ...]) -> list[tuple[str, str]]:
    """Name and sample of what the run kept, of the samples asked for."""
    found = [(name, sample) for name, sample, _ in kept.entries() if not samples or sample in samples]
    unknown = sorted(set(samples) - {sample for _, sample in found})
    if unknown:
        listed = ", ".join(sorted({printable(sample) for _, sample, _ in kept.entries()})[:10])
        raise click.UsageError(
            f"run {run_id[:8]} has no output of sample {printable(unknown[0])!r} that differs; hint: "
            f"{f'there are {listed}' if listed else 'all its outputs equal the recorded ones'}"
        )
    return found


def _dataset_folder(golden: Path, name: str | None) -> Path:
    folders = discover(golden)
    if name not in folders:
        raise click.UsageError(
            f"the run's dataset {printable(str(name))!r} is not in {printable(str(golden))}: there are "
            f"{', '.join(map(printable, folders))}; hint: give its folder with --golden DIR"
        )
    return folders[name]
