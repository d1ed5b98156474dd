"""Getting models from Hugging Face, Civitai and plain addresses: the one part of the program that fetches from the internet, if asked."""
