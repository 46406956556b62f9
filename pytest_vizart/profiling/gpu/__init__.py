"""The GPU: what the driver tells, and what torch does on it."""
