"""One file per model family: its tensors' names, how its parts are built, what its latents mean. `FAMILIES` is the table."""
