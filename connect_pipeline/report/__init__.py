"""What people read: the report of a validation or a run, in several forms of the same data.

For: a report as a page (HTML), as data (JSON), as a list (CSV) and as text on a terminal.
Belongs here: what people read, and how it gets to them. Does not belong here: checks.
"""
