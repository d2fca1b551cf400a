"""Who stays as last published, because tonight's row is invalid or an add-only window is open.

For: the rule that an invalid row is never a deletion (DESIGN section 4), for staff and students.
Belongs here: which people. Does not belong here: enrollments (`sql/kept_enrollments.sql`), and what
is published of those who stay (`sql/students.sql` and others).
"""

from __future__ import annotations

import duckdb

from connect_pipeline.contract import STAFF, STUDENTS, ExportSpec
from connect_pipeline.findings import STORED_PER_CODE, Findings
from connect_pipeline.line_law import CONTROLS

ADD_ONLY = "add_only"
UNNAMED = "unnamed_row_quarantined"

SHARED_ID = "student_id_reused"
"""Tonight two students have the ID: whom an absence under it means, nobody knows."""
SHARED = f"SELECT record_id FROM scratch.records.lines_out WHERE code = '{SHARED_ID}'"

NAMES_END = 3
"""A line with fewer commas than these has no first and last name: ID, School, First, Last."""

# Where each of these files' people are: a person at a school; and what they are called.
PLACES = {STAFF: "staff_sites", STUDENTS: "student_sites"}
NOUNS = {STAFF: "staff members", STUDENTS: "students"}


def keep_people(
    connection: duckdb.DuckDBPyConnection,
    spec: ExportSpec,
    findings: Findings,
    columns: int,
    *,
    add_only: bool = False,
) -> None:
    """Fill `records.kept_<table>`: people of the last snapshot who stay, at all their schools.

    Those whom a quarantined line is about, whole, as the snapshot has them, also when they have a
    valid row: at which school a row is says nothing about whose contacts are right. When a line may
    be about anybody, all who have no row tonight, or none at one of their schools; with `add_only`
    nearly the same, but who was at one school may move. Of those who have a row, it counts
    (`is_whole` is false). Not whose ID another person has tonight. `columns` is how many tonight's
    file has; `findings` are the file's, and say who is kept.
    """
    person, places = spec.columns[0].field, PLACES[spec]
    anybody = False
    if any_row_is_out(connection, spec):
        _describe_quarantined(connection, spec)
        _find_meant(connection, spec)
        anybody = _may_be_anybody(connection, spec, columns)
        connection.execute(
            f"""
            INSERT INTO records.kept_{spec.table}
            SELECT DISTINCT
                id,
                CASE WHEN id IN ({SHARED}) THEN '{SHARED_ID}' ELSE 'row_quarantined' END,
                true
            FROM meant_tonight
            """
        )
    if anybody or add_only:
        several = f"SELECT {person} FROM previous.connect.{places} GROUP BY 1 HAVING count(*) > 1"
        connection.execute(
            f"""
            INSERT INTO records.kept_{spec.table}
            WITH missing AS (
                SELECT {person}, true AS is_whole FROM previous.connect.{spec.table}
                ANTI JOIN records.{spec.table} USING ({person})
                UNION ALL
                SELECT DISTINCT {person}, false FROM previous.connect.{places}
                ANTI JOIN records.{spec.table} USING ({person}, school)
                SEMI JOIN records.{spec.table} USING ({person})
                WHERE $anybody OR {person} IN ({several})
            ),
            other_people AS (
                SELECT {person}
                FROM missing
                JOIN previous.connect.{spec.table} AS before USING ({person})
                JOIN records.{spec.table} AS now USING ({person})
                WHERE another_person(
                    before.first_name, before.last_name, now.first_name, now.last_name
                )
            )
            SELECT
                {person},
                CASE WHEN {person} IN ({SHARED}) THEN '{SHARED_ID}' ELSE $reason END,
                is_whole
            FROM missing
            ANTI JOIN other_people USING ({person})
            ANTI JOIN records.kept_{spec.table} USING ({person})
            """,
            {"anybody": anybody, "reason": UNNAMED if anybody else ADD_ONLY},
        )
    tell_kept(connection, findings, f"records.kept_{spec.table}", person, NOUNS[spec])


def tell_kept(
    connection: duckdb.DuckDBPyConnection, findings: Findings, kept: str, person: str, nouns: str
) -> None:
    """Add who stays because a row is invalid, by ID, and how many because of a window.

    `kept` is a table with the `reason` of each, or a query in parentheses; `person` is its ID.
    """
    ((invalid, deferred),) = connection.execute(
        f"""
        SELECT
            count(DISTINCT {person}) FILTER (reason <> $add_only),
            count(*) FILTER (reason = $add_only)
        FROM {kept}
        """,
        {"add_only": ADD_ONLY},
    ).fetchall()
    if invalid:
        named = connection.execute(
            f"SELECT DISTINCT {person} FROM {kept} WHERE reason <> $add_only ORDER BY 1 LIMIT $n",
            {"add_only": ADD_ONLY, "n": STORED_PER_CODE},
        ).fetchall()
        findings.add_many("kept_previous", invalid, ({"record_id": one} for (one,) in named))
    if deferred:
        findings.add("removal_deferred", count=deferred, entity=nouns)


def any_row_is_out(connection: duckdb.DuckDBPyConnection, spec: ExportSpec) -> bool:
    """Whether any line of tonight's file is quarantined, or forgotten with an erased student."""
    found = connection.execute(
        "SELECT 1 FROM scratch.records.lines_out WHERE export = $export LIMIT 1",
        {"export": spec.file_name},
    ).fetchone()
    return found is not None


