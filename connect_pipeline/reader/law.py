"""The line law over a whole file: every line is looked at before anything is parsed.

Belongs here: what is asked of the lines, in one scan where all are lawful, and of the last one.
Does not belong here: the patterns (`line_law.py`), what becomes of unlawful lines (`unlawful.py`).
"""

from __future__ import annotations

from pathlib import Path

from connect_pipeline.databases import as_pattern
from connect_pipeline.limits import Limits
from connect_pipeline.line_law import FIELD_COUNT, LAWFUL_FIELD, TRIM_FIELD
from connect_pipeline.reader.parse import create_raw, padded_columns, parse, remove_blank_rows
from connect_pipeline.reader.repeated_header import add_repeated_headers, joined_header
from connect_pipeline.reader.result import ReadResult
from connect_pipeline.reader.text_lines import lines_sql
from connect_pipeline.reader.unlawful import parse_lawful_lines


def apply_law(result: ReadResult, path: Path, limits: Limits) -> None:
    """Check every line; parse the file as it is when all are lawful, else the lawful ones."""
    connection = result.connection
    lawful = _is_line_of(LAWFUL_FIELD, len(result.columns), limits)
    is_trim = _is_line_of(TRIM_FIELD, len(result.columns), limits)
    values = {"path": as_pattern(path)}
    header = joined_header(result)
    is_header = f"regexp_full_match(text, '{header}')"
    blank, repeated, unusual, not_trim = connection.execute(
        f"""
        SELECT
            count(*) FILTER (WHERE text IS NULL),
            count(*) FILTER (WHERE {is_header}),
            count(*) FILTER (WHERE contains(text, '?') OR strlen(text) <> length(text)),
            count(*) FILTER (WHERE NOT {is_trim})
        FROM {lines_sql(result)}
        """,
        values,
    ).fetchall()[0]
    result.is_plain = not unusual
    unlawful = 0
    if not_trim:
        unlawful = connection.execute(
            f"SELECT count(*) FILTER (WHERE NOT {lawful}) FROM {lines_sql(result)}", values
        ).fetchall()[0][0]
    if repeated > 1:
        add_repeated_headers(result, path, is_header)
    if unlawful:  # without a line end between them, the second header ends a line of the first
        ends = f"NOT {lawful} AND NOT {is_header} AND regexp_matches(text, '{header}$')"
        add_repeated_headers(result, path, ends)
    if blank or unlawful:
        parse_lawful_lines(result, path, lawful, limits)
    else:
        create_raw(result, "rowid + 2 AS line, *", parse(result, path))
    if not_trim > unlawful:
        result.padded = padded_columns(result)
    remove_blank_rows(result)
    _judge_last_line(result)


def _is_line_of(field: str, width: int, limits: Limits) -> str:
    """SQL for whether `text` is `width` such fields from end to end, and not too long."""
    line = field if width == 1 else f"{field}(?:,{field}){{{width - 1}}}"
    return f"(regexp_full_match(text, '{line}') AND strlen(text) <= {limits.line_bytes})"


def _judge_last_line(result: ReadResult) -> None:
    """A last line without a line end was cut if it is short or ends within a character.

    Otherwise it may have been.
    """
    if result.facts.ends_within_character:
        result.findings.add("truncated_file", line=result.lines)
        return
    if result.facts.ends_with_newline or not result.lines:
        return
    row = result.connection.execute(
        f"SELECT code, code = 'unclosed_quote' OR {FIELD_COUNT} < $expected FROM quality.quarantine"
        " WHERE export = $export AND line = $line AND code <> 'line_too_long'",
        {
            "export": result.spec.file_name,
            "line": result.lines,
            "expected": len(result.columns),
        },
    ).fetchone()
    code, is_short = row or (None, False)
    if code == "end_mark":  # which says why there is no line end
        return
    result.findings.add("truncated_file" if is_short else "no_final_line_end", line=result.lines)
