"""The reader: bytes to lawful lines to a text table, with no row lost and none altered.

For: `read_export`, which reads one file by the line law (DESIGN section 3) and never raises on
data. CSV readers are lenient, and leniency moves one child's phone number into another's row:
here DuckDB's reader sees only lines that have exactly one reading.
Belongs here: the law, the parse, conservation. Does not belong here: bytes
(`landing/bytes_pass.py`), what DuckDB opens (`text_file.py`), the header (`header.py`), what cells
and rows mean (`checks.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from connect_pipeline.contract import Column, ExportSpec, Kind
from connect_pipeline.databases import (
    DATABASE_REFUSALS,
    as_pattern,
    count_rows,
    give_threads,
    open_scratch,
)
from connect_pipeline.disk import disk_fault, disk_reason, path_of_open
from connect_pipeline.errors import DiskFault
from connect_pipeline.findings import STORED_PER_CODE, Findings
from connect_pipeline.header import match_header
from connect_pipeline.landing.bytes_pass import (
    FileFacts,
    count_blank_lines,
    scan_file,
)
from connect_pipeline.limits import Limits, Thresholds, most_within
from connect_pipeline.line_law import (
    BLANKS,
    FIELD_COUNT,
    LAWFUL_FIELD,
    PADDED_CELL,
    TRIM_FIELD,
    WHITE,
)
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import FileRule, RowRule
from connect_pipeline.text_file import Copies, TextFile, text_for_duckdb

if TYPE_CHECKING:
    import pandas

BAD_ROWS_FLOOR = 5
FEW_COLUMNS = 3
BY_CONTENT_ONLY = "hive_partitioning = false, compression = 'none'"
"""DuckDB would take columns from a folder such as `school=101`, and unpack by a file's name."""


class ConservationError(Exception):
    """The counts of one file do not add up: our bug, told as `row_conservation`."""


@dataclass
class ReadResult:
    """One file as read: what was accepted, what was not, and why.

    Always lines = header + blank + accepted + quarantined when the header was accepted. `padded`
    names the fields in which trimming changes a cell; a file `is_plain` when it holds nothing
    beyond ASCII and no question mark, so that its letters cannot be damaged.
    """

    spec: ExportSpec
    facts: FileFacts
    findings: Findings
    connection: duckdb.DuckDBPyConnection
    copies: Copies
    columns: tuple[Column, ...] = ()
    blank_lines: int = 0
    blank_rows: int = 0
    accepted_rows: int = 0
    quarantined_rows: int = 0
    refused: bool = False
    padded: frozenset[str] = frozenset()
    is_plain: bool = False
    text: TextFile | None = None

    @property
    def lines(self) -> int:
        """Physical lines, header and blank ones included."""
        return self.facts.line_count

    @property
    def rows(self) -> int:
        """Rows with something in them, lawful or not."""
        return self.accepted_rows + self.quarantined_rows

    @property
    def verdict(self) -> str:
        """`blocked`, `accepted_with_findings` or `accepted` (nothing above info)."""
        return self.findings.verdict

    def accepted(self) -> pandas.DataFrame:
        """The accepted rows: `line` and the file's columns by their header text, all text."""
        return frame_of_rows(self)


def frame_of_rows(result: ReadResult, where: str = "true") -> pandas.DataFrame:
    """The rows of `raw.<table>`, or some, verbatim, as a DataFrame of text."""
    import pandas  # a slow import that `validate` on the command line never needs

    if not result.columns:
        return pandas.DataFrame({"line": pandas.Series(dtype="int64")})
    fields = ", ".join(column.quoted for column in result.columns)
    frame = result.connection.execute(
        f"SELECT line, {fields} FROM raw.{result.spec.table} WHERE {where} ORDER BY line"
    ).df()
    frame.columns = pandas.Index(["line", *(column.name for column in result.columns)])
    return frame


def judge_bad_rows(result: ReadResult, bad: int, share: float) -> None:
    """Refuse a file of whose rows more than max(5, `share`) are `bad`."""
    limit = max(BAD_ROWS_FLOOR, most_within(result.rows, share))
    if bad > limit:
        result.findings.add("too_many_bad_rows", found=bad, limit=limit)


