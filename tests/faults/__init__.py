"""Faults, each by really doing it: processes that are killed, full and read-only disks, damaged files, wrong clocks.

The short form is part of the suite. `VIZART_FAULTS=long pytest tests/faults` kills at every instant there is and at 200
random moments of a session, of a compaction and of a clean-up.
"""
