"""A file with lines that break the law: these are quarantined, the others parsed from a copy.

Belongs here: which rule an unlawful line breaks, its text in `quality.quarantine`, the copy.
Does not belong here: the law (`law.py`), what DuckDB opens (`text_file.py`).
"""

from __future__ import annotations

from pathlib import Path

from connect_pipeline.contract import Kind
from connect_pipeline.databases import as_pattern, count_rows
from connect_pipeline.disk import path_of_open
from connect_pipeline.findings import STORED_PER_CODE
from connect_pipeline.limits import Limits
from connect_pipeline.line_law import BLANKS, FIELD_COUNT, WHITE
from connect_pipeline.reader.parse import create_raw, parse
from connect_pipeline.reader.result import ConservationError, ReadResult, add_for_lines
from connect_pipeline.reader.text_lines import free_byte, numbered_lines_sql
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import RowRule


def parse_lawful_lines(result: ReadResult, path: Path, lawful: str, limits: Limits) -> None:
    """Quarantine or skip the lines that break the law, and parse the others from a copy."""
    connection, table = result.connection, result.spec.table
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE file_lines AS"
        f" SELECT line, text FROM {numbered_lines_sql(result)} WHERE line > 1",
        {"path": as_pattern(path)},
    )
    # With one column, a line of white space is a row whose only cell is blank.
    white = "" if len(result.columns) == 1 else f" OR regexp_full_match(text, '{WHITE}*')"
    result.blank_lines = add_for_lines(
        result, "blank_line", f"SELECT line FROM file_lines WHERE text IS NULL{white}"
    )
    connection.execute(f"DELETE FROM file_lines WHERE text IS NULL{white}")
    _quarantine_unlawful(result, lawful, limits)
    connection.execute(
        f"CREATE OR REPLACE TABLE raw.{table}_lines AS"
        f" SELECT line FROM file_lines WHERE {lawful} ORDER BY line"
    )
    with result.copies.may_fill_the_disk():
        copy = result.copies.begin()
        connection.execute(
            f"COPY (SELECT text FROM file_lines WHERE {lawful} ORDER BY line)"
            # With a first line to skip: DuckDB would take a U+FEFF there for a byte order mark.
            f" TO '{path_of_open(copy)}' (FORMAT csv, HEADER true,"
            f" DELIMITER chr({free_byte(result)}), QUOTE '', ESCAPE '', USE_TMP_FILE false)"
        )
    with copy:
        source = parse(result, path_of_open(copy))
    connection.execute("DROP TABLE file_lines")
    parsed = count_rows(connection, source)  # the join below pads what is short
    create_raw(result, "*", f"raw.{table}_lines POSITIONAL JOIN {source}")
    if parsed != count_rows(connection, f"raw.{table}_lines"):
        raise ConservationError


def _quarantine_unlawful(result: ReadResult, lawful: str, limits: Limits) -> None:
    """Name each unlawful line by the first rule that applies, and keep it verbatim."""
    connection, spec = result.connection, result.spec
    unended = 0 if result.facts.ends_with_newline else result.lines
    cases = " ".join(
        f"WHEN {rule.where} THEN '{rule.code}'"
        for rule in sorted(rules_of(RowRule), key=lambda rule: rule.order)
    )
    names_person = spec.columns[0].key and spec.columns[0].kind is Kind.ID
    record_id = (
        f"trim(text[1:instr(text || ',', ',') - 1], '\"{BLANKS}')" if names_person else "NULL"
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE unlawful AS
        -- Blank lines are gone by now: a value with an empty line in it is one run.
        WITH placed AS (
            SELECT line, text, row_number() OVER () AS place FROM file_lines
        ),
        bad AS (
            SELECT
                line,
                text,
                -- Of a line that is too long only the beginning is there.
                CASE
                    WHEN strlen(text) <= {limits.line_bytes}
                        THEN length(text) - length(replace(text, '"', ''))
                    ELSE 0
                END AS quotes,
                place - row_number() OVER (ORDER BY line) AS run
            FROM placed
            WHERE NOT {lawful}
        ),
        described AS (
            SELECT
                line,
                text,
                {FIELD_COUNT} AS fields,
                {len(result.columns)} AS expected,
                {limits.line_bytes} AS line_bytes,
                line = {unended} AS is_unended,
                -- An odd number of quotes on the bad lines just above leaves a value open.
                coalesce(
                    sum(quotes) OVER (
                        PARTITION BY run ORDER BY line
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ) % 2 = 1,
                    false
                ) AS inside_value
            FROM bad
        )
        SELECT line, text, fields, CASE {cases} END AS code FROM described
        """
    )
    connection.execute(
        "INSERT INTO quality.quarantine"
        f" SELECT $export, line, code, {record_id}, text FROM unlawful ORDER BY line",
        {"export": spec.file_name},
    )
    for code, count in connection.execute(
        "SELECT code, count(*) FROM unlawful GROUP BY code ORDER BY min(line)"
    ).fetchall():
        lines = connection.execute(
            "SELECT line, fields FROM unlawful WHERE code = $code ORDER BY line LIMIT $cap",
            {"code": code, "cap": STORED_PER_CODE},
        ).fetchall()
        expected, limit = len(result.columns), limits.line_bytes
        result.findings.add_many(
            code,
            count,
            (
                {"line": line, "found": fields, "expected": expected, "limit": limit}
                for line, fields in lines
            ),
        )
        result.quarantined_rows += count
