"""Work that tests give to threads and child processes; at the top of a module, so that it can be pickled."""

from __future__ import annotations

import os
import signal
import sys

from pytest_vizart import profile


@profile
def square(number: int) -> int:
    return inner(number) * number


@profile
def inner(number: int) -> int:
    return number


@profile
def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    print(square(int(sys.argv[1])))
