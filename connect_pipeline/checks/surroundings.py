"""What the rules read beside the records: a district's sites and codes, who is kept or erased.

Belongs here: these tables, empty where there is no district. Does not belong here: who is kept
(`roster/kept_people.py`) or erased (`erased/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.cells import normalise
from connect_pipeline.databases import insert_rows
from connect_pipeline.rules.cell import id_looks_damaged

if TYPE_CHECKING:
    from connect_pipeline.settings import Attendance, District


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
