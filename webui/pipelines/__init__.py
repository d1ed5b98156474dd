"""Models in memory: load, predict, adapt. Import from the modules; `webui.pipelines.adapters` alone is free of torch."""
