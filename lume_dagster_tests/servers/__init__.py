"""Real servers for tests: one file a system, all that are needed started at once, none left behind."""
