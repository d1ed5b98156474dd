"""A1111's API, `/sdapi/v1` and its neighbours: every call becomes a job of the caller, every answer has A1111's shape."""
