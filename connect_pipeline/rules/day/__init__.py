"""The day: a file of absences against the roster, and what was listed before."""
