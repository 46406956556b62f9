"""Stages without a `with` block: decorated functions, functions by name, the parts of pipelines."""