def read_export(
    source: str | Path,
    spec: ExportSpec,
    *,
    limits: Limits | None = None,
    bad_rows: float = Thresholds.bad_rows,
    connection: duckdb.DuckDBPyConnection | None = None,
    facts: FileFacts | None = None,
    copies: Path | None = None,
) -> ReadResult:
    """Read one file into `raw.<table>` of `connection` (a database in memory by default).

    Lines that break the law go to `quality.quarantine` with their text. Where DuckDB cannot be
    given the file itself, copies without a name are made in the folder `copies`, by default the
    system's for temporary files. Never raises on data; raises `EnvironmentFault` when the file
    cannot be read or the disk is full.
    """
    limits = limits or Limits()
    connection = connection or open_scratch()
    path = Path(source)
    try:
        facts = facts or scan_file(path, line_bytes=limits.line_bytes)
        if facts.line_count > limits.rows:
            facts = replace(facts, blank_lines=count_blank_lines(path, facts))
        kept = Copies(spec.file_name, copies)
        result = ReadResult(spec, facts, Findings(spec.file_name), connection, kept)
        give_threads(connection, facts.byte_count, limits)
        if _file_is_refused(result, limits):
            return result
        result.text = text_for_duckdb(path, facts, limits.line_bytes, result.copies)
        _read_text(result, result.text.path, limits, bad_rows)
    except OSError as error:
        raise disk_fault(error, f"read {spec.file_name}") from None
    except duckdb.Error as error:
        reason = disk_reason(error) or type(error).__name__
        raise DiskFault(
            f"The database could not work on {spec.file_name} ({reason}):"
            " free disk space or memory, then retry."
        ) from None
    return result


def _file_is_refused(result: ReadResult, limits: Limits) -> bool:
    """Apply the rules about bytes; True when one of them keeps the file from being read."""
    for rule in rules_of(FileRule):
        broken = rule.broken(result.facts, limits)
        if broken is not None:
            result.findings.add(rule.code, **broken)  # type: ignore[arg-type]
    result.refused = result.findings.stops_file
    return result.refused


def numbered_lines_sql(result: ReadResult) -> str:
    """SQL for the file's physical lines with their numbers: `line` and `text`.

    `$path` is to be bound to `as_pattern(result.text.path)`.
    """
    return f"(SELECT row_number() OVER () AS line, text FROM {_lines_sql(result)})"


def _lines_sql(result: ReadResult) -> str:
    """SQL for the file's physical lines: one column `text`, NULL for an empty line.

    The delimiter is a byte that the file does not have, so every line is one value.
    """
    return (
        "read_csv($path, columns = {'text': 'VARCHAR'}, auto_detect = false, header = false,"
        f" delim = chr({_free(result)}), quote = '', escape = '', comment = '', new_line = '\\n',"
        " strict_mode = true, null_padding = false,"
        f" {BY_CONTENT_ONLY})"
    )


def _read_text(result: ReadResult, path: Path, limits: Limits, bad_rows: float) -> None:
    """Header, law, parse, conservation."""
    spec, findings, facts = result.spec, result.findings, result.facts
    with path.open("rb") as file:
        header = file.readline(limits.line_bytes + 8).removesuffix(b"\n").decode(errors="replace")
    columns = match_header(header, spec, findings)
    if columns is None:
        result.refused = True
        return
    result.columns = columns
    try:
        _apply_law(result, path, limits)
    except (duckdb.Error, ConservationError) as error:
        if isinstance(error, DATABASE_REFUSALS) or disk_reason(error):
            raise
        # A lawful line that DuckDB cannot parse is our bug. Its message may quote the line.
        findings.add("row_conservation", found=type(error).__name__, expected="a parsed file")
        result.refused = True
        return
    counted = 1 + result.blank_lines + result.blank_rows + result.rows
    if counted != facts.line_count:
        findings.add("row_conservation", found=counted, expected=facts.line_count)
    if not result.accepted_rows and (result.rows or not spec.header_only_is_legal):
        findings.add("no_data_rows")
    judge_bad_rows(result, result.quarantined_rows, bad_rows)
    result.refused = findings.stops_file


