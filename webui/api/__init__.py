"""HTTP: our own API, its event streams, and the guard in front of everything."""
