"""Tests of the mapper."""
