"""Tests of generating a mapping."""
