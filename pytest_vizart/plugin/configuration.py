"""From pytest's configuration to Settings; nothing below this folder sees `pytest.Config`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.plugin.keys import SETTINGS
from pytest_vizart.settings import Settings, resolve


def settings_of(config: pytest.Config) -> Settings:
    """Return the session's settings, resolved on first use.

    Raises:
        pytest.UsageError: an option's value is not what it takes.
    """
    if SETTINGS not in config.stash:
        invocation_dir = Path(config.invocation_params.dir)
        try:
            config.stash[SETTINGS] = resolve(
                config.getoption, config.getini, rootdir=Path(config.rootpath), invocation_dir=invocation_dir
            )
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[SETTINGS]
