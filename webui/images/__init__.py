"""Pictures as files: pixels, metadata, the store, the gallery's index (Pillow and numpy, no torch)."""
