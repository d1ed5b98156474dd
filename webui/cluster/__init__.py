"""Engines on the nodes of a cluster: what runs there, what is sent there, and how many there are. No torch; Ray where it is asked for."""
