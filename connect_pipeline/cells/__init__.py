"""A cell's text: the one form that is published of it, and the one that a spreadsheet may open.

Belongs here: forms of single values, as data and SQL expressions. Does not belong here: what an
invalid cell means for its row (`rules/cell/`).
"""
