"""The row: a physical line that cannot be read in exactly one way is kept out."""
