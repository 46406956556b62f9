"""Measuring: clocks, probes, the recorder of spans, the `profile` decorator, what the machine is."""
