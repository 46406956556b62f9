"""Golden datasets of a session: found by name, loaded once, cut to the part that the options ask for."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import pytest

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.plugin.configuration import settings_of
from pytest_vizart.profiling.gpu.at_hand import device_name
from pytest_vizart.settings import Settings

_DATASETS = pytest.StashKey[dict[str | None, GoldenDataset]]()


class LeftOutError(GoldenError):
    """The options choose data that a test has none of: the test is skipped."""


def dataset_for(config: pytest.Config, name: str | None) -> GoldenDataset:
    """Return a dataset by name, or the only one there is.

    Raises:
        GoldenError: no folder, no such dataset, or several and no choice made.
        LeftOutError: --vizart-golden names another dataset, or none of its samples has the tags that were asked for.
    """
    settings = settings_of(config)
    if settings.golden is None:
        raise GoldenError(
            "there is no golden data",
            expected=f"a folder of golden datasets, such as {settings.rootdir / 'golden'}",
            hint="give it with --vizart-golden=DIR",
        )
    known = config.stash.setdefault(_DATASETS, {})
    if name not in known:
        known[name] = _loaded(settings, _chosen(settings.golden, name))
    return known[name]


def _chosen(folder: Path, name: str | None) -> Path:
    found = discover(folder)
    if name in found:
        return found[name]
    if name is not None and folder in found.values():
        raise LeftOutError(f"--vizart-golden names dataset {next(iter(found))!r}, and this test uses {name!r}")
    if name is not None:
        close = get_close_matches(name, found, n=1)
        raise GoldenError(
            f"there is no golden dataset {name!r}",
            file=folder,
            expected=", ".join(found),
            found=name,
            hint=f"did you mean {close[0]!r}?" if close else "give another folder with --vizart-golden=DIR",
        )
    if len(found) > 1:
        first = next(iter(found))
        raise GoldenError(
            "several golden datasets and no choice made",
            file=folder,
            found=", ".join(found),
            hint=f'name one: @pytest.mark.vizart_golden("{first}")',
        )
    return next(iter(found.values()))


def _loaded(settings: Settings, path: Path) -> GoldenDataset:
    dataset = GoldenDataset.load(path, device=device_name())
    if not settings.off:
        dataset.require_readable_labels()
    if not settings.partial:
        return dataset
    tags = [tag for tag in settings.tags if tag in dataset.tags]
    if settings.tags and not tags:
        raise LeftOutError(f"dataset {dataset.name!r} has no sample with tag {' or '.join(settings.tags)}")
    return dataset.subset(limit=settings.limit, tags=tags)
