"""SQL that several table rules share.

For: what rules about keys and references say in the same way. Belongs here: fragments made of the
contract's identifiers. Does not belong here: a rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from connect_pipeline.cells.normalise import expression
from connect_pipeline.contract import ExportSpec, Kind


def record_id(spec: ExportSpec) -> str:
    """SQL for the ID of the person that a row is about; NULL where there is none."""
    return spec.record_field or "NULL"


def identity(spec: ExportSpec) -> list[str]:
    """SQL for what identifies a row (the contract's identity); dates as dates, however written."""
    return [
        expression(Kind.DATE, column.field) if column.kind is Kind.DATE else column.field
        for column in spec.identity_columns
    ]


def near_columns(spec: ExportSpec) -> list[str]:
    """The short columns by which rows that name the same people and period find each other."""
    keys = [column for column in spec.columns if column.key]
    narrow = [column for column in keys if column.kind in (Kind.ID, Kind.PERIOD)]
    return [column.field for column in narrow or keys]


def alike(spec: ExportSpec) -> str:
    """SQL for what several rows have in their near columns: `records.<table>_alike`.

    Such rows are few, and only they need to be compared in full. Rows that a rule keeps out are
    among them: they are evidence about the others.
    """
    near = ", ".join(near_columns(spec))
    return f"SELECT {near} FROM records.{spec.table}_checked GROUP BY {near} HAVING count(*) > 1"


def without_class(spec: ExportSpec) -> str:
    """SQL for the people of `spec` who are in no class: one row a school, counted in `detail`."""
    return f"""
        WITH idle AS (
            SELECT line, school
            FROM records.{spec.table}
            ANTI JOIN records.staff_to_student USING ({spec.record_field})
        )
        SELECT
            NULL::BIGINT AS line,
            NULL AS record_id,
            NULL AS column_name,
            format('{{:,}}', count(*)) || ' of one school, first at line ' || min(line)
                || ' of {spec.file_name}' AS detail
        FROM idle
        GROUP BY school
        ORDER BY min(line)
    """


def later_rows(spec: ExportSpec, key: Sequence[str], column_name: str = "") -> str:
    """SQL for the rows whose `key` (SQL expressions) an earlier line has already."""
    near = ", ".join(near_columns(spec))
    column = f"'{column_name}'" if column_name else "NULL"
    return f"""
        WITH counted AS (
            SELECT
                line,
                {record_id(spec)} AS record_id,
                row_number() OVER (PARTITION BY {", ".join(key)} ORDER BY line) AS occurrence
            FROM records.{spec.table}
            SEMI JOIN records.{spec.table}_alike USING ({near})
        )
        SELECT line, record_id, {column} AS column_name, NULL AS detail
        FROM counted
        WHERE occurrence > 1
    """
