"""Words that are put into prompts: wildcard files, templates, styles."""
