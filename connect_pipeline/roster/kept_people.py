"""Who stays as last published, because tonight's row is invalid or an add-only window is open.

For: the rule that an invalid row is never a deletion (DESIGN section 4), for staff and students.
Belongs here: which people, and which of their schools. Does not belong here: enrollments
(`sql/enrollments.sql`), and what is published of those who stay (`sql/students.sql` and others).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from connect_pipeline.contract import STAFF, STUDENTS, ExportSpec

ADD_ONLY = "add_only"

# Where each of these files' people are: a person at a school.
PLACES = {STAFF: "staff_sites", STUDENTS: "student_sites"}


@dataclass(frozen=True)
class Kept:
    """Who stays as last published: by ID for an invalid row, by number in an add-only window."""

    invalid: list[str]
    deferred: int


def keep_people(
    connection: duckdb.DuckDBPyConnection,
    spec: ExportSpec,
    columns: int,
    *,
    add_only: bool = False,
) -> Kept:
    """Fill `records.kept_<table>`: people of the last snapshot who stay as it has them.

    Those of a quarantined row, also when they have a valid one: at which school a row is says
    nothing about whose contacts are right. Of those who have no row, also whoever may be meant by a
    quarantined line that names nobody, and with `add_only` everybody.
    And `records.kept_<table of places>`: schools of people with a valid row whose other row may be
    such a line. `columns` is how many tonight's file has.
    """
    _describe_quarantined(connection, spec, columns)
    person, places = spec.columns[0].field, PLACES[spec]
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE records.kept_{spec.table} AS
        SELECT
            {person},
            CASE
                WHEN {person} IN (FROM named_tonight) THEN 'row_quarantined'
                WHEN (FROM nobody_is_named) THEN 'unnamed_row_quarantined'
                WHEN $add_only THEN '{ADD_ONLY}'
            END AS reason
        FROM previous.connect.{spec.table}
        ANTI JOIN records.{spec.table} USING ({person})
        WHERE reason IS NOT NULL
        UNION ALL
        SELECT {person}, 'row_quarantined'
        FROM (SELECT DISTINCT record_id AS {person} FROM out_tonight)
        JOIN previous.connect.{spec.table} AS before USING ({person})
        JOIN records.{spec.table} AS now USING ({person})
        GROUP BY {person}
        HAVING NOT bool_or(
            another_person(before.first_name, before.last_name, now.first_name, now.last_name)
        )
        """,
        {"add_only": add_only},
    )
    connection.execute(
        f"""
        -- Written down first, so that the joins start from a few people and mostly from none.
        CREATE OR REPLACE TEMP TABLE doubtful_places AS
        FROM previous.connect.{places} SELECT {person}, school WHERE (FROM nobody_is_named);
        CREATE OR REPLACE TABLE records.kept_{places} AS
        SELECT {person}, doubtful_places.school, 'unnamed_row_quarantined' AS reason
        FROM doubtful_places
        JOIN previous.connect.{spec.table} AS before USING ({person})
        JOIN records.{spec.table} AS now USING ({person})
        ANTI JOIN records.kept_{spec.table} USING ({person})
        GROUP BY {person}, doubtful_places.school
        HAVING NOT bool_or(doubtful_places.school = now.school)
        AND NOT bool_or(
            another_person(before.first_name, before.last_name, now.first_name, now.last_name)
        )
        """
    )
    rows = connection.execute(
        f"SELECT {person}, reason FROM records.kept_{spec.table}"
        f" UNION SELECT {person}, reason FROM records.kept_{places} ORDER BY 1"
    ).fetchall()
    invalid = [row[0] for row in rows if row[1] != ADD_ONLY]
    return Kept(invalid, len(rows) - len(invalid))


def _describe_quarantined(
    connection: duckdb.DuckDBPyConnection, spec: ExportSpec, columns: int
) -> None:
    """What tonight's quarantined lines say of whom they are about.

    `named_tonight`: who may be meant, by ID. `nobody_is_named`: whether a line may be about
    anybody: its ID is blank, damaged or no ID, or it breaks the line law and its cells have moved,
    so that its second one is no school, or it has the fields of two records (a line end was lost).
    """
    person = spec.columns[0].field
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE out_tonight AS
        SELECT
            line,
            code,
            record_id,
            text,
            line NOT IN (SELECT line FROM records.{spec.table}_checked) AS is_broken
        FROM quality.quarantine
        WHERE export = $export
        """,
        {"export": spec.file_name},
    )
    connection.execute(
        f"""
        -- The cells of a line that breaks the law may have moved: the ID is any of its words.
        CREATE OR REPLACE TEMP TABLE words_tonight AS
        SELECT line, trim(unnest(regexp_extract_all(text, '[^,"]+'))) AS word
        FROM out_tonight
        WHERE is_broken;
        CREATE OR REPLACE TEMP VIEW named_tonight AS
        SELECT record_id FROM out_tonight WHERE record_id IS NOT NULL
        UNION
        SELECT word FROM words_tonight;
        CREATE OR REPLACE TEMP TABLE nobody_is_named AS
        WITH known AS (
            SELECT line
            FROM words_tonight
            WHERE word IN (SELECT {person} FROM previous.connect.{spec.table})
        ),
        moved AS (
            SELECT line
            FROM out_tonight
            WHERE is_broken
            AND line NOT IN (FROM known)
            AND contains(text, ',')
            AND trim(split_part(text, ',', 2), ' "')
                NOT IN (SELECT school FROM records.{spec.table})
        )
        SELECT count(*) > 0
        FROM out_tonight
        WHERE record_id IS NULL
        OR code IN ('new_line_in_value', 'missing_key_value', 'id_looks_damaged')
        OR NOT regexp_full_match(record_id, '[A-Za-z0-9._-]+')
        OR line IN (FROM moved)
        OR (is_broken AND length(text) - length(replace(text, ',', '')) >= 2 * ({columns} - 1))
        """
    )
