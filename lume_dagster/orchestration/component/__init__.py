"""Flows as Dagster components: a defs.yaml is all a project needs."""
