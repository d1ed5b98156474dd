"""OpenAI's images API, `/v1`: pictures for its clients, each call a job of the caller."""