def _apply_law(result: ReadResult, path: Path, limits: Limits) -> None:
    """Check every line; parse the file as it is when all are lawful, else the lawful ones."""
    connection = result.connection
    lawful = _is_line_of(LAWFUL_FIELD, len(result.columns), limits)
    is_trim = _is_line_of(TRIM_FIELD, len(result.columns), limits)
    values = {"path": as_pattern(path)}
    header = _as_joined(result)
    is_header = f"regexp_full_match(text, '{header}')"
    blank, repeated, unusual, not_trim = connection.execute(
        f"""
        SELECT
            count(*) FILTER (WHERE text IS NULL),
            count(*) FILTER (WHERE {is_header}),
            count(*) FILTER (WHERE contains(text, '?') OR strlen(text) <> length(text)),
            count(*) FILTER (WHERE NOT {is_trim})
        FROM {_lines_sql(result)}
        """,
        values,
    ).fetchall()[0]
    result.is_plain = not unusual
    unlawful = 0
    if not_trim:
        unlawful = connection.execute(
            f"SELECT count(*) FILTER (WHERE NOT {lawful}) FROM {_lines_sql(result)}", values
        ).fetchall()[0][0]
    if repeated > 1:
        _add_repeated_headers(result, path, is_header)
    if unlawful:  # without a line end between them, the second header ends a line of the first
        ends = f"NOT {lawful} AND NOT {is_header} AND regexp_matches(text, '{header}$')"
        _add_repeated_headers(result, path, ends)
    if blank or unlawful:
        _parse_lawful_lines(result, path, lawful, limits)
    else:
        _create_raw(result, "rowid + 2 AS line, *", _parsed(result, path))
    if not_trim > unlawful:
        result.padded = _padded_columns(result)
    _remove_blank_rows(result)
    _judge_last_line(result)


def _is_line_of(field: str, width: int, limits: Limits) -> str:
    """SQL for whether `text` is `width` such fields from end to end, and not too long."""
    line = field if width == 1 else f"{field}(?:,{field}){{{width - 1}}}"
    return f"(regexp_full_match(text, '{line}') AND strlen(text) <= {limits.line_bytes})"


def _parsed(result: ReadResult, path: Path) -> str:
    """Parse the lawful lines below the first into `raw.<table>_text`; return that table's name.

    The parser is told everything and sniffs nothing.
    """
    table = f"raw.{result.spec.table}_text"
    columns = ", ".join(f"'{column.field}': 'VARCHAR'" for column in result.columns)
    not_null = ", ".join(f"'{column.field}'" for column in result.columns)
    result.connection.execute(
        f"""
        CREATE OR REPLACE TABLE {table} AS
        SELECT * FROM read_csv(
            $path, columns = {{{columns}}}, force_not_null = [{not_null}], auto_detect = false,
            header = false, skip = 1, delim = ',', quote = '"', escape = '"', comment = '',
            new_line = '\\n', strict_mode = true, null_padding = false,
            {BY_CONTENT_ONLY}
        )
        """,
        {"path": as_pattern(path)},
    )
    return table


def _create_raw(result: ReadResult, select: str, source: str) -> None:
    """`raw.<table>`: `line` and the file's columns, verbatim. Counts the accepted rows."""
    table = result.spec.table
    result.connection.execute(
        f"CREATE OR REPLACE VIEW raw.{table} AS SELECT {select} FROM {source}"
    )
    result.accepted_rows = count_rows(result.connection, f"raw.{table}")


