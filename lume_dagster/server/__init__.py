"""The HTTP API of a project: `lume serve`, for callers who have a key and nothing else."""
