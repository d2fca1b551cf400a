"""Memory that is cleared before DuckDB uses it, where something was erased.

DuckDB writes whole blocks, and what the memory held before may stand in their gaps: words of an
erased student's row that was read and kept out. Its allocator can clear what it hands out, which
takes a sixth of an attendance run's time, so it is asked to only where there is something to fear.

For: `connect_pipeline/__init__.py`, which every process runs before it loads DuckDB; the allocator
reads its options once, then. Belongs here: when, and how it is told. Does not belong here: what
is erased (`erasure/`).
"""

import os
import sys

from connect_pipeline.errors import ConnectError
from connect_pipeline.home import Home

ALLOCATOR = "DUCKDB_JE_MALLOC_CONF"
"""The variable by which DuckDB's allocator (jemalloc, under a name of its own) takes options."""
CLEARED = "zero:true"


def clear_memory_where_needed() -> None:
    """Have memory cleared in a process that erases, or whose home has had an erasure.

    Call before anything imports `duckdb`; processes that this one starts are told, too.
    """
    options = os.environ.get(ALLOCATOR, "")
    if CLEARED not in options and ("erase" in sys.argv[1:] or _was_anything_erased()):
        os.environ[ALLOCATOR] = f"{options},{CLEARED}" if options else CLEARED


def _was_anything_erased() -> bool:
    try:
        home = Home.from_environment()
        cut_short = home.erasing("*")
        return home.certificates.exists() or any(cut_short.parent.glob(cut_short.name))
    except (ConnectError, OSError):  # whoever works with this home will say so
        return False
