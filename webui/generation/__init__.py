"""How an image is made: from a resolved request to saved files, reported through `emit`. Knows no process and no queue."""
