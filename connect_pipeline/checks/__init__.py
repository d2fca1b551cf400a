"""Checked records: the rules about cells, keys and references, run over what was read.

For: turning `raw.<table>` (verbatim text) into `records.<table>` (trimmed text, every column of
the contract, only rows that no rule keeps out), set-wise in DuckDB.

`check.py` is the way through: the records (`records.py`), then the rules about columns, cells and
tables (`column_rules.py`, `cell_rules.py`, `table_rules.py`), and what all that were kept out come
to (`kept_out.py`). `surroundings.py` makes what rules read beside the records.
Belongs here: how rules run. Does not belong here: what they say (`rules/`), reading (`reader/`),
the verdict on a whole drop (`validation/`).
"""

from connect_pipeline.checks.check import CheckedExport, check_export
from connect_pipeline.checks.records import readmit
from connect_pipeline.checks.surroundings import prepare

__all__ = ["CheckedExport", "check_export", "prepare", "readmit"]
