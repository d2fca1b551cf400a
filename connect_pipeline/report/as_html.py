"""A report as one self-contained page, which a district's IT person gets by mail.

For: `validate --html` and the report of a run. The page loads nothing, works without scripts,
in print, on a phone, with a keyboard and a screen reader (`page.html`).
Belongs here: what the page is made of. Does not belong here: cells of any file, and record IDs,
which are cells too, so that the page may be mailed; wording (`words.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from connect_pipeline.report.problems import (
    Message,
    Problem,
    Source,
    first_steps,
    ranges,
    run_words,
    sources,
    steps_left_out,
)
from connect_pipeline.report.words import (
    JOBS,
    NOT_CHECKED_AGAIN,
    SEVERITIES,
    VERDICTS,
    headline,
    times,
)
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation import ExportReport, Report

if TYPE_CHECKING:
    from jinja2 import Template

RUNS_SHOWN = 12
"""Runs of line numbers that a message shows at once; with more, all are in a fold."""

MESSAGES_SHOWN = 100
"""A problem with more different messages names so many, and how many more there are."""


@dataclass(frozen=True)
class About:
    """What the page says of the check itself. Only `when` is known of a check by hand.

    `outcome` and `message` are those of a run, `done` is what it had come to when it failed. A
    message that tells an operator what to do is not shown (`says`). `allows` is how "Your district
    allows ..." goes on (`allowances.py`), None where there are no settings.
    """

    when: datetime
    district: str = ""
    job: str = ""
    outcome: str = ""
    message: str = ""
    done: str = ""
    allows: tuple[str, ...] | None = None

    @property
    def says(self) -> str:
        """What the run says to the district, whom the headline and the steps tell of its files."""
        return "" if self.outcome in ("blocked", "held") else self.message


def as_html(report: Report, about: About) -> str:
    """The whole page."""
    found = sources(report)
    return _template().render(
        about=about,
        headline=headline(report, about.outcome, about.done),
        job=JOBS.get(about.job, about.job),
        files=[_file(source, source.export) for source in found if source.export],
        steps=[_step(problem) for problem in first_steps(found)],
        steps_left_out=steps_left_out(found),
        sections=[_section(source) for source in found if source.problems],
        totals=_totals(found),
        is_repeated="unchanged" in (about.outcome, about.done),
        not_checked_again=NOT_CHECKED_AGAIN,
        severities=[_severity(one) for one in Severity],
    )


@cache
def _template() -> Template:
    import jinja2  # only this page needs it, and `validate` must start at once

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(
        resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    )


def _severity(severity: Severity) -> dict[str, str]:
    words = SEVERITIES[severity]
    return {
        "kind": severity.value,
        "mark": words.mark,
        "word": words.word,
        "effect": words.effect,
    }


def _file(source: Source, export: ExportReport) -> dict[str, Any]:
    return {
        "name": source.name,
        "anchor": _anchor(source.name) if source.problems else "",
        "lines": export.lines,
        "accepted": export.accepted,
        "kept_out": export.quarantined,
        "kind": source.standing,
        "verdict": VERDICTS[source.standing],
    }


def _step(problem: Problem) -> dict[str, Any]:
    message = problem.messages[0]
    place = problem.title
    if message.lines:
        place += f", line {message.lines[0]}"
        if problem.count > 1:
            place += " and others"
    return {
        "anchor": _anchor(problem.source, problem.rule.code),
        "place": place,
        "text": message.text,
    }


def _section(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "title": source.title,
        "anchor": _anchor(source.name),
        "problems": [_problem(problem) for problem in source.problems],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    rule = problem.rule
    shown = problem.messages[:MESSAGES_SHOWN]
    return {
        "anchor": _anchor(problem.source, rule.code),
        "code": rule.code,
        "severity": _severity(problem.severity),
        "times": times(problem.count),
        "doc": rule.doc,
        "help": rule.help,
        "help_is_open": problem.severity.stops_file,
        "messages": [_message(problem, message) for message in shown],
        "messages_left_out": len(problem.messages) - len(shown),
        "lines_left_out": problem.lines_left_out,
    }


def _message(problem: Problem, message: Message) -> dict[str, Any]:
    runs = ranges(message.lines)
    words = run_words(runs, dash="\u2011")  # a hyphen at which no line breaks
    return {
        "text": message.text,
        "column": message.column or "",
        "runs": " ".join(run_words(runs)),
        "lines": ", ".join(words[:RUNS_SHOWN]),
        "all_lines": ", ".join(words) if len(words) > RUNS_SHOWN else "",
        "line_count": len(message.lines),
        "label": _label(problem, message),
    }


def _label(problem: Problem, message: Message) -> str:
    if problem.names_first_line_only:
        return "First at line"
    return "Line" if len(message.lines) == 1 else "Lines"


def _totals(found: list[Source]) -> list[dict[str, str]]:
    """How many problems there are of each severity, the worst first, and what they do."""
    counts = Counter(problem.severity for source in found for problem in source.problems)
    return [{**_severity(one), "says": _total(one, counts[one])} for one in Severity if counts[one]]


def _total(severity: Severity, count: int) -> str:
    words = SEVERITIES[severity]
    return f"{count:,} {words.one if count == 1 else words.many}"


def _anchor(source: str, code: str = "") -> str:
    """A name within the page; exports and codes have no characters that need escaping."""
    stem = source.removesuffix(".csv").replace(" ", "-")
    return f"{stem}-{code}" if code else stem
