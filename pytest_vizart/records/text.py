"""Texts from outside: names of files, stages, classes and errors may hold what is no Unicode text."""

from __future__ import annotations


def escaped(text: str) -> str:
    """Return the text with halves of surrogate pairs, which nothing can encode, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
