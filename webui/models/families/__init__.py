"""Loaders of the built-in families; `webui.library.families` says when each is used."""
