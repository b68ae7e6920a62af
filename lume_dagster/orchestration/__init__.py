"""The Dagster side: assets, partitions, checks, IO manager, launching and reading runs back."""
