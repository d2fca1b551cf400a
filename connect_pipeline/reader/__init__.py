"""The reader: bytes to lawful lines to a text table, with no row lost and none altered.

For: `read_export`, which reads one file by the line law (DESIGN section 3) and never raises on
data. CSV readers are lenient, and leniency moves one child's phone number into another's row:
here DuckDB's reader sees only lines that have exactly one reading.

`read.py` is the way through: what DuckDB opens (`text_file.py`), the header (`header.py`), each
line (`law.py`, `text_lines.py`), the parse (`parse.py`) around lines that are kept out
(`unlawful.py`), two files joined in one (`repeated_header.py`). `result.py` is what comes of it.
Does not belong here: bytes (`landing/bytes_pass.py`), what cells and rows mean (`checks/`).
"""

from connect_pipeline.reader.read import read_export
from connect_pipeline.reader.result import BAD_ROWS_FLOOR, ReadResult, frame_of_rows, judge_bad_rows
from connect_pipeline.reader.text_lines import numbered_lines_sql

__all__ = [
    "BAD_ROWS_FLOOR",
    "ReadResult",
    "frame_of_rows",
    "judge_bad_rows",
    "numbered_lines_sql",
    "read_export",
]
