"""Read mappings that were written in the older grammar of transformations."""
