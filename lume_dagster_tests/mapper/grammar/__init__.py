"""Tests of importing mappings of the older grammar."""
