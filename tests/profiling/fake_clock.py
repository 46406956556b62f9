"""A clock that stands still until it is told to go on."""

from __future__ import annotations


class FakeClock:
    """Bears the real clock's methods. Wall and CPU move apart, as in a stage that waits."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.process = 0

    def advance(self, wall_ns: int, cpu_ns: int | None = None) -> None:
        self.wall += wall_ns
        self.cpu += wall_ns if cpu_ns is None else cpu_ns
        self.process += wall_ns if cpu_ns is None else cpu_ns

    def wall_ns(self) -> int:
        return self.wall

    def cpu_ns(self) -> int:
        return self.cpu

    def process_cpu_ns(self) -> int:
        return self.process

    def epoch_us(self) -> int:
        return 1_700_000_000_000_000 + self.wall // 1_000


class FakeMemory:
    """Resident memory as a test sets it."""

    def __init__(self, rss: int = 100_000_000) -> None:
        self.rss = rss
        self.closed = False

    def rss_bytes(self) -> int | None:
        return self.rss

    def close(self) -> None:
        self.closed = True
