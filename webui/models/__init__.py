"""Models in memory: load, predict, adapt. Import from the modules; `webui.models.adapters` alone is free of torch."""
