"""Tests of generating and editing a mapping."""
