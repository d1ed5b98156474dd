"""Pickled weights read without unpickling: `read` is the way in."""
