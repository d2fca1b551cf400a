"""Checked records: the rules about cells, keys and references, run over what was read.

For: turning `raw.<table>` (verbatim text) into `records.<table>` (trimmed text, every column of
the contract, only rows that no rule keeps out), set-wise in DuckDB.
Belongs here: how rules run. Does not belong here: what they say (`rules/`), reading
(`reader/`), the verdict on a whole drop (`validation/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.cells import normalise
from connect_pipeline.contract import ATTENDANCE, Column, ExportSpec, Kind
from connect_pipeline.databases import as_pattern, count_rows, insert_rows
from connect_pipeline.erased.keep_out import CODE as ERASED
from connect_pipeline.erased.keep_out import keep_out_erased
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.limits import Thresholds
from connect_pipeline.line_law import BLANKS
from connect_pipeline.reader import (
    BAD_ROWS_FLOOR,
    ReadResult,
    judge_bad_rows,
    numbered_lines_sql,
)
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.cell import id_looks_damaged
from connect_pipeline.rules.references.diagnosis import NOT_IN_FILE
from connect_pipeline.rules.rule import (
    CellRule,
    ColumnRule,
    Severity,
    ShareHold,
    TableCheck,
    TableRule,
)
from connect_pipeline.rules.sql import alike

if TYPE_CHECKING:
    from connect_pipeline.settings import Attendance, District

SAMPLED_ROWS = 20_000
FEWEST_CELLS = 5
"""Of a column, by which it can be judged."""
MOST = 0.5
"""More of its cells of another kind, and the column holds something else."""
# A finding shows less than its row is known by: what looks like an ID, for columns may be swapped,
# and is no mere word, which may be a name. A UUID in braces has 38 characters.
SHOWN_RECORD_ID = (
    "CASE WHEN regexp_full_match(record_id, '[A-Za-z0-9._{}-]{1,38}')"
    " AND regexp_matches(record_id, '[0-9]') THEN record_id END"
)


@dataclass
class CheckedExport:
    """One export after its checks: `records.<table>` holds the `accepted` rows.

    Rows that repeat an earlier row are accepted and said, and are in `records` once.
    """

    read: ReadResult
    quarantined: int = 0

    @property
    def accepted(self) -> int:
        """Rows accepted: read and not quarantined by any rule."""
        return self.read.accepted_rows - self.quarantined

    @property
    def usable(self) -> bool:
        """Whether its records may be referred to and published."""
        return not self.read.refused


def prepare(connection: duckdb.DuckDBPyConnection, district: District | None) -> None:
    """Make what the rules read beside the records: sites, codes, who is kept or erased.

    Without a district (in `validate`) these tables are empty and the rules on them silent.
    """
    normalise.prepare(connection)
    damaged = id_looks_damaged.RULE.where.format(cell="cell")
    connection.execute(f"CREATE OR REPLACE TEMP MACRO looks_damaged(cell) AS {damaged}")
    connection.execute(
        """
        CREATE SCHEMA IF NOT EXISTS district;
        CREATE OR REPLACE TABLE district.sites (code VARCHAR, name VARCHAR);
        CREATE OR REPLACE TABLE district.absence_codes
            (code VARCHAR, is_other BOOLEAN, school VARCHAR);
        CREATE OR REPLACE TABLE district.erased (subject_hash VARCHAR);
        CREATE TABLE IF NOT EXISTS records.kept_students
            (student_id VARCHAR, reason VARCHAR, is_whole BOOLEAN);
        CREATE TABLE IF NOT EXISTS records.kept_staff
            (staff_id VARCHAR, reason VARCHAR, is_whole BOOLEAN);
        -- Lines that break the law and have an erased student's ID, in no table of a snapshot.
        CREATE OR REPLACE TABLE records.forgotten AS FROM quality.quarantine WHERE false;
        -- One row: a line that is out tonight, quarantined or forgotten.
        CREATE OR REPLACE VIEW records.lines_out AS
        SELECT *, false AS is_forgotten FROM scratch.quality.quarantine
        UNION ALL
        SELECT *, true FROM scratch.records.forgotten;
        CREATE OR REPLACE TABLE records.removed (
            export VARCHAR,
            line BIGINT,
            code VARCHAR,
            record_id VARCHAR,
            is_quarantined BOOLEAN,
            is_bad_row BOOLEAN
        );
        """
    )
    connection.execute(f"SET VARIABLE has_settings = {district is not None}")
    if district is None:
        return
    insert_rows(connection, "district.sites", list(district.sites.items()))
    insert_rows(connection, "district.absence_codes", _absence_codes(district.attendance))


def _absence_codes(attendance: Attendance) -> list[tuple[str, bool, str | None]]:
    """Every code that the settings name, whether it is of `other_codes`, and where it is known.

    That is everywhere (None), or at one school.
    """
    others = {*attendance.other_codes}
    everywhere = sorted({*attendance.alert_codes, *others})
    at_schools = attendance.school_alert_codes.items()
    return [
        *((code, code in others, None) for code in everywhere),
        *((code, code in others, school) for school, codes in at_schools for code in codes),
    ]


def check_export(read: ReadResult, usable: set[str], thresholds: Thresholds) -> CheckedExport:
    """Run every rule on one export. `usable` names the files that references may look into.

    Call in the order schools, staff, students, classes, absences, so that root causes come
    first. Findings are added to `read.findings`.
    """
    checked = CheckedExport(read)
    if read.refused:
        return checked
    _create_records(read)
    if keep_out_erased(read):
        _expose(read)
    if _has_foreign_phones(read):
        normalise.register(read.connection)
    doubtful = _run_column_rules(read)
    _run_cell_rules(read, doubtful)
    ((alike_rows,),) = read.connection.execute(
        f"CREATE OR REPLACE TABLE records.{read.spec.table}_alike AS {alike(read.spec)}"
    ).fetchall()
    for rule in sorted(rules_of(TableRule), key=lambda rule: rule.order):
        if rule.among_alike and not alike_rows:
            continue
        for check in rule.checks:
            if check.looks_at(read.spec, usable):
                _run_table_rule(read, rule, check, thresholds)
    _settle_removed(checked, thresholds)
    read.refused = read.findings.blocks_file
    return checked


def readmit(read: ReadResult, code: str) -> None:
    """Take the rows that one rule removed back into `records`.

    Attendance accounts for absent students whom the roster does not know.
    """
    read.connection.execute(
        "DELETE FROM records.removed WHERE export = $export AND code = $code",
        {"export": read.spec.file_name, "code": code},
    )
    _expose(read)


def _record_id(spec: ExportSpec) -> str:
    """SQL for the ID of whom a row is about; NULL when it is blank."""
    name = spec.record_field
    return "NULL::VARCHAR" if name is None else f"nullif(cells.\"{name}\", '')"


def _create_records(read: ReadResult) -> None:
    """`records.<table>_checked`: what was read, or a trimmed copy where cells need trimming."""
    table = read.spec.table
    cells = ", ".join(
        f'{_trimmed(read, column)} AS "{column.field}"'
        if column in read.columns
        else f'NULL::VARCHAR AS "{column.field}"'
        for column in read.spec.columns
    )
    rows = f"SELECT line, {cells} FROM raw.{table}"
    if read.padded:
        read.connection.execute(f"CREATE OR REPLACE TABLE records.{table}_trimmed AS {rows}")
        rows = f"SELECT * FROM records.{table}_trimmed"
    read.connection.execute(f"CREATE OR REPLACE VIEW records.{table}_checked AS {rows}")
    _expose(read)


def _trimmed(read: ReadResult, column: Column) -> str:
    cell = column.quoted
    return f"trim({cell}, '{BLANKS}')" if column.field in read.padded else cell


def _has_foreign_phones(read: ReadResult) -> bool:
    phones = [column.quoted for column in read.columns if column.kind is Kind.PHONE]
    if not phones:
        return False
    anywhere = " OR ".join(f"({normalise.is_foreign_phone(cell)})" for cell in phones)
    return bool(
        read.connection.execute(
            f"SELECT 1 FROM records.{read.spec.table} WHERE {anywhere} LIMIT 1"
        ).fetchall()
    )


def _expose(read: ReadResult) -> None:
    """`records.<table>`: the checked rows that no rule has removed so far."""
    table, file_name = read.spec.table, read.spec.file_name
    removed = f"records.removed WHERE export = '{file_name}'"
    without = (
        f" WHERE line NOT IN (SELECT line FROM {removed})"
        if count_rows(read.connection, removed)
        else ""
    )
    read.connection.execute(
        f"CREATE OR REPLACE VIEW records.{table} AS SELECT * FROM records.{table}_checked{without}"
    )


def _run_column_rules(read: ReadResult) -> set[Column]:
    """Name the columns most of whose cells are of another kind; returns those.

    What most cells are, some of them tell: of a large file every n-th row is looked at, and a
    column is looked at in full only when that leaves a doubt.
    """
    pairs = [
        (rule, column)
        for rule in rules_of(ColumnRule)
        for column in read.columns
        if rule.applies(column)
    ]
    every = max(1, read.accepted_rows // SAMPLED_ROWS)
    if every > 1:
        pairs = [
            (rule, column)
            for rule, column, cells, wrong in _of_another_kind(read, pairs, every)
            if cells < FEWEST_CELLS or wrong > cells * MOST / 2
        ]
    doubtful: set[Column] = set()
    for rule, column, cells, wrong in _of_another_kind(read, pairs, 1):
        if cells >= FEWEST_CELLS and wrong > cells * MOST:
            read.findings.add(rule.code, column=column.name, count=wrong)
            doubtful.add(column)
    return doubtful


def _of_another_kind(
    read: ReadResult, pairs: list[tuple[ColumnRule, Column]], every: int
) -> Iterator[tuple[ColumnRule, Column, int, int]]:
    """For each rule and column: how many cells are not blank, and how many of another kind."""
    if not pairs:
        return
    sums = ", ".join(
        f"count(*) FILTER (WHERE {column.quoted} <> ''),"
        f" count(*) FILTER (WHERE {column.quoted} <> ''"
        f" AND ({rule.where[column.kind].format(cell=column.quoted)}))"
        for rule, column in pairs
    )
    row = read.connection.execute(
        f"SELECT {sums} FROM records.{read.spec.table} WHERE hash(line) % {every} = 0"
    ).fetchall()[0]
    for index, (rule, column) in enumerate(pairs):
        yield rule, column, row[2 * index], row[2 * index + 1]


def _run_cell_rules(read: ReadResult, doubtful: set[Column]) -> None:
    """One scan finds the rows that fail any cell rule; details are extracted from those only.

    A `doubtful` column has one root cause, which is said already: only its keys are looked at.
    """
    pairs = [
        (rule, column, where)
        for rule in rules_of(CellRule)
        for column in read.columns
        if rule.applies(column)
        and (column.key or column not in doubtful)
        and not (rule.holds_if_plain and read.is_plain)
        and (where := _broken(rule, column, read))
    ]
    if pairs and _find_hits(read, [where for _, _, where in pairs]):
        _report_hits(read, [(rule, column) for rule, column, _ in pairs])


def _find_hits(read: ReadResult, broken: list[str]) -> bool:
    """Fill `hits`: a broken cell, by its line and the place in `broken` of what it breaks.

    Returns whether there are any.
    """
    table = read.spec.table
    verbatim = f" JOIN raw.{table} AS raw USING (line)" if read.padded else ""
    anything = " OR ".join(f"({where})" for where in broken)
    failing = read.connection.execute(
        "CREATE OR REPLACE TEMP TABLE failing AS"
        f" SELECT cells.* FROM records.{table} AS cells{verbatim} WHERE {anything}"
    ).fetchall()
    if not failing[0][0]:
        return False
    each = ", ".join(f"CASE WHEN {where} THEN {i} END" for i, where in enumerate(broken))
    read.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE hits AS
        SELECT line, record_id, hit
        FROM (
            SELECT line, {_record_id(read.spec)} AS record_id, unnest([{each}]) AS hit
            FROM failing AS cells{verbatim}
        )
        WHERE hit IS NOT NULL;
        DROP TABLE failing;
        """
    )
    return True


