"""Keys: rows that name the same person, class or absence more than once."""
