"""The byte pass against a plain-Python reading of the whole file, however it is cut into chunks."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_pipeline.landing import as_utf8
from connect_pipeline.landing.as_utf8 import count_blank_lines, write_normalised
from connect_pipeline.landing.bytes_pass import BytesPass, scan_file
from connect_pipeline.landing.file_facts import FileFacts

LINE_BYTES = 8
CONTROLS = [code for code in range(1, 32) if code not in (9, 10, 13)]
WINDOWS_1252 = [bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256)]


@dataclass
class Read:
    """A file, read whole and without haste."""

    encoding: str
    bom: bytes
    text: str
    first_bad_line: int | None
    ends_within_character: bool = False
    converted_lines: int = 0


def read_slowly(data: bytes) -> Read:
    for bom, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(bom):
            body, high = data[2:], range(0xD8, 0xDC)  # the first half of a pair
            first_byte = body[-1 if encoding == "utf-16-le" else -2 :][:1]
            is_cut = len(body) % 2 == 1 or bool(body and first_byte[0] in high)
            return Read(encoding, bom, body.decode(encoding, "replace"), None, is_cut)
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    body = data[len(bom) :]
    try:
        return Read("utf-8", bom, body.decode("utf-8"), None)
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data"
        if is_cut and (bom or not body[: error.start].isascii()):
            return Read("utf-8", bom, body.decode("utf-8", "replace"), None, True)
        first = len(re.split(rb"\r\n|\r|\n", body[: error.start]))
        escaped = body.decode("utf-8", "surrogateescape")
        strays = re.findall("[\udc80-\udcff]", escaped)
        if bom or len(body) - len(escaped) > len(strays):
            text = re.sub(
                "[\udc80-\udcff]", lambda one: WINDOWS_1252[ord(one[0]) - 0xDC00], escaped
            )
            lines = re.split(r"\r\n|\r|\n", escaped)
            concerned = sum(bool(re.search("[\udc80-\udcff]", line)) for line in lines)
            return Read("utf-8", bom, text, first, converted_lines=concerned)
        text = "".join(WINDOWS_1252[b] for b in body)
        lines = re.split(r"\r\n|\r|\n", text)[first - 1 :]
        return Read(
            "windows-1252",
            bom,
            text,
            first,
            converted_lines=sum(not one.isascii() for one in lines),
        )


def expected_facts(data: bytes) -> FileFacts:
    read = read_slowly(data)
    ends = re.findall(r"\r\n|\r|\n", read.text)
    lines = re.split(r"\r\n|\r|\n", read.text)
    as_received = [len(line.encode()) for line in lines]
    if not read.encoding.startswith("utf-16"):
        body = data[len(read.bom) :]
        as_received = [len(line) for line in re.split(rb"\r\n|\r|\n", body)]
    free = [code for code in CONTROLS if chr(code) not in read.text]
    return FileFacts(
        byte_count=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        line_count=len(lines) - (lines[-1] == ""),
        encoding=read.encoding,  # type: ignore[arg-type]
        has_bom=bool(read.bom),
        has_nul="\0" in read.text,
        line_endings=tuple(end for end in ("\n", "\r\n", "\r") if end in ends),
        ends_with_newline=read.text.endswith(("\n", "\r")),
        magic=None,
        converted_lines=read.converted_lines,
        first_non_utf8_line=read.first_bad_line,
        ends_within_character=read.ends_within_character,
        has_long_line=any(length > LINE_BYTES for length in as_received),
        free_byte=free[0] if free else None,
    )


def facts_of(data: bytes, sizes: list[int] | None = None) -> FileFacts:
    """The byte pass, fed in chunks of these sizes, over and over."""
    one = BytesPass(LINE_BYTES)
    position, turn = 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        one.feed(data[position : position + size])
        position, turn = position + size, turn + 1
    return one.finish()


fragments = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n", b"\n\r"),
        *(b"a", b",", b'"', b"1234567", b"12345678", b"123456789", b"x" * 30),
        *("é".encode(), "€".encode(), "😀".encode(), "é".encode("cp1252"), b"\x81", b"\xe2\x82"),
        *(b"\0", b"\x01", b"\x02\x03", bytes(CONTROLS)),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", "é\r\nß".encode("utf-16-le"), b"\xd8\x3d"),
    ]
)
files = st.lists(fragments, max_size=14).map(b"".join) | st.binary(max_size=40)
utf16_files = st.tuples(
    st.sampled_from([(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")]),
    st.text(st.sampled_from("a,\r\n\0\x01é😀") | st.characters(codec="utf-8"), max_size=25),
).map(lambda pair: pair[0][0] + pair[1].encode(pair[0][1]))
any_file = files | utf16_files
chunk_sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(data=any_file, sizes=chunk_sizes)
def test_facts_are_those_of_a_slow_reading_however_the_file_is_cut(
    data: bytes, sizes: list[int]
) -> None:
    facts = facts_of(data, sizes)
    assert facts == facts_of(data)
    assert replace(facts, magic=None) == expected_facts(data)


@given(data=any_file, size=st.integers(1, 9))
def test_normalised_text_is_that_of_a_slow_reading(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    source = tmp_path_factory.getbasetemp() / "source.csv"
    source.write_bytes(data)
    target = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(as_utf8, "CHUNK_BYTES", size)
        facts = scan_file(source, LINE_BYTES)
        write_normalised(source, target, facts)
    assert replace(facts, magic=None) == expected_facts(data)
    assert target.getvalue() == re.sub(r"\r\n|\r", "\n", read_slowly(data).text).encode()
    again = facts_of(target.getvalue())
    if not again.has_bom:  # a mark behind the mark is text, and looks like a mark again
        assert not again.needs_copy
        assert again.line_count == facts.line_count
    assert facts.needs_copy or target.getvalue() == data


@pytest.mark.parametrize(
    ("data", "lines", "endings"),
    [
        (b"", 0, ()),
        (b"a", 1, ()),
        (b"a\n", 1, ("\n",)),
        (b"a\n\n", 2, ("\n",)),
        (b"a\r\nb\r\n", 2, ("\r\n",)),
        (b"a\rb\r", 2, ("\r",)),
        (b"a\r\nb\nc\rd", 4, ("\n", "\r\n", "\r")),
    ],
)
def test_lines_are_physical_lines(data: bytes, lines: int, endings: tuple[str, ...]) -> None:
    facts = facts_of(data)
    assert (facts.line_count, facts.line_endings) == (lines, endings)
    assert facts.mixed_line_endings == (len(endings) > 1)
    assert facts.needs_copy == ("\r" in "".join(endings))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_line_end_that_is_read_in_two_pieces_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, encoding: str
) -> None:
    source, text = tmp_path / "source.csv", "ID\nJosé\n\nAnn\n"
    source.write_bytes(text.replace("\n", end).encode(encoding))
    for size in range(1, 9):
        monkeypatch.setattr(as_utf8, "CHUNK_BYTES", size)
        target = io.BytesIO()
        write_normalised(source, target, scan_file(source))
        assert target.getvalue().decode() == text


def test_utf16_has_nul_bytes_but_no_nul() -> None:
    assert not facts_of("a,b\n".encode("utf-16")).has_nul
    assert facts_of("a,\0b\n".encode("utf-16")).has_nul
    assert facts_of(b"a,\0b\n").has_nul


def test_a_line_is_long_from_one_byte_over_the_limit_on() -> None:
    at_limit = b"x" * LINE_BYTES
    assert not facts_of(at_limit + b"\n" + at_limit + b"\r\n" + at_limit).has_long_line
    assert facts_of(at_limit + b"\n" + at_limit + b"x\n").has_long_line


def test_windows_1252_says_which_line_shows_it_and_how_many_are_concerned() -> None:
    facts = facts_of(b"ID\nJos\xe9\nAnn\nZo\xeb\nRen\xe9e\n")
    assert facts.encoding == "windows-1252"
    assert (facts.first_non_utf8_line, facts.converted_lines) == (2, 3)


def test_a_stray_byte_makes_no_other_name_wrong(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes("ID\nZoë\nJosé\n".encode() + b"Ren\xe9e\n" + "Núria\n".encode())
    facts = scan_file(source)
    assert (facts.encoding, facts.has_stray_bytes, facts.needs_copy) == ("utf-8", True, True)
    assert (facts.first_non_utf8_line, facts.converted_lines) == (4, 1)
    target = io.BytesIO()
    write_normalised(source, target, facts)
    assert target.getvalue().decode() == "ID\nZoë\nJosé\nRenée\nNúria\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ID\nZoë\nRen\udce9e\n", "windows-1252"),
        ("ID\nZoëë\nRen\udce9e\n", "utf-8"),
        ("\ufeffID\nZoe\nRen\udce9e\n", "utf-8"),
    ],
)
def test_strays_are_fewer_than_what_they_stray_in_or_come_after_a_mark(
    text: str, encoding: str
) -> None:
    assert facts_of(text.encode("utf-8", "surrogateescape")).encoding == encoding


def test_a_stray_byte_is_counted_in_its_own_line_however_the_file_is_cut() -> None:
    # The first bytes of a file are looked at together, whatever they come in.
    behind_a_character = facts_of(b"ID\n\xe2\x82\xac\xe9\nAnn\n", [5, 9])
    assert behind_a_character.first_non_utf8_line == 2
    two_in_a_line = facts_of(b"\xef\xbb\xbfRen\xe9 Ann\xe9\n", [1])
    assert two_in_a_line.converted_lines == 1


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"ID\rJos\xe9\rAnn\rZo\xeb\rRen\xe9e\r", 3),
        (b"\xef\xbb\xbfID\rJos\xe9\rZo\xeb\rAnn\rRen\xe9e\r", 3),
    ],
)
def test_lines_that_end_as_on_an_old_mac_are_counted_one_by_one(data: bytes, lines: int) -> None:
    for size in range(1, len(data) + 1):
        facts = facts_of(data, [size])
        assert (facts.first_non_utf8_line, facts.converted_lines) == (2, lines)


def test_undefined_windows_1252_bytes_become_control_characters(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_bytes(b"\x81\x8d\x8f\x90\x9d\x80")
    target = io.BytesIO()
    write_normalised(source, target, scan_file(source))
    assert target.getvalue().decode() == "\x81\x8d\x8f\x90\x9d€"


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "magic"),
    [
        (zipped("[Content_Types].xml"), "spreadsheet"),
        (zipped("xl/workbook.xml"), "spreadsheet"),
        (zipped("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "spreadsheet"),
        (zipped("StudentExport.csv"), "compressed"),
        (b"PK\5\6" + b"\0" * 18, "compressed"),  # an archive of nothing
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 100, "spreadsheet"),
        (gzip.compress(b"ID\n", mtime=0), "compressed"),
        (b"BZh91AY&SY\0", "compressed"),
        (bytes.fromhex("fd377a585a00"), "compressed"),
        (bytes.fromhex("377abcaf271c"), "compressed"),
        (bytes.fromhex("28b52ffd"), "compressed"),
        (b"BZh9,School\n", None),
        (b"PK,School\n", None),
        (b"ID,School\n", None),
    ],
)
def test_files_that_are_no_text_are_known_by_their_first_bytes(
    data: bytes, magic: str | None
) -> None:
    assert facts_of(data).magic == magic
    assert facts_of(data, [1, 2]).magic == magic


def test_a_file_cut_within_a_character_is_said_to_be() -> None:
    """A file whose only one is the last byte is Windows-1252: the é of the last name in it."""
    whole = "ID,Name\n1,Zoë\n2,José".encode()
    cut = facts_of(whole[:-1])
    assert (cut.encoding, cut.ends_within_character, cut.needs_copy) == ("utf-8", True, True)
    assert facts_of(b"\xef\xbb\xbfID\nJos\xc3").ends_within_character
    assert facts_of("\ufeffID,Name\n2,Zo\u00eb\n".encode("utf-16-le")[:-1]).ends_within_character
    alone = facts_of("ID,Name\n2,José".encode("cp1252"))
    assert (alone.encoding, alone.ends_within_character) == ("windows-1252", False)


@given(st.text(alphabet="\n\r \tx\u00a0", max_size=30), st.integers(1, 4))
def test_blank_lines_are_counted_wherever_the_file_is_read_in_two(text: str, piece: int) -> None:
    lines = re.split("\r\n|\r|\n", text)
    blank = sum(not line.strip() for line in lines) - (not lines[-1])
    with pytest.MonkeyPatch.context() as patch, tempfile.NamedTemporaryFile() as file:
        patch.setattr(as_utf8, "CHUNK_BYTES", piece)
        file.write(text.encode())
        file.flush()
        assert count_blank_lines(Path(file.name), facts_of(text.encode())) == blank


def test_blank_lines_are_not_counted_one_by_one(tmp_path: Path) -> None:
    """Of 40 MB of line ends that took ten seconds."""
    path = tmp_path / "Any.csv"
    path.write_bytes(b"ID\n" + b"\n" * 100_000)
    facts, calls = scan_file(path), Counter[str]()

    def count(_frame: object, event: str, _argument: object) -> None:
        calls[event] += 1

    sys.setprofile(count)
    try:
        blank = count_blank_lines(path, facts)
    finally:
        sys.setprofile(None)
    assert blank == 100_000
    assert calls.total() < 1000
