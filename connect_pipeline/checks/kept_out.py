"""What the rules kept out of a file, all in all: stored verbatim, counted, and judged.

Belongs here: that a file of which too much is out is refused. Does not belong here: why a row is
(the rules).
"""

from __future__ import annotations

from connect_pipeline.contract import ATTENDANCE
from connect_pipeline.databases import as_pattern
from connect_pipeline.erased.keep_out import CODE as ERASED
from connect_pipeline.limits import Thresholds
from connect_pipeline.reader import ReadResult, judge_bad_rows, numbered_lines_sql
from connect_pipeline.rules.rule import Severity


def settle_kept_out(read: ReadResult, thresholds: Thresholds) -> int:
    """Keep what the rules kept out verbatim, and block a file that lost too much.

    Returns how many rows the rules quarantined.
    """
    ((quarantined, bad),) = read.connection.execute(
        "SELECT count(*) FILTER (WHERE is_quarantined), count(*) FILTER (WHERE is_bad_row)"
        " FROM records.removed WHERE export = $export",
        {"export": read.spec.file_name},
    ).fetchall()
    if not quarantined or read.text is None:
        return int(quarantined)
    read.connection.execute(
        f"""
        INSERT INTO quality.quarantine
        SELECT $export, line, code, record_id, text
        FROM {numbered_lines_sql(read)}
        JOIN records.removed AS removed USING (line)
        WHERE removed.export = $export AND is_quarantined AND code <> $erased
        ORDER BY line
        """,
        {"export": read.spec.file_name, "path": as_pattern(read.text.path), "erased": ERASED},
    )
    judge_bad_rows(read, bad + read.quarantined_rows, thresholds.bad_rows)
    if quarantined == read.accepted_rows:
        _judge_without_rows(read)
    return int(quarantined)


def _judge_without_rows(read: ReadResult) -> None:
    """Refuse a file of which no row can be used, unless it is held for that, or says something."""
    # An absence of a student whom nobody knows is accounted for; a class with one is not, and holds
    # the file. A file of none but erased students' says that nobody else is absent.
    counts = read.findings.counts
    if read.spec is ATTENDANCE and (counts["unknown_student"] or counts[ERASED]):
        return
    unknown_people = [code for code in ("unknown_teacher", "unknown_student") if counts[code]]
    if unknown_people and read.findings.worst is Severity.HOLD:
        # Below the reason, which may have a cure: to approve the file is none.
        held_for = min(unknown_people, key=lambda code: read.findings.severity_of(code).rank)
        says = (
            "No row of this file can be used: whoever approves it approves that there is no class."
        )
        read.findings.escalate(held_for, Severity.HOLD, says, follows=True)
    else:
        read.findings.add("no_data_rows")
