"""`python -m connect_pipeline`, where the command is not on the path.

Belongs here: nothing else (`cli.py`).
"""

from connect_pipeline.cli import process

process()
