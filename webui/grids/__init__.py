"""Grids: a request made once for every combination of values."""