def _parse_lawful_lines(result: ReadResult, path: Path, lawful: str, limits: Limits) -> None:
    """Quarantine or skip the lines that break the law, and parse the others from a copy."""
    connection, table = result.connection, result.spec.table
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE file_lines AS"
        f" SELECT line, text FROM {numbered_lines_sql(result)} WHERE line > 1",
        {"path": as_pattern(path)},
    )
    # With one column, a line of white space is a row whose only cell is blank.
    white = "" if len(result.columns) == 1 else f" OR regexp_full_match(text, '{WHITE}*')"
    result.blank_lines = _stored(
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
            f" TO '{path_of_open(copy)}' (FORMAT csv, HEADER true, DELIMITER chr({_free(result)}),"
            " QUOTE '', ESCAPE '', USE_TMP_FILE false)"
        )
    with copy:
        source = _parsed(result, path_of_open(copy))
    connection.execute("DROP TABLE file_lines")
    parsed = count_rows(connection, source)  # the join below pads what is short
    _create_raw(result, "*", f"raw.{table}_lines POSITIONAL JOIN {source}")
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


def _remove_blank_rows(result: ReadResult) -> None:
    """Rows whose cells are all blank say nothing: skipped with a warning, counted as blank."""
    table = result.spec.table
    is_blank = " AND ".join(
        f"regexp_full_match({column.quoted}, '{WHITE}*')"
        if column.field in result.padded
        else f"{column.quoted} = ''"
        for column in result.columns
    )
    result.blank_rows = _stored(
        result, "blank_row", f"SELECT line FROM raw.{table} WHERE {is_blank}"
    )
    if not result.blank_rows:
        return
    connection = result.connection
    connection.execute(
        f"CREATE OR REPLACE TABLE raw.{table}_rows AS"
        f" SELECT * FROM raw.{table} WHERE NOT ({is_blank})"
    )
    _create_raw(result, "*", f"raw.{table}_rows")


def _padded_columns(result: ReadResult) -> frozenset[str]:
    """The columns in which trimming would change a cell."""
    checks = ", ".join(
        f"coalesce(bool_or(regexp_matches({column.quoted}, '{PADDED_CELL}')), false)"
        for column in result.columns
    )
    (padded,) = result.connection.execute(
        f"SELECT {checks} FROM raw.{result.spec.table}"
    ).fetchall()
    return frozenset(
        column.field for column, is_padded in zip(result.columns, padded, strict=True) if is_padded
    )


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


def _as_joined(result: ReadResult) -> str:
    """A pattern for the header of a second file in a joined one, in other capitals, too.

    It may have quotes, blanks and a byte order mark that the first one has not, and other columns
    in another order; but a row of one or two cells may be a name by chance. What the first file
    broke off with may stand before it.
    """

    def cell(*columns: Column) -> str:
        names = (re.escape(one.name.replace('"', '""')).replace("'", "''") for one in columns)
        around = f'{WHITE}*"?{WHITE}*'
        return f"{around}(?:{'|'.join(names)}){around}"

    if len(result.columns) < FEW_COLUMNS:
        return "(?i)" + ",".join(map(cell, result.columns))
    any_name = cell(*result.spec.columns)
    return f"(?i)[^,]*{any_name}(?:,{any_name}){{{FEW_COLUMNS - 1},}}"


def _add_repeated_headers(result: ReadResult, path: Path, where: str) -> None:
    """A finding for each line below the first whose `text` is so."""
    lines = result.connection.execute(
        f"SELECT line FROM {numbered_lines_sql(result)} WHERE line > 1 AND {where}",
        {"path": as_pattern(path)},
    ).fetchall()
    if lines:
        places = ({"line": line} for (line,) in lines[:STORED_PER_CODE])
        result.findings.add_many("repeated_header", len(lines), places)


def _stored(result: ReadResult, code: str, select: str) -> int:
    """Add a finding of `code` for each line that `select` gives; return how many there are."""
    connection = result.connection
    total = count_rows(connection, f"({select})")
    if total:
        lines = connection.execute(f"{select} ORDER BY line LIMIT {STORED_PER_CODE}").fetchall()
        result.findings.add_many(code, total, ({"line": line} for (line,) in lines))
    return total


def _free(result: ReadResult) -> int:
    """A byte that the file does not have. `nul_byte` refuses files that have them all."""
    if result.facts.free_byte is None:
        raise ConservationError
    return result.facts.free_byte
