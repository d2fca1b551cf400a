"""Findings: every problem of a file as data, counted exactly and stored up to a cap.

For: `Finding`, and `Findings`, the collection that reader, checks and hold add to.
Belongs here: how a finding is made from a rule. Does not belong here: rules, and how findings
are shown (`report/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from connect_pipeline.rules import catalogue
from connect_pipeline.rules.rule import Severity

VERDICTS = ("accepted", "accepted_with_findings", "blocked")
STORED_PER_CODE = 1_000
"""Shared by the columns that a code is found in: a district is to see each of them."""


@dataclass(frozen=True)
class Finding:
    """One problem: what is wrong, where, and what to do. `message` never holds a cell's value.

    `line` is 1-based as a spreadsheet shows it, the header being line 1; None for a whole file.
    """

    code: str
    severity: Severity
    export: str
    message: str
    line: int | None = None
    record_id: str | None = None
    column: str | None = None


def in_words(fact: object) -> object:
    """A fact as a sentence says it: a number as the tables of a report have it, as in 1,584."""
    return f"{fact:,}" if isinstance(fact, int) else fact


class Findings:
    """The findings of one export (or of the drop as a whole): those that are stored, worst first.

    `counts` has how many there are of each code, exactly.
    """

    def __init__(self, export: str) -> None:
        self.export = export
        self.counts: Counter[str] = Counter()
        self._stored: dict[str, list[Finding]] = {}
        self._severities: dict[str, Severity] = {}
        self._of_column: Counter[tuple[str, str | None]] = Counter()

    def __iter__(self) -> Iterator[Finding]:
        """Stored findings: worst severity first, then by discovery."""
        for code in sorted(self._stored, key=lambda code: self._severities[code].rank):
            yield from self._stored[code]

    def __len__(self) -> int:
        return sum(map(len, self._stored.values()))

    def __getitem__(self, place: int) -> Finding:
        return list(self)[place]

    def add(
        self,
        code: str,
        *,
        line: int | None = None,
        record_id: str | None = None,
        column: str | None = None,
        count: int = 1,
        **facts: object,
    ) -> None:
        """Add a finding of the rule `code`; `count` is how many cells or rows it stands for."""
        rule = catalogue()[code]
        said = {name: in_words(fact) for name, fact in {"count": count, **facts}.items()}
        message = rule.message.format(column=column, **said).strip()
        self.counts[code] += count
        self._severities.setdefault(code, rule.severity)
        stored = self._stored.setdefault(code, [])
        finding = Finding(code, rule.severity, self.export, message, line, record_id, column)
        if len(stored) < STORED_PER_CODE or self._make_room(stored, column):
            stored.append(finding)
            self._of_column[code, column] += 1

    def _make_room(self, stored: list[Finding], column: str | None) -> bool:
        """Whether one of another column, which has more of the places, gave way to one of this."""
        code = stored[0].code
        shares = {one: n for (of, one), n in self._of_column.items() if of == code}
        most = max(shares, key=shares.__getitem__)
        if shares[most] <= shares.get(column, 0) + 1:
            return False
        place = next(n for n in range(len(stored) - 1, -1, -1) if stored[n].column == most)
        del stored[place]
        self._of_column[code, most] -= 1
        return True

    def add_many(self, code: str, total: int, places: Iterable[dict[str, Any]]) -> None:
        """Add `total` findings; `places` are the arguments of `add` for the first ones."""
        shown = 0
        for place in places:
            self.add(code, **place)
            shown += 1
        self.counts[code] += total - shown

    def repeat(self, finding: Finding) -> None:
        """Add a finding of an earlier run, as it was."""
        self._weigh(finding.code, finding.severity)
        self.counts[finding.code] += 1
        self._stored.setdefault(finding.code, []).append(finding)

    def escalate(
        self, code: str, severity: Severity, message: str, *, follows: bool = False
    ) -> None:
        """Add a finding about the whole file that weighs more than `code` does by itself.

        So many rows failed that the file is in doubt, or an old file would be taken for a new one.
        One that `follows` from what is said of the whole file already stands below it.
        """
        self._weigh(code, severity)
        self.counts[code] = max(self.counts[code], 1)
        finding = Finding(code, severity, self.export, message)
        stored = self._stored.setdefault(code, [])
        of_the_file = takewhile(lambda one: one.line is None, stored)
        stored.insert(sum(1 for _ in of_the_file) if follows else 0, finding)

    def _weigh(self, code: str, severity: Severity) -> None:
        known = self._severities.get(code, severity)
        self._severities[code] = min(known, severity, key=lambda one: one.rank)

    @property
    def worst(self) -> Severity | None:
        """The worst severity, None without findings."""
        return min(self._severities.values(), key=lambda one: one.rank, default=None)

    def severity_of(self, code: str) -> Severity:
        """The worst severity that findings of `code` have here."""
        return self._severities[code]

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`. Without an operator, a file that is held is blocked, too."""
        if self.stops_file:
            return "blocked"
        if self.worst not in (None, Severity.INFO):
            return "accepted_with_findings"
        return "accepted"

    @property
    def blocks_file(self) -> bool:
        """Whether any finding refuses the file for good, as opposed to holding it."""
        return self.worst is not None and self.worst.blocks_file

    @property
    def is_our_bug(self) -> bool:
        """Whether the program read the file wrongly, which says nothing about the file."""
        return self.worst is Severity.SYSTEM

    @property
    def stops_file(self) -> bool:
        """Whether any finding blocks or holds the file."""
        return self.worst is not None and self.worst.stops_file
