"""`python -m lume_dagster.cli` is `lume`."""

from lume_dagster.cli import main

main()
