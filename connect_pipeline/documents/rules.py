"""`docs/rules.md`, written from the catalogue.

Belongs here: the page's shape. Does not belong here: anything about a single rule.
"""

from __future__ import annotations

import importlib

from connect_pipeline import rules
from connect_pipeline.documents.markdown import table, written_from
from connect_pipeline.rules.rule import Example, Rule, Severity, TableRule

# The order in which a file goes through them.
FAMILIES = ("drop", "file", "header", "row", "cell", "keys", "references", "changes", "day")
LONGEST_SHOWN_LINE = 200

EFFECTS = {
    Severity.SYSTEM: "our own bug: the run fails and nothing is published",
    Severity.BLOCK: "the file is refused; what is published stays",
    Severity.HOLD: "as block, until an operator approves exactly these bytes or discards them",
    Severity.QUARANTINE: "the row is kept out, verbatim, in `quality.quarantine`",
    Severity.WARNING: "loaded and reported",
    Severity.INFO: "counted",
}

HEAD = f"""\
# Rules

{written_from("the rules")}

Every problem that the pipeline finds in an export has one of these codes. Codes are for ever.
A finding says the file, the line (the header is line 1, as a spreadsheet shows it), the column,
what is wrong and what to do, and never a value.
"""


def rules_page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD, _severities(), _index()]
    parts += [_family(name) for name in FAMILIES]
    return "\n".join(parts)


def _title(family: str) -> str:
    """The first line of the family's docstring, as a heading."""
    package = importlib.import_module(f"{rules.__name__}.{family}")
    line = (package.__doc__ or family).strip().splitlines()[0]
    return line.rstrip(".")


def _severities() -> str:
    rows = [(f"`{severity}`", effect) for severity, effect in EFFECTS.items()]
    return table(("severity", "effect"), rows)


def _index() -> str:
    lines = []
    for family in FAMILIES:
        rows = [
            (f"[`{rule.code}`](#{rule.code})", _effect(rule), rule.doc)
            for rule in rules.families()[family].values()
        ]
        lines += [f"## {_title(family)}", "", table(("code", "severity", "when"), rows)]
    lines += ["\\* A district's settings change this rule; its section names the key.", ""]
    return "\n".join(lines)


def _effect(rule: Rule) -> str:
    """What it does, also to the whole file; a star where a district's settings change it."""
    holds = f", or {Severity.HOLD}" if _holds_over(rule) else ""
    return f"{rule.severity}{holds}{'*' if rule.setting else ''}"


def _holds_over(rule: Rule) -> str:
    """Of what a share holds the file, "" for a rule that has none."""
    if not isinstance(rule, TableRule) or rule.hold is None:
        return ""
    return f"the rows of one {rule.hold.by}" if rule.hold.by else "the file's rows"


def _family(name: str) -> str:
    return "\n".join(_section(rule) for rule in rules.families()[name].values())


def _section(rule: Rule) -> str:
    lines = [f"### {rule.code}", "", f"*{rule.severity}* · {rule.doc}", "", rule.help, ""]
    if of := _holds_over(rule):
        lines += [f"Above a share of {of}, the whole file is held: nothing of it is used.", ""]
    if rule.setting:
        lines += [f"Setting: `{rule.setting}`.", ""]
    for title, example in (("Fails", rule.failing), ("Passes", rule.passing)):
        if example is not None:
            lines += [_caption(title, example), "", "```text", _shown(example), "```", ""]
    return "\n".join(lines)


def _caption(title: str, example: Example) -> str:
    line = f", line {example.line}" if example.line else ""
    return f"{title} (`{example.spec.file_name}`{line}):"


def _shown(example: Example) -> str:
    """An example's text, with what cannot be seen written as its code, and long lines cut."""
    if isinstance(example.text, bytes):
        text = example.text.decode("utf-8", errors="backslashreplace")
    else:
        text = example.text
    shown = [_visible(line) for line in text.removesuffix("\n").split("\n")]
    body = "\n".join(shown) if text else "(nothing)"
    return body if text.endswith("\n") or not text else f"{body} <- no line end"


def _visible(line: str) -> str:
    visible = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in line
    )
    if len(visible) > LONGEST_SHOWN_LINE:
        return f"{visible[:LONGEST_SHOWN_LINE]}... ({len(visible):,} characters)"
    return visible
