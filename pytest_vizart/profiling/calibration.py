"""A fixed piece of work, timed before every sample: it tells how fast the machine was at that moment.

The gate takes what the calibration and the other stages share out of a stage's effect, so that a slower hour of the
machine is not blamed on the code.
"""

from __future__ import annotations

import numpy as np

from pytest_vizart.profiling.recording.recorder import Recorder

_ROUNDS = 12
_values = np.linspace(0.0, 1.0, 2_048)


def calibrate(recorder: Recorder) -> None:
    """Run the workload once (about 0.15 ms: interpreter and numpy work in equal parts) and record its span."""
    with recorder.calibration():
        total = 0
        for _ in range(_ROUNDS):
            for step in range(80):
                total = (total * 33 + step) & 0xFFFF
            np.sqrt(_values * _values + 1.0).sum()
