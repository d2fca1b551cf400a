"""Exports out of a zip, within bounds: nothing is trusted that a zip says of itself.

For: `inputs.py`. A zip may be small and unpack to a full disk, name files outside its folder, or
hold links; none of that is met half-way. What is unpacked has no name on the disk, so that a kill
leaves no child's data behind.
Belongs here: the bounds, and what is refused. Does not belong here: what is in an export.
"""

from __future__ import annotations

import errno
import stat
import struct
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from connect_pipeline.contract import BY_FILE_NAME
from connect_pipeline.errors import UsageError
from connect_pipeline.limits import Limits

MOST_BYTES = Limits.file_bytes
"""All that is taken from a zip, unpacked, or from a stream."""

MOST_MEMBERS = 100
"""Entries of a zip, folders and files that are none of the five included."""

HIGHEST_RATIO = 200
"""Unpacked by packed size of one export. Exports pack to a quarter or a tenth of their size; what
exceeds this is made to exhaust the machine."""

RATIO_COUNTS_FROM = 1024**2
"""Smaller files cannot do harm, whatever their ratio."""

_COPY_BYTES = 1024**2
# A zip ends with this record and at most 64 KiB of comment (APPNOTE 4.3.16).
_END_OF_ZIP, _END_BYTES, _COMMENT_BYTES = b"PK\x05\x06", 22, 64 * 1024
_DIRECTORY_BYTES = slice(12, 16)
_MOST_DIRECTORY_BYTES = 1024**2
_ZIP_STARTS = (b"PK\x03\x04", _END_OF_ZIP)
# What zipfile of Python 3.11 to 3.13 raises for damage: names that are no UTF-8, empty names,
# sizes that are no sizes, features that it does not know.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    RuntimeError,
    ValueError,
)
_SPREADSHEET_MEMBERS = ("[Content_Types].xml", "mimetype")


def is_zip(file: IO[bytes]) -> bool:
    """Whether a file begins as a zip does."""
    file.seek(0)
    return file.read(4) in _ZIP_STARTS


def exports_in(
    file: IO[bytes], name: str, stack: ExitStack
) -> tuple[dict[str, BinaryIO], tuple[str, ...]]:
    """The exports in a zip, unpacked into files that go with `stack`, and all names beside them.

    They must all be in one folder of the zip. Anything suspicious refuses the zip as a whole:
    raises `UsageError`, in which the zip is called `name`.
    """
    if _directory_bytes(file) > _MOST_DIRECTORY_BYTES:
        raise UsageError(f"{name} has too many entries. Zip the exports and nothing else.")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _refuse_unsafe(members, name)
            exports = _exports_among(members, name)
            _refuse_bombs(exports, name)
            unpacked = {
                PurePosixPath(info.filename).name: _unpacked(archive, info, name, stack)
                for info in exports
            }
    except _DAMAGED:
        raise UsageError(_damaged(name)) from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place that no file has, by the zip's account
            raise
        raise UsageError(_damaged(name)) from None
    return unpacked, _names_beside(members, exports[0])


def _directory_bytes(file: IO[bytes]) -> int:
    """The size of a zip's directory by its own account; reading it costs memory in proportion.

    A zip without the record at its end has none, which is told as damage later.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _COMMENT_BYTES))
    tail = file.read()
    at = tail.rfind(_END_OF_ZIP)
    file.seek(0)
    return int.from_bytes(tail[at:][_DIRECTORY_BYTES], "little") if at >= 0 else 0


def _refuse_unsafe(members: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse a zip that is another thing, or that points anywhere but into itself."""
    if any(info.filename in _SPREADSHEET_MEMBERS for info in members):
        raise UsageError(f"{name} is a spreadsheet. Give the CSV files that the SIS exports.")
    if len(members) > MOST_MEMBERS:
        raise UsageError(
            f"{name} has {len(members):,} entries; {MOST_MEMBERS} are the limit. Zip the exports"
            " and nothing else."
        )
    for info in members:
        if _leaves_the_zip(info.filename):
            raise UsageError(f"{name} has an entry whose path leaves the zip; nothing was read.")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UsageError(f"{name} has a link among its entries. Zip the files themselves.")


def _leaves_the_zip(entry: str) -> bool:
    path = PurePosixPath(entry)
    return path.is_absolute() or ".." in path.parts or "\\" in entry or ":" in entry


def _exports_among(members: list[zipfile.ZipInfo], name: str) -> list[zipfile.ZipInfo]:
    exports = [
        info
        for info in members
        if not info.is_dir() and PurePosixPath(info.filename).name in BY_FILE_NAME
    ]
    if not exports:
        raise UsageError(f"{name} has none of the five exports in it: {', '.join(BY_FILE_NAME)}.")
    if len({PurePosixPath(info.filename).parent for info in exports}) > 1:
        raise UsageError(f"{name} has exports in several folders. Put them into one folder.")
    if len({PurePosixPath(info.filename) for info in exports}) < len(exports):
        raise UsageError(f"{name} has the same export twice. Zip each export once.")
    return exports


def _refuse_bombs(exports: list[zipfile.ZipInfo], name: str) -> None:
    for info in exports:
        if info.flag_bits & 1:
            raise UsageError(f"{name} is protected by a password. Zip the exports without one.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UsageError(f"{name} is packed in a rare way. Use the plain zip of your system.")
        packed = max(info.compress_size, 1)
        if info.file_size > RATIO_COUNTS_FROM and info.file_size > HIGHEST_RATIO * packed:
            raise UsageError(
                f"{name} unpacks to more than {HIGHEST_RATIO} times its size, which no export"
                " does; nothing was read."
            )
    if sum(info.file_size for info in exports) > MOST_BYTES:
        raise UsageError(_too_large(name))


def _unpacked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, stack: ExitStack
) -> BinaryIO:
    # The sizes that were added up are the zip's own account; zipfile reads no byte beyond them.
    with archive.open(info) as member:
        return kept(member, name, stack)


def _names_beside(members: list[zipfile.ZipInfo], export: zipfile.ZipInfo) -> tuple[str, ...]:
    """The names of files at the exports' level, for what is no export."""
    level = PurePosixPath(export.filename).parent
    paths = (PurePosixPath(info.filename) for info in members if not info.is_dir())
    return tuple(sorted(path.name for path in paths if path.parent == level))


def kept(source: IO[bytes], name: str, stack: ExitStack) -> BinaryIO:
    """All bytes of a stream, in a file without a name that goes with `stack`."""
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - `stack` closes it
    total = 0
    while chunk := source.read(_COPY_BYTES):
        total += len(chunk)
        if total > MOST_BYTES:
            raise UsageError(_too_large(name))
        copy.write(chunk)
    copy.flush()
    return copy


def _damaged(name: str) -> str:
    return f"{name} is damaged or is no plain zip. Zip the exports again."


def _too_large(name: str) -> str:
    limit = f"{MOST_BYTES // 1024**3} GB"
    return f"{name} holds more than {limit}; that is the limit. Unpack it, then check the folder."
