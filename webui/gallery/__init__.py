"""Images and their rows: the index that lists and searches them, their files, and what keeps the two in step."""
