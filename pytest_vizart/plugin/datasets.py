"""Golden datasets of a session: found by name, loaded once, cut to the part that the options ask for."""

from __future__ import annotations

import pytest

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.plugin.configuration import settings_of

_DATASETS = pytest.StashKey[dict[str | None, GoldenDataset]]()


def dataset_for(config: pytest.Config, name: str | None) -> GoldenDataset:
    """Return a dataset by name, or the only one there is.

    Raises:
        GoldenError: no folder, no such dataset, or several and no choice made.
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
        found = discover(settings.golden)
        if name is None and len(found) > 1:
            raise GoldenError(
                "several golden datasets and no choice made",
                file=settings.golden,
                found=", ".join(found),
                hint='name one: @pytest.mark.vizart_golden("' + next(iter(found)) + '")',
            )
        if name is not None and name not in found:
            raise GoldenError(
                f"there is no golden dataset {name!r}",
                file=settings.golden,
                expected=", ".join(found),
                found=name,
                hint="mind the spelling, or give another folder with --vizart-golden=DIR",
            )
        path = found[name] if name is not None else next(iter(found.values()))
        dataset = GoldenDataset.load(path)
        if not settings.off:
            dataset.require_readable_labels()
        known[name] = dataset.subset(limit=settings.limit, tags=settings.tags) if settings.partial else dataset
    return known[name]
