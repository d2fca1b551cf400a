"""The state of a district for people: `state.py` reads it, `as_text.py` prints it."""
