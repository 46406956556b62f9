"""Run and stage carried into threads, child processes and programs."""
