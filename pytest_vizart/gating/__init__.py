"""The gate: from times, scores and memory to verdicts. Pure functions; nothing here reads files or knows pytest."""
