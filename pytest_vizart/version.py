"""The version of the package, as its installed metadata has it."""

from __future__ import annotations

from importlib import metadata

try:
    VERSION = metadata.version("pytest-vizart")
except metadata.PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"
