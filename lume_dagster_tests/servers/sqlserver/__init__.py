"""A stand-in for Microsoft SQL Server: its protocol, TDS 7.4, in front of DuckDB."""
