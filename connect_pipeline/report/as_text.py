"""A report for a terminal: the verdict, what to do first, a table of the files, the worst first.

Belongs here: how findings look in a terminal. Does not belong here: cells of any file, and
record IDs, which are cells too.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
from connect_pipeline.report.words import SEVERITIES, VERDICTS, headline, is_misnamed, times
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation import Report

HEADLINE_STYLES = {
    "accepted": "bold green",
    "findings": "bold yellow",
    "held": "bold magenta",
    "blocked": "bold red",
}
VERDICT_STYLES = {
    "accepted": "green",
    "accepted_with_findings": "yellow",
    "held": "magenta",
    "blocked": "red",
    "misread": "red",
    "missing": "red",
}
STYLES = {
    Severity.SYSTEM: "bold red",
    Severity.BLOCK: "bold red",
    Severity.HOLD: "magenta",
    Severity.QUARANTINE: "yellow",
    Severity.WARNING: "cyan",
    Severity.INFO: "dim",
}
RUNS_SHOWN = 8
MESSAGES_SHOWN = 3


def as_text(report: Report) -> RenderableType:
    """Everything that a person at a terminal needs to act."""
    head = headline(report)
    found = sources(report)
    parts: list[RenderableType] = [
        Text(head.title, style=HEADLINE_STYLES[head.kind]),
        Text(head.explanation),
        Padding(_files(found), (1, 0, 0, 0)),
    ]
    steps = first_steps(found)
    if any(step.severity.stops_file for step in steps):
        parts += [Padding(Text("Do first", style="bold"), (1, 0, 0, 0)), _steps(steps)]
        if more := steps_left_out(found):
            parts.append(Text(f" And {more:,} more below."))
    for source in found:
        if source.problems:
            parts.append(Padding(Text(source.title, style="bold underline"), (1, 0, 0, 0)))
            parts += [_problem(one) for one in source.problems if one.severity is not Severity.INFO]
            parts += _counted(source)
    parts.append(Padding(Text(_next_step(report)), (1, 0, 0, 0)))
    return Group(*parts)


def _files(found: list[Source]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("file", no_wrap=True)
    for name in ("lines", "accepted", "kept out"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for source in found:
        export = source.export
        if export is None:
            continue
        counts = (export.lines, export.accepted, export.quarantined)
        table.add_row(
            source.title,
            *(f"{count:,}" for count in counts),
            Text(VERDICTS[source.standing], style=VERDICT_STYLES[source.standing]),
        )
    return table


def _steps(steps: list[Problem]) -> Table:
    table = Table.grid(padding=(0, 1))
    for number, problem in enumerate(steps, start=1):
        message = problem.messages[0]
        text = Text.assemble((problem.title, "bold"), ": ", message.text, _where(problem, message))
        table.add_row(f" {number}.", text)
    return table


def _problem(problem: Problem) -> RenderableType:
    words = SEVERITIES[problem.severity]
    title = Text.assemble(
        (f"{words.mark} {words.word}", STYLES[problem.severity]),
        "  ",
        (problem.rule.code, "bold"),
        f", {times(problem.count)}",
    )
    body = [
        Padding(Text.assemble(message.text, _where(problem, message)), (0, 0, 0, 2))
        for message in problem.messages[:MESSAGES_SHOWN]
    ]
    left_out = len(problem.messages) - MESSAGES_SHOWN
    if left_out > 0:
        body.append(Padding(Text(f"... and {left_out:,} more like it"), (0, 0, 0, 2)))
    if problem.lines_left_out:
        counted = f"... and {problem.lines_left_out:,} more, counted without their lines"
        body.append(Padding(Text(counted), (0, 0, 0, 2)))
    return Group(title, *body)


def _where(problem: Problem, message: Message) -> Text:
    """The lines, shortened: a terminal is no place for thousands of them."""
    if not message.lines:
        return Text()
    runs = ranges(message.lines)
    listed = ", ".join(run_words(runs[:RUNS_SHOWN]))
    more = sum(last - first + 1 for first, last in runs[RUNS_SHOWN:])
    word = "line" if len(message.lines) == 1 and not more else "lines"
    first = "first at " if problem.names_first_line_only else ""
    tail = f" and {more:,} more" if more else ""
    return Text(f" ({first}{word} {listed}{tail})", style="bold")


def _counted(source: Source) -> list[RenderableType]:
    """What is only counted, on one line."""
    counts = [
        f"{one.rule.code} {times(one.count)}"
        for one in source.problems
        if one.severity is Severity.INFO
    ]
    words = SEVERITIES[Severity.INFO]
    return [Text(f"{words.mark} {words.word}: {', '.join(counts)}", style="dim")] if counts else []


def _next_step(report: Report) -> str:
    if report.verdict != "blocked" and is_misnamed(report):
        return "Next: give the file the exact name of its export, and upload it under that name."
    if report.verdict == "accepted":
        return "Next: upload the files as they are."
    if report.verdict == "accepted_with_findings":
        return (
            "Next: upload the files as they are, or correct the findings in the SIS and export"
            " again. --html FILE writes all lines and the reasons as a page."
        )
    if report.misread:
        return "Next: report this to the people who run the pipeline; change nothing in the files."
    return (
        "Next: correct what stands under Do first and check again; what follows from it goes with"
        " it. --html FILE writes all lines and the reasons as a page."
    )
