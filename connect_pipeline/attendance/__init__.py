"""Absence alerts: an attendance file becomes at most one batch of recipients (DESIGN section 7).

For: everything between the checked absences and the list that a sender takes: `day.py` is the
way through. The list of low lunch balances (`lunch.py`) goes the same way from the roster.
Belongs here: who is told of what, once, and why others are not. Does not belong here: reading the
file (`reader/`, `checks/`), and sending.
"""
