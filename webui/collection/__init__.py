"""The models that somebody owns: watched, hashed, described, asked for and kept in order. The web process alone has it."""
