"""Training rooms: recipes that make weights. Nothing here runs in the web process."""
