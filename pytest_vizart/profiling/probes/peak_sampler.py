"""The peak of resident memory by looking now and then, for stages that are long enough to be looked at."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable

INTERVAL_S = 0.02
_MOST_PEAKS = 16_384


class PeakSampler:
    """A thread that reads resident memory every 20 ms. Peaks that are shorter than that are missed.

    Args:
        rss: resident bytes, None when they can no longer be read.
        now_ns: the clock of the spans.
    """

    def __init__(self, rss: Callable[[], int | None], now_ns: Callable[[], int]) -> None:
        self._rss = rss
        self._now_ns = now_ns
        # Readings that a later one exceeds can no longer be the highest since any moment: they are dropped, so that
        # what stays falls from left to right, and the first at or after a moment is the answer.
        self._peaks: deque[tuple[int, int]] = deque(maxlen=_MOST_PEAKS)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="vizart-peak-sampler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; when this returns, memory is no longer read."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def highest_since(self, start_ns: int) -> int | None:
        """Return the highest reading at or after a moment, None if there was none."""
        with self._lock:
            first = bisect_left(self._peaks, start_ns, key=lambda peak: peak[0])
            return self._peaks[first][1] if first < len(self._peaks) else None

    def take(self) -> bool:
        """Take one reading; False if there is nothing to read any more."""
        rss = self._rss()
        if rss is None:
            return False
        with self._lock:
            while self._peaks and self._peaks[-1][1] <= rss:
                self._peaks.pop()
            self._peaks.append((self._now_ns(), rss))
        return True

    def _work(self) -> None:
        while not self._stopped.wait(INTERVAL_S) and self.take():
            pass
