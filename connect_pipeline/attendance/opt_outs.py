"""Opt-outs: destinations that a district's families do not want to be reached at.

For: `<home>/opt_outs/<district>.csv` (channel, destination), read into `attendance.opt_outs` in
the form in which destinations are compared. Belongs here: that file. Does not belong here: what
an opt-out does (`sql/entries.sql`).

A line that cannot be read stops the batch, and so does a file that lies where nobody would read
it: a message to someone who said no is a wrong message.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from connect_pipeline.cells.normalise import expression, is_foreign_phone, register
from connect_pipeline.contract import Kind
from connect_pipeline.databases import count_rows, insert_rows
from connect_pipeline.errors import SettingsError
from connect_pipeline.home import OPT_OUTS, Home

HEADER = ["channel", "destination"]
CHANNELS = ("sms", "voice", "email")


def opt_out_file(home: Home, district: str) -> Path:
    """Where a district's opt-outs are."""
    return home.root / OPT_OUTS / f"{district}.csv"


def opt_out_files(home: Home) -> list[Path]:
    """Every file that is, or may be meant as, the opt-outs of a district; links to nothing, too."""
    folder = home.root / OPT_OUTS
    beside = folder.with_suffix(".csv")
    found = [beside, folder, *sorted(folder.glob("*")), *sorted(folder.glob("*/*"))]
    return [path for path in found if path.is_file() or _leads_nowhere(path)]


def is_shared(home: Home, district: str) -> bool:
    """Whether the district's opt-outs are another district's, too: one is a link to the other."""
    place = opt_out_file(home, district)
    return any(path != place and path.resolve() == place.resolve() for path in opt_out_files(home))


def _leads_nowhere(path: Path) -> bool:
    """Whether the path is a link to what is not there, such as a share that is not mounted."""
    return path.is_symlink() and not path.exists()


def files_beside(home: Home, district: str) -> Iterator[tuple[Path, bool]]:
    """Files that are not read, and may be meant as the district's; whether they look like copies.

    They have its name and another ending, or are in a folder of its name. A copy has a name that
    only begins so: `.csv.txt`, ` (1).csv`.
    """
    names = (district.casefold(), OPT_OUTS)
    begins = re.compile(rf"{re.escape(district)}[^a-z0-9_-].*", re.IGNORECASE)
    for path in opt_out_files(home):
        parts = path.relative_to(home.root).parts
        name = parts[1] if len(parts) > 1 else parts[0]
        has_its_name = Path(name).stem.casefold() in names
        if path != opt_out_file(home, district) and (has_its_name or begins.fullmatch(name)):
            yield path, not has_its_name


def _refuse_misplaced(home: Home, district: str) -> None:
    """Raise `SettingsError` for a file that must be the district's opt-outs and is not read.

    Beside the file in its place, one that looks like a copy is one.
    """
    place = opt_out_file(home, district)
    if any(_leads_nowhere(path) for path in (place, place.parent)):
        raise SettingsError(f"{place} leads nowhere. Nobody is listed until the link is mended.")
    for path, is_a_copy in files_beside(home, district):
        if not (is_a_copy and place.exists()):
            raise SettingsError(
                f"{path} is not read: the opt-outs of {district} are {place}. Nobody is listed"
                " until they are there."
            )


def load_opt_outs(connection: duckdb.DuckDBPyConnection, home: Home, district: str) -> int:
    """Fill `attendance.opt_outs`; without a file nobody opted out. Returns how many.

    Raises `SettingsError` with file and line for anything that is not a channel and a
    destination, and for a file that lies where it would not be read.
    """
    _refuse_misplaced(home, district)
    path = opt_out_file(home, district)
    rows = _read(path)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE opt_out_rows"
        " (line BIGINT, channel VARCHAR, destination VARCHAR)"
    )
    insert_rows(connection, "opt_out_rows", rows)
    if count_rows(connection, f"opt_out_rows WHERE {is_foreign_phone('destination')}"):
        register(connection)
    phone, email = expression(Kind.PHONE, "destination"), expression(Kind.EMAIL, "destination")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE stated_opt_outs AS
        SELECT
            line,
            channel,
            CASE channel WHEN 'email' THEN lower({email}) ELSE {phone} END AS destination
        FROM opt_out_rows
        """
    )
    unread = connection.execute(
        "SELECT line, channel FROM stated_opt_outs WHERE destination IS NULL ORDER BY line LIMIT 1"
    ).fetchone()
    if unread:
        kind = "an e-mail address" if unread[1] == "email" else "a phone number"
        raise _wrong(path, unread[0], f"the destination is not {kind}")
    connection.execute(
        "CREATE OR REPLACE TABLE attendance.opt_outs AS"
        " SELECT DISTINCT channel, destination FROM stated_opt_outs"
    )
    return len(rows)


def _read(path: Path) -> list[tuple[int, str, str]]:
    """Of each line its number, the channel and the destination."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}). Nobody is listed until it can be."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _wrong(path, line, "the text is not UTF-8") from None
    rows = []
    for line, row in enumerate(text.splitlines(), start=1):
        if line > 1 and not row.strip():
            continue
        cells = _cells(path, line, row)
        if line == 1:
            if cells != HEADER:
                raise _wrong(path, line, f"the header is not {','.join(HEADER)}")
            continue
        channel = cells[0].lower()
        if channel not in CHANNELS:
            raise _wrong(path, line, f"the channel is none of {', '.join(CHANNELS)}")
        rows.append((line, channel, cells[1]))
    if not text.strip():
        raise _wrong(path, 1, f"the header {','.join(HEADER)} is missing")
    return rows


def _cells(path: Path, line: int, row: str) -> list[str]:
    try:
        cells = [cell.strip() for cell in next(csv.reader([row], strict=True))]
    except csv.Error:
        raise _wrong(path, line, "the line is not CSV") from None
    if len(cells) != len(HEADER):
        raise _wrong(path, line, f"there are not exactly {len(HEADER)} values")
    return cells


def _wrong(path: Path, line: int, problem: str) -> SettingsError:
    return SettingsError(
        f"{path} line {line}: {problem}. Nobody is listed until this line is corrected."
    )
