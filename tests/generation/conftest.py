"""The engine on a tiny checkpoint, made to run one job at a time."""

from tests.tiny_engine import checkpoints, engine, mask, model_cache, one_thread, start

__all__ = ["checkpoints", "engine", "mask", "model_cache", "one_thread", "start"]
