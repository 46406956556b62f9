"""`python -m pytest_vizart` is the `vizart` command."""

from pytest_vizart.cli import main

main(prog_name="vizart")