def _report_hits(read: ReadResult, pairs: list[tuple[CellRule, Column]]) -> None:
    totals = read.connection.execute(
        "SELECT hit, count(*), min(line) FROM hits GROUP BY hit ORDER BY hit"
    ).fetchall()
    for hit, total, first_line in totals:
        rule, column = pairs[hit]
        if rule.counted:
            read.findings.add(rule.code, line=first_line, column=column.name, count=total)
            continue
        places = read.connection.execute(
            f"SELECT line, {SHOWN_RECORD_ID} FROM hits WHERE hit = $hit ORDER BY line LIMIT $cap",
            {"hit": hit, "cap": STORED_PER_CODE},
        ).fetchall()
        read.findings.add_many(
            rule.code,
            total,
            (
                {"line": line, "record_id": record_id, "column": column.name}
                for line, record_id in places
            ),
        )
        if rule.severity is Severity.QUARANTINE:
            _remove(read, rule, f"SELECT line, record_id FROM hits WHERE hit = {hit}")


def _broken(rule: CellRule, column: Column, read: ReadResult) -> str:
    """SQL for whether a cell of `column` breaks `rule`; '' when that need not be asked."""
    parts = [rule.where, rule.where_padded if column.field in read.padded else ""]
    where = " OR ".join(f"({part})" for part in parts if part)
    return where.format(cell=f"cells.{column.quoted}", raw=f"raw.{column.quoted}", kind=column.kind)


