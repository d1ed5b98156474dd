"""The page in a real browser: a package, so that the browser's fixtures can live as long as its tests and no longer."""
