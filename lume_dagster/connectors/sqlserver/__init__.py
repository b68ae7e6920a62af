"""A Microsoft SQL Server database."""
