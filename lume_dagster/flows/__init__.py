"""WHAT: flows, versions, target schemas, and the library of files they live in."""
