"""ComfyUI's API for simple graphs: what a picture's metadata reader understands of a graph becomes a job of the caller."""
