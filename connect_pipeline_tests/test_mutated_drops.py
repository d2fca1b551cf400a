"""Mutated drops: whatever is done to the bytes of a drop, every line is accounted for.

Each example takes a whole drop and damages some of its files in the ways that disks, networks,
editors and exports do, several at once. CONNECT_TESTS_EXAMPLES says how many; a failure names the
number that makes the same drop again.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connect_pipeline.report.as_json import as_json
from connect_pipeline.report.as_text import as_text
from connect_pipeline.sample.server import EmbeddedServer
from connect_pipeline.validation import ExportReport, validate
from connect_pipeline_tests.small_district import FILES
from connect_pipeline_tests.small_home import small_home

EXAMPLES = int(os.environ.get("CONNECT_TESTS_EXAMPLES", "10"))
SLOWEST_SECONDS = 20.0  # a drop of two kilobytes, also on a machine that does other things
OUTCOMES = ("published", "unchanged", "blocked", "held")
AWKWARD = (
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\x00",
    b"\t",
    b"\x1a",
    b"\x85",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    "\u2028".encode(),
    "é".encode(),
    "é".encode("latin-1"),
    "\u202e".encode(),
    b"=1+1",
    b"@",
    b"'",
    b";",
    b"|",
    b"\\",
    b"NULL",
    b"1e9",
    b" ",
    "\u00a0".encode(),
    b"0" * 70_000,
)


def somewhere(chance: random.Random, data: bytes) -> int:
    return chance.randint(0, len(data))


def inserted(chance: random.Random, data: bytes) -> bytes:
    at = somewhere(chance, data)
    return data[:at] + chance.choice(AWKWARD) + data[at:]


def cut_out(chance: random.Random, data: bytes) -> bytes:
    at = somewhere(chance, data)
    return data[:at] + data[at + chance.choice((1, 2, 5, 40, 200)) :]


def flipped(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def cut_off(chance: random.Random, data: bytes) -> bytes:
    return data[: somewhere(chance, data)]


def lines_shuffled(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def lines_repeated(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(lines + chance.choices(lines, k=chance.randint(1, 9))) if lines else data


def columns_swapped(chance: random.Random, data: bytes) -> bytes:
    rows = [line.split(b",") for line in data.splitlines()]
    a, b = chance.randrange(6), chance.randrange(6)
    for row in rows:
        if len(row) > max(a, b):
            row[a], row[b] = row[b], row[a]
    return b"\n".join(b",".join(row) for row in rows) + b"\n"


def column_dropped(chance: random.Random, data: bytes) -> bytes:
    gone = chance.randrange(8)
    rows = [line.split(b",") for line in data.splitlines()]
    return b"\n".join(b",".join(row[:gone] + row[gone + 1 :]) for row in rows) + b"\n"


def cells_swapped(chance: random.Random, data: bytes) -> bytes:
    cells = re.split(rb"([,\n])", data)
    a, b = chance.randrange(len(cells)), chance.randrange(len(cells))
    cells[a], cells[b] = cells[b], cells[a]
    return b"".join(cells)


def recoded(chance: random.Random, data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(
        chance.choice(("utf-16", "utf-16-le", "cp1252", "utf-8-sig", "cp037")), "replace"
    )


def delimited_otherwise(chance: random.Random, data: bytes) -> bytes:
    return data.replace(b",", chance.choice((b";", b"\t", b"|")))


def ended_otherwise(chance: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"\x85", b"")))


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(inserted, inserted, inserted, cut_out, cut_out, flipped, flipped, cut_off),
    *(lines_shuffled, lines_repeated, columns_swapped, column_dropped, cells_swapped),
    *(recoded, delimited_otherwise, ended_otherwise),
)


def mutated_drop(number: int) -> dict[str, bytes | None]:
    """The files of a drop after one to six mutations; None for one that is gone."""
    chance = random.Random(number)  # noqa: S311 - not for secrets
    drop: dict[str, bytes | None] = {name: text.encode() for name, text in FILES.items()}
    for _ in range(chance.randint(1, 6)):
        name = chance.choice(list(drop))
        before = drop[name]
        if chance.random() < 0.03:
            drop[name] = None
        elif before is not None:
            drop[name] = chance.choice(MUTATIONS)(chance, before)
    return drop


def assert_every_line_is_accounted_for(export: ExportReport) -> None:
    assert export.checked is not None
    read = export.checked.read
    if not read.columns:  # the bytes or the header refused the file as a whole
        assert (export.verdict, export.accepted) == ("blocked", 0)
        return
    assert "row_conservation" not in read.findings.counts
    blank = read.blank_lines + read.blank_rows
    assert read.lines == 1 + blank + read.accepted_rows + read.quarantined_rows
    if not export.checked.usable:  # refused with its rows read; nothing of it is used
        assert export.verdict == "blocked"
        return
    (removed,) = read.connection.execute(
        "SELECT count(*) FILTER (WHERE is_quarantined), count(*) FROM records.removed"
        " WHERE export = $name",
        {"name": export.spec.file_name},
    ).fetchall()
    (kept,) = read.connection.execute(
        f"SELECT count(*) FROM records.{export.spec.table}"
    ).fetchall()
    assert export.checked.quarantined == removed[0]
    assert kept[0] + removed[1] == read.accepted_rows


@pytest.mark.parametrize("part", range(5))
def test_every_line_of_a_mutated_drop_is_accounted_for(tmp_path: Path, part: int) -> None:
    for number in range(part, EXAMPLES * 5, 5):
        drop = mutated_drop(number)
        for name in FILES:
            (tmp_path / name).unlink(missing_ok=True)
            content = drop[name]
            if content is not None:
                (tmp_path / name).write_bytes(content)
        begun = time.monotonic()
        try:
            report = validate(tmp_path)
            assert as_json(report)
            assert as_text(report)
            for name, export in report.exports.items():
                if drop[name] is not None:
                    assert_every_line_is_accounted_for(export)
        except Exception as error:
            error.add_note(f"mutated_drop({number})")
            raise
        assert time.monotonic() - begun < SLOWEST_SECONDS, f"mutated_drop({number})"


def test_a_mutated_drop_is_published_whole_or_refused_in_our_words(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    home = small_home(server, tmp_path / "mutated", FILES)
    home.publish()
    for number in range(max(3, EXAMPLES // 10)):
        home.upload(FILES)
        home.upload(mutated_drop(number))
        before = home.roster_bytes()
        run = home.nightly()
        assert run.outcome in OUTCOMES, f"mutated_drop({number}): {run.outcome}, {run.message}"
        assert (home.roster_bytes() == before) == (run.outcome != "published")
