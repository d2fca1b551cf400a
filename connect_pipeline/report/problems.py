"""Findings put together for people: one problem is one rule in one file, whatever its rows.

For: the text and the page. Root causes come first across files, the worst first within a file.
Belongs here: grouping and order. Does not belong here: wording (`words.py`), and record IDs,
which are cells of a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from connect_pipeline.contract import BY_FILE_NAME
from connect_pipeline.findings import Finding, Findings
from connect_pipeline.rules import catalogue
from connect_pipeline.rules.rule import CellRule, Rule, Severity
from connect_pipeline.validation import DROP, ExportReport, Report

FIRST_STEPS = 6


@dataclass(frozen=True)
class Message:
    """One sentence, and the lines that it is true of, ascending."""

    text: str
    column: str | None
    lines: tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """All findings of one rule in one file (`source`).

    `count` is exact; `stored` findings have places.
    """

    source: str
    rule: Rule
    severity: Severity
    count: int
    stored: int
    messages: tuple[Message, ...]

    @property
    def title(self) -> str:
        return title_of(self.source)

    @property
    def names_first_line_only(self) -> bool:
        """Whether a message's line is the first of many that only were counted."""
        return isinstance(self.rule, CellRule) and self.rule.counted

    @property
    def lines_left_out(self) -> int:
        """How many findings were counted without keeping their place."""
        if self.names_first_line_only or not any(message.lines for message in self.messages):
            return 0
        return max(0, self.count - self.stored)


@dataclass(frozen=True)
class Source:
    """A file, or the drop as a whole (then `export` is None), with its problems."""

    name: str
    export: ExportReport | None
    problems: tuple[Problem, ...]

    @property
    def title(self) -> str:
        return title_of(self.name)

    @property
    def standing(self) -> str:
        """The file's verdict, with what is missing, held or our bug told apart (in `VERDICTS`)."""
        if self.export is None:
            return ""
        if self.export.findings.is_our_bug:
            return "misread"
        if "missing_file" in self.export.findings.counts:
            return "missing"
        return "held" if self.export.is_held else self.export.verdict

    @property
    def order(self) -> int:
        """Root causes first: the drop as a whole, then the exports in the contract's order."""
        return list(BY_FILE_NAME).index(self.name) if self.name in BY_FILE_NAME else -1


def title_of(source: str) -> str:
    """A file's name as it is, or what people call the drop as a whole."""
    return "The drop as a whole" if source == DROP else source


def sources(report: Report) -> list[Source]:
    """The drop as a whole and every export, each with its problems; root causes first."""
    found = [Source(report.drop.export, None, problems_of(report.drop))]
    found += [
        Source(name, export, problems_of(export.findings))
        for name, export in report.exports.items()
    ]
    return sorted(found, key=lambda source: source.order)


def problems_of(findings: Findings) -> tuple[Problem, ...]:
    """The problems of one file, worst first."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    return tuple(
        Problem(
            findings.export,
            catalogue()[code],
            findings.severity_of(code),
            max(findings.counts[code], 1),  # a hold stands for findings that are counted already
            len(found),
            _messages(found),
        )
        for code, found in by_code.items()
    )


def _messages(found: Iterable[Finding]) -> tuple[Message, ...]:
    """Each sentence once, with all its lines: what concerns the whole file stands first."""
    lines: dict[tuple[str, str | None], set[int]] = {}
    for finding in found:
        places = lines.setdefault((finding.message, finding.column), set())
        if finding.line is not None:
            places.add(finding.line)
    messages = [
        Message(text, column, tuple(sorted(places))) for (text, column), places in lines.items()
    ]
    return tuple(sorted(messages, key=lambda message: message.lines[:1]))


def first_steps(all_sources: list[Source]) -> list[Problem]:
    """What to do first: about what is refused or holds, else what keeps rows out, else warnings.

    At most `FIRST_STEPS` of one kind, root causes first; of what keeps rows out, the most of each
    file before what is second there.
    """
    return _steps(all_sources)[:FIRST_STEPS]


def steps_left_out(all_sources: list[Source]) -> int:
    """How many more there are of the kind that `first_steps` has."""
    return max(0, len(_steps(all_sources)) - FIRST_STEPS)


def _steps(all_sources: list[Source]) -> list[Problem]:
    problems = [problem for source in all_sources for problem in source.problems]
    for wanted in (
        (Severity.SYSTEM, Severity.BLOCK, Severity.HOLD),
        (Severity.QUARANTINE,),
        (Severity.WARNING,),
    ):
        found = [problem for one in wanted for problem in problems if problem.severity is one]
        if found:
            in_turn = _file_by_file(found) if wanted == (Severity.QUARANTINE,) else found
            return _with_causes(in_turn, problems)
    return []


def _file_by_file(found: list[Problem]) -> list[Problem]:
    """The biggest of each file, then the second of each; among these the files in their order."""
    of_file: dict[str, list[Problem]] = {}
    for problem in found:
        of_file.setdefault(problem.source, []).append(problem)
    ranked = [sorted(problems, key=lambda one: -one.count) for problems in of_file.values()]
    return [one for turn in zip_longest(*ranked) for one in turn if one is not None]


def _with_causes(found: list[Problem], problems: list[Problem]) -> list[Problem]:
    """Each problem, after what most likely is its cause: then only the cause needs correcting."""
    steps: list[Problem] = []
    for problem in found:
        if problem.rule.code == "missing_file":  # it may be there under a name that is nearly right
            steps += [one for one in problems if one.rule.code == "unexpected_file"]
        if problem.rule.code == "too_many_bad_rows":
            rows = [
                one
                for one in problems
                if one.source == problem.source and one.severity is Severity.QUARANTINE
            ]
            steps += sorted(rows, key=lambda one: -one.count)[:1]
        steps.append(problem)
    return list(dict.fromkeys(steps))


def ranges(lines: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending line numbers as runs: 2, 3, 4, 9 are (2, 4) and (9, 9)."""
    runs: list[tuple[int, int]] = []
    for line in lines:
        if runs and runs[-1][1] == line - 1:
            runs[-1] = (runs[-1][0], line)
        else:
            runs.append((line, line))
    return runs


def run_words(runs: Iterable[tuple[int, int]], dash: str = "-") -> list[str]:
    """Runs of lines as people write them."""
    return [f"{first}" if first == last else f"{first}{dash}{last}" for first, last in runs]
