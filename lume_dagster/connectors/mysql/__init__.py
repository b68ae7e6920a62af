"""A MySQL or MariaDB database."""
