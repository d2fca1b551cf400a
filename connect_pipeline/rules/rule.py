"""The kinds of rule: what every rule declares, and how each kind finds what breaks it.

For: the modules in the folders beside, each of which holds one rule as `RULE`.
Belongs here: the shapes. Does not belong here: a rule, or the code that runs rules
(`reader/`, `checks/`, `roster/hold.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connect_pipeline.contract import Column, ExportSpec, Kind
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits


class Severity(StrEnum):
    """What a finding does (DESIGN section 4), worst first."""

    SYSTEM = "system"
    BLOCK = "block"
    HOLD = "hold"
    QUARANTINE = "quarantine"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)

    @property
    def stops_file(self) -> bool:
        """Whether a finding of this severity keeps the file from being published."""
        return self.blocks_file or self is Severity.HOLD

    @property
    def blocks_file(self) -> bool:
        """Whether a finding of this severity refuses the file for good."""
        return self in (Severity.SYSTEM, Severity.BLOCK)


@dataclass(frozen=True)
class Example:
    """A file that breaks a rule (or keeps it): `text` replaces `spec`'s file in a small district.

    `line` is where the finding must be; None when it concerns the whole file.
    """

    spec: ExportSpec
    text: str | bytes
    line: int | None = None

    @classmethod
    def of(
        cls,
        spec: ExportSpec,
        *rows: str,
        line: int | None = None,
        columns: tuple[str, ...] = (),
    ) -> Example:
        """An example of these rows below a header of `columns`.

        By default these are as many of the contract's, from the left, as the first row has values.
        """
        values = next(csv.reader(rows), spec.column_names)
        header = columns or spec.column_names[: len(values)]
        return cls(spec, with_header(spec, *rows, columns=header), line)


def with_header(spec: ExportSpec, *rows: str, columns: tuple[str, ...] = ()) -> str:
    """The text of an export: the contract's header (or `columns` of it), then `rows`."""
    return "\n".join((",".join(columns or spec.column_names), *rows)) + "\n"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. `doc` is one sentence; `help` says why it matters to families and how to fix it.

    `message` is a finding's text; its placeholders are filled with counts, column names, limits
    and fixed phrases, never with a cell's value. `setting` names the district setting that
    changes the rule. Rules about a whole night have no example of one file.

    A rule that is just this is found by the code that works out what it is about: lines
    and the header (`reader/`), a whole file (`checks/`), the drop (`drop/`), what a night would
    change (`roster/`) or a day comes to (`run/`), who is erased (`erased/`).
    """

    code: str
    severity: Severity
    doc: str
    help: str
    message: str
    failing: Example | None = None
    passing: Example | None = None
    setting: str = ""


@dataclass(frozen=True, kw_only=True)
class FileRule(Rule):
    """A rule about a file's bytes: `broken` returns the message's facts, or None when it holds."""

    broken: Callable[[FileFacts, Limits], dict[str, object] | None]


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """A rule about one physical line that breaks the line law.

    `where` is SQL over `text` (one line, never NULL or blank), `fields` (the number of fields
    that separators outside quotes make), `expected`, `line_bytes` (the limit), `is_unended` (the
    last line, when it has no line end) and `inside_value` (the bad lines just above leave a quote
    open). The rule with the lowest `order` that applies names the line.
    """

    where: str
    order: int


@dataclass(frozen=True, kw_only=True)
class CellRule(Rule):
    """A rule about single cells: all of them together cost one scan per export.

    `applies` picks the columns. `where` is SQL that is true for a broken cell: `{cell}` is the
    trimmed text ('' when blank), `{kind}` the column's kind. `where_padded` is more such SQL, in
    which `{raw}` is the text as it stands in the file: it is asked of the columns in which
    trimming changes a cell. A `counted` rule gives one finding per column, with the first line
    and the number of cells. A rule that holds for all `plain` files (ASCII without question
    marks) is not asked about those.
    """

    applies: Callable[[Column], bool]
    where: str = ""
    where_padded: str = ""
    counted: bool = False
    holds_if_plain: bool = False


def of_kind(*kinds: Kind) -> Callable[[Column], bool]:
    """Where a cell rule looks: at the columns of these kinds."""
    return lambda column: column.kind in kinds


@dataclass(frozen=True, kw_only=True, eq=False)  # `where` cannot be hashed; its code can
class ColumnRule(Rule):
    """A rule about a whole column: most of its cells are of another kind.

    `where` is, for each kind that the rule knows, SQL that is true for such a cell (`{cell}` as
    in `CellRule`). Columns with few cells that are not blank are left alone.
    """

    where: Mapping[Kind, str]

    def applies(self, column: Column) -> bool:
        """Whether the rule has something to say about `column`."""
        return column.kind in self.where


@dataclass(frozen=True, kw_only=True)
class TableCheck:
    """What a table rule runs on one export: `select`, when `spec` and all of `needs` were read.

    But not when one of `lacks` was: with it, another check of the rule says more. Rows that
    `keeps_rows` finds are said and stay, though the rule drops those of other checks.
    """

    spec: ExportSpec
    needs: tuple[ExportSpec, ...] = ()
    select: str
    lacks: tuple[ExportSpec, ...] = ()
    keeps_rows: bool = False

    def looks_at(self, spec: ExportSpec, usable: set[str]) -> bool:
        """Whether to run it on `spec`, when the files of these names may be looked into."""
        return (
            self.spec is spec
            and {one.file_name for one in self.needs} <= usable
            and usable.isdisjoint(one.file_name for one in self.lacks)
        )


@dataclass(frozen=True, kw_only=True)
class ShareHold:
    """A table rule's hold of the whole file, when more than a share of its rows break the rule.

    `over` names the share in `Thresholds`; with `by`, a column's field, it is taken of the rows
    that have the same value there. `message` (its facts: `{count}`, and `{usual}`, the commonest
    detail) is followed by what to do: what `fixes` has for that detail, or else `fix`.
    """

    over: str
    message: str
    fix: str
    fixes: Mapping[str, str] = field(default_factory=dict, hash=False)
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class TableRule(Rule):
    """A rule about rows together: keys, references, counts.

    `select` is SQL over the scratch schema `records` that returns one row per finding: `line`
    (NULL for the whole file), `record_id`, `column_name` and `detail` (a fixed phrase for the
    message's `{detail}`, or NULL). `order` sorts the rules of one export; a rule that
    quarantines removes its rows before the next one looks, and so does one that `drops_rows`:
    its rows repeat an earlier row, which wins, and are accepted without being published. Of one
    export, all that quarantine come first: else a row would be out and its repeats accepted.
    A rule about several exports says the others in `also`. One that compares rows `among_alike`
    finds nothing in a file where `records.<table>_alike` is empty, and is not asked about it.
    """

    spec: ExportSpec
    needs: tuple[ExportSpec, ...] = ()
    select: str
    also: tuple[TableCheck, ...] = ()
    order: int
    among_alike: bool = False
    drops_rows: bool = False
    counts_as_bad_row: bool = True
    hold: ShareHold | None = None

    @property
    def checks(self) -> tuple[TableCheck, ...]:
        """Every export that the rule looks at, with its SQL."""
        first = TableCheck(spec=self.spec, needs=self.needs, select=self.select)
        return (first, *self.also)
