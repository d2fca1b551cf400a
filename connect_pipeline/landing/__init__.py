"""The landing folder: a district's files as received, under the hash of their bytes.

`bytes_pass.py` says what bytes are while they arrive (`file_facts.py`): their lines (`lines.py`)
and their encoding (`encodings.py`). `as_utf8.py` makes of them what DuckDB reads, and `files.py` is
the folder's life.
Belongs here: files as bytes. Does not belong here: fetching them (`sftp/`), reading them
(`reader/`).
"""

from connect_pipeline.landing.files import prune, verify

__all__ = ["prune", "verify"]
