"""Frozen records that every layer speaks. Standard library only."""
