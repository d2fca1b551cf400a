"""Recognising a student in text: a name, a phone number or an address as a word, an ID as a cell.

A name that goes on is another name, and an address with more before its first letter another one.
In doubt a word counts as found, for a search proves the erasure.
Belongs here: what is a word or an ID in a text or in bytes. Does not belong here: whose words they
are (`traces.py`), which files are searched (`search.py`).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Neighbours that are looked at; the longest that matters is an escape such as `\u00e9`.
NEAR = 8
# After these, a letter begins a word although a letter stands before it: JSON's escapes.
ESCAPE = re.compile(r"\\(?:[bfnrt]|u[0-9A-Fa-f]{4})\Z")
# What may go on within an e-mail address.
JOINS = "._+-@"


def has_one_of(variable: str) -> str:
    """SQL: whether `text` has one of the words that a variable lists, be it as part of another."""
    words = f"getvariable('{variable}')::VARCHAR[]"
    return f"len(list_filter({words}, lambda word: contains(text, word))) > 0"


def is_destination(word: str) -> bool:
    """Whether it is a phone number or an e-mail address, and no name."""
    return "@" in word or word.startswith("+")


def is_in(word: str, text: str) -> bool:
    """Whether the text has the word as a word of its own."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if _stands_alone(word, text[max(0, at - NEAR) : at], text[end : end + NEAR]):
            return True
        at = text.find(word, at + 1)
    return False


@contextmanager
def bytes_of(path: Path) -> Iterator[mmap.mmap | bytes]:
    """A file's bytes, without reading all of them; an empty file cannot be mapped."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def is_in_bytes(word: str, content: mmap.mmap | bytes, encoding: str) -> bool:
    """The same of a file's bytes, of which only some may be text in this encoding."""
    try:
        data = word.encode(encoding)
    except UnicodeEncodeError:
        return False
    near = NEAR * len("x".encode(encoding))
    at = content.find(data)
    while at >= 0:
        end = at + len(data)
        before, after = content[max(0, at - near) : at], content[end : end + near]
        before = before[len(before) % len("x".encode(encoding)) :]
        if _stands_alone(word, _decoded(before, encoding), _decoded(after, encoding)):
            return True
        at = content.find(data, at + 1)
    return False


def _decoded(data: bytes, encoding: str) -> str:
    """Text; what is none in this encoding is no letter."""
    return data.decode(encoding, errors="replace")


def _stands_alone(word: str, before: str, after: str) -> bool:
    if ESCAPE.search(before):
        before = ""
    return not any(_goes_on(near, joined="@" in word) for near in (before[::-1], after))


def _goes_on(near: str, *, joined: bool) -> bool:
    """Whether what stands beside a word, read away from it, belongs to a longer one."""
    if joined and near[:1] and near[0] in JOINS:
        near = near[1:]
    return near[:1].isalnum()
