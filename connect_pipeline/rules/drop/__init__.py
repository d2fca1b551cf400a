"""The drop: which files are there, and how old they are."""
