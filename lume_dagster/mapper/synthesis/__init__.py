"""Transformations by example: a few rows as they should come out, and the rest follows."""

from lume_dagster.mapper.synthesis.learn import Example, learn, next_question
from lume_dagster.mapper.synthesis.program import Program

__all__ = ["Example", "Program", "learn", "next_question"]
