"""The audit trail of each run (JSON lines through Loguru), and the artifacts that a run saves."""
