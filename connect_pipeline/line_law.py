"""The line law as patterns (DESIGN section 3): what a field is, and what stands around a value.

For: the reader, the header and the rules about lines, which must agree on it. All are RE2's, for
DuckDB; `FIELD` is Python's as well. Belongs here: characters and fields. Does not belong here: a
rule about them (`rules/`), or how lines are read (`reader/`).
"""

CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}"
"""The control characters, as a RE2 class's inside. A tab is a character like any other, and line
ends are gone by the time a line is looked at."""

OPENED = '"(?:[^"]|"")*'
"""A quoted value up to where its last quote should be."""
QUOTED = f'{OPENED}"'
FIELD = f'(?:{QUOTED}|[^",]*)'
"""A field as its quotes have it, whatever characters are in it."""

LAWFUL_FIELD = rf'(?:"(?:[^"{CONTROLS}]|"")*"|[^",{CONTROLS}]*)'
"""The same without control characters, as the law wants it."""

# What `trim` removes: white space, no-break and zero-width characters, the byte order mark, and the
# marks of direction that come along when text is copied from a web page.
BLANKS = " \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
BLANKS += "\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\u00ad\u180e\u200e\u200f"
BLANKS += "\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
WHITE = (
    r"[\s\x{a0}\x{ad}\x{61c}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}\x{2060}"
    r"\x{2066}-\x{2069}\x{3000}\x{feff}]"
)
PADDED_CELL = rf"^{WHITE}|{WHITE}$"
# A field that trimming leaves as it is. Nearly all lines hold these only, so they are asked first.
EDGE = f'[^",{CONTROLS}{WHITE[1:-1]}]'
QUOTED_EDGE = f'(?:[^"{CONTROLS}{WHITE[1:-1]}]|"")'
TRIM_FIELD = (
    rf'(?:"(?:{QUOTED_EDGE}(?:(?:[^"{CONTROLS}]|"")*{QUOTED_EDGE})?)?"'
    rf'|(?:{EDGE}(?:[^",{CONTROLS}]*{EDGE})?)?)'
)

FIELD_COUNT = f"""(1 + length(regexp_replace(text, '{QUOTED}|[^,"]', '', 'g')))"""
"""SQL for how many fields a line seems to have."""
