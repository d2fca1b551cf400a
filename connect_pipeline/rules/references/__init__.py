"""References: rows that name people, classes and schools of other files."""
