"""The file as a whole: its bytes, its lines and its end."""