def _run_table_rule(
    read: ReadResult, rule: TableRule, check: TableCheck, thresholds: Thresholds
) -> None:
    made = read.connection.execute(
        "CREATE OR REPLACE TEMP TABLE hits AS"
        " SELECT line, nullif(record_id::VARCHAR, '') AS record_id,"
        " column_name::VARCHAR AS column_name, detail::VARCHAR AS detail"
        f" FROM ({check.select})"
    )
    ((total,),) = made.fetchall()
    if not total:
        return
    places = read.connection.execute(
        f"SELECT line, {SHOWN_RECORD_ID}, column_name, detail FROM hits ORDER BY line LIMIT $cap",
        {"cap": STORED_PER_CODE},
    ).fetchall()
    read.findings.add_many(
        rule.code,
        total,
        (
            {"line": line, "record_id": record_id, "column": column, "detail": detail or ""}
            for line, record_id, column, detail in places
        ),
    )
    if rule.hold:
        _hold_over_share(read, rule.code, rule.hold, getattr(thresholds, rule.hold.over))
    if rule.severity is Severity.QUARANTINE or (rule.drops_rows and not check.keeps_rows):
        _remove(read, rule, "SELECT line, record_id FROM hits")


def _hold_over_share(read: ReadResult, code: str, hold: ShareHold, share: float) -> None:
    """Hold the file when more than `share` of its rows (or of those alike in one column) failed."""
    alike = f'"{hold.by}"' if hold.by else "NULL"
    ((failing,),) = read.connection.execute(
        f"""
        SELECT max(failing)
        FROM (
            SELECT count(*) FILTER (WHERE line IN (SELECT line FROM hits)) AS failing, count(*) AS n
            FROM records.{read.spec.table}
            GROUP BY {alike}
        )
        -- A decimal: of 100 rows, 0.29 as a float is less than 29.
        WHERE failing > greatest(n * $share::DECIMAL(18, 9), $floor)
        """,
        {"share": share, "floor": BAD_ROWS_FLOOR},
    ).fetchall()
    if failing:
        ((detail,),) = read.connection.execute("SELECT mode(detail) FROM hits").fetchall()
        usual = f" Most often: {detail}." if detail not in (None, NOT_IN_FILE) else ""
        message = hold.message.format(count=failing, usual=usual)
        fix = hold.fixes.get(detail, hold.fix)
        read.findings.escalate(code, Severity.HOLD, f"{message} {fix}")


