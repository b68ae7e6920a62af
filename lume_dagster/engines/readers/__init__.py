"""READ: one module for each format a batch can come in."""
