"""How a subcommand ends when the arguments were fine and the data are not."""

from __future__ import annotations

import click


class Refused(click.ClickException):
    """Files or options that cannot be evaluated."""

    exit_code = 2