def _describe_quarantined(connection: duckdb.DuckDBPyConnection, spec: ExportSpec) -> None:
    """Fill `out_tonight`, one row a quarantined line, and `words_tonight`, one row a word."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE out_tonight AS
        SELECT
            out.line,
            out.code,
            {_visible("out.record_id")} AS record_id,
            {_visible("out.text")} AS text,
            checked.line IS NULL AS is_broken,
            coalesce(looks_damaged(checked.{spec.columns[0].field}), false) AS is_damaged,
            length(out.text) - length(replace(out.text, ',', '')) AS commas,
            out.is_forgotten
        FROM records.lines_out AS out
        LEFT JOIN records.{spec.table}_checked AS checked USING (line)
        WHERE out.export = $export
        """,
        {"export": spec.file_name},
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE words_tonight AS
        SELECT line, commas, record_id, unnest({_words("text")}) AS word
        FROM out_tonight
        WHERE is_broken;
        """
    )


def _words(text: str) -> str:
    """SQL: the list of what may be a cell of a line that breaks the line law.

    A quote in it may end a cell, or stand in one by mistake.
    """
    return (
        f"list_distinct(list_transform(regexp_extract_all({text}, '[^,\"]+')"
        f" || string_split(replace({text}, '\"', ''), ','), lambda one: trim(one)))"
    )


def _visible(text: str) -> str:
    """SQL for a text less the characters that nobody sees: an ID with one in it is that ID."""
    return f"regexp_replace({text}, '[{CONTROLS}\\p{{Cf}}]', '', 'g')"


def _find_meant(connection: duckdb.DuckDBPyConnection, spec: ExportSpec) -> None:
    """Fill `meant_tonight`: people of the last snapshot, by ID, whom a quarantined line is about.

    A whole row is about whoever has its ID, unless both names are others, and without an ID about
    whoever has its school and both names. A line that breaks the line law is about whoever has a
    word of it as ID and others as both names; one name is enough if the ID stands first, or if the
    person has no row tonight, and so little of a line that it holds no names needs none. Of who has
    no row tonight the school and both names are enough: the ID may be what is broken.
    """
    person = spec.columns[0].field
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE meant_tonight AS
        SELECT line, before.{person} AS id
        FROM out_tonight
        JOIN records.{spec.table}_checked AS now USING (line)
        JOIN previous.connect.{spec.table} AS before ON before.{person} = out_tonight.record_id
        WHERE NOT another_person(
            before.first_name, before.last_name, now.first_name, now.last_name
        )
        UNION
        SELECT line, before.{person}
        FROM out_tonight
        JOIN records.{spec.table}_checked AS now USING (line)
        JOIN previous.connect.{PLACES[spec]} AS place ON place.school = now.school
        JOIN previous.connect.{spec.table} AS before
            ON before.{person} = place.{person}
            AND fold_name(before.first_name) = fold_name(now.first_name)
            AND fold_name(before.last_name) = fold_name(now.last_name)
        WHERE coalesce(out_tonight.record_id, '') = '' OR is_damaged
        UNION
        SELECT words.line, before.{person}
        FROM words_tonight AS words
        JOIN previous.connect.{spec.table} AS before ON before.{person} = words.word
        -- One name and then the other: by equality, or a line of IDs would take minutes.
        CROSS JOIN unnest([before.first_name, before.last_name]) AS parts (name)
        LEFT JOIN words_tonight AS names
            ON names.line = words.line AND fold_name(names.word) = fold_name(parts.name)
        GROUP BY words.line, before.{person}
        HAVING CASE count(DISTINCT fold_name(names.word))
            WHEN 2 THEN true
            WHEN 1 THEN bool_or(words.word = words.record_id)
                OR before.{person} NOT IN (SELECT {person} FROM records.{spec.table})
            ELSE any_value(words.commas) < {NAMES_END}
                AND bool_or(words.word = words.record_id)
                AND before.{person} NOT IN (SELECT {person} FROM records.{spec.table})
        END
        UNION
        SELECT first.line, before.{person}
        FROM words_tonight AS first
        JOIN previous.connect.{spec.table} AS before
            ON fold_name(before.first_name) = fold_name(first.word)
        JOIN words_tonight AS last
            ON last.line = first.line
            AND fold_name(last.word) = fold_name(before.last_name)
        JOIN previous.connect.{PLACES[spec]} AS place ON place.{person} = before.{person}
        JOIN words_tonight AS school ON school.line = first.line AND school.word = place.school
        WHERE before.{person} NOT IN (SELECT {person} FROM records.{spec.table});
        """
    )


def _may_be_anybody(connection: duckdb.DuckDBPyConnection, spec: ExportSpec, columns: int) -> bool:
    """Whether a quarantined line may be about anybody of the last snapshot.

    Its ID is blank, damaged or no ID, or its cells have moved, so that its second one is no school,
    or it has the fields of two records (a line end was lost). Below the last record, a few words
    are a footer, and about nobody.
    """
    row = connection.execute(
        f"""
        SELECT 1
        FROM out_tonight
        WHERE NOT (
            is_broken
            AND commas < {NAMES_END}
            AND line > (SELECT max(line) FROM records.{spec.table}_checked)
            AND line NOT IN (SELECT line FROM meant_tonight)
        )
        AND (
            (is_broken AND commas >= 2 * ({columns} - 1))
            -- What was forgotten is the row of a student who was erased.
            OR NOT is_forgotten
            AND (
                coalesce(record_id, '') = ''
                OR code = 'new_line_in_value'
                OR is_damaged
                OR regexp_matches(record_id, '[\\s@,;"]')
                OR is_broken
                AND contains(text, ',')
                AND line NOT IN (SELECT line FROM meant_tonight)
                AND trim(split_part(text, ',', 2), ' "') NOT IN (
                    SELECT school FROM records.{spec.table}
                )
            )
        )
        LIMIT 1
        """
    ).fetchone()
    return row is not None
