"""Probes: what is read at the edges of a stage beside the clocks, and between samples."""