def _remove(read: ReadResult, rule: CellRule | TableRule, select: str) -> None:
    """Take rows out of `records`; the first rule to name a row keeps it."""
    quarantines = rule.severity is Severity.QUARANTINE
    counts = quarantines and (not isinstance(rule, TableRule) or rule.counts_as_bad_row)
    read.connection.execute(
        f"""
        INSERT INTO records.removed
        SELECT $export, line, $code, any_value(record_id), {quarantines}, {counts}
        FROM ({select})
        WHERE line NOT IN (SELECT line FROM records.removed WHERE export = $export)
        GROUP BY line
        """,
        {"export": read.spec.file_name, "code": rule.code},
    )
    _expose(read)


def _settle_removed(checked: CheckedExport, thresholds: Thresholds) -> None:
    """Count what the rules kept out, keep it verbatim, and block a file that lost too much."""
    read = checked.read
    ((checked.quarantined, bad),) = read.connection.execute(
        "SELECT count(*) FILTER (WHERE is_quarantined), count(*) FILTER (WHERE is_bad_row)"
        " FROM records.removed WHERE export = $export",
        {"export": read.spec.file_name},
    ).fetchall()
    if not checked.quarantined or read.text is None:
        return
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
    if not checked.accepted:
        _judge_without_rows(read)


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
