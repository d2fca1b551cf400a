"""What `status` and `history` print for people.

For: tables and lines on a terminal. Belongs here: how a state, many of them, and an answer about
the past look. Does not belong here: what they say (`state.py`, `snapshots/history.py`), reports
on files (`report/`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from rich.console import Console

    from connect_pipeline.status.state import Line

ROWS_SHOWN = 10
"""Of what goes on for years; `--json` has all of it."""


def print_overview(out: Console, lines: list[Line]) -> None:
    """Many districts, one line each."""
    names = ("published (UTC)", "last run", "at (UTC)", "needs attention")
    table = Table(Column("district", no_wrap=True), *_columns(names), box=None)
    for line in lines:
        style = "red" if line.attention else None
        needs = "; ".join(line.attention)
        cells = (line.district, line.published_at, line.last_run, line.last_run_at, needs)
        table.add_row(*cells, style=style)
    out.print(table)
    concerned = sum(bool(line.attention) for line in lines)
    out.print(f"{len(lines)} districts, {concerned} need attention.", highlight=False)


def print_state(out: Console, name: str, state: dict[str, Any]) -> None:
    """One district: what is published, what is held and why, alarms, and the last runs."""
    back = " (an operator went back to it)" if state["rolled_back"] else ""
    out.print(f"[bold]{name}[/bold]  published: {state['published'] or 'nothing yet'}{back}")
    for hold in state["holds"]:
        which = f" --job {hold['job']}" if len(state["holds"]) > 1 else ""
        _print_warning(
            out,
            f"held ({hold['job']}) since {hold['held_at']}: {', '.join(hold['codes'])};"
            f" approve {name}{which} or discard {name}{which}",
        )
        _print_preview(out, hold["preview"])
    for warning in _warnings(state):
        _print_warning(out, warning)
    for title, columns, rows in (
        ("Last nights", ("published_at", "snapshot_id", "changes"), state["snapshots"]),
        ("Last runs", ("started_at", "job", "outcome", "message"), state["runs"]),
        (
            "Decisions",
            ("held_at", "job", "state", "decided_at", "decided_by"),
            state["decisions"],
        ),
        (
            "Disclosures",
            ("disclosed_at", "disclosed_by", "format", "rows", "folder"),
            state["disclosures"],
        ),
    ):
        if rows:
            if len(rows) > ROWS_SHOWN:
                title = f"{title}: {ROWS_SHOWN} of {len(rows)} (`--json` has them all)"
            _print_rows(out, title, columns, rows[:ROWS_SHOWN])


def _warnings(state: dict[str, Any]) -> Iterator[str]:
    """What somebody must see to, beside what is held."""
    if state["published"] and not state["roster"]:
        yield "the published roster is not there: the next run builds it anew if it can"
    if state["read_instead"]:
        yield (
            f"readers have snapshot {state['read_instead']} instead: a publication or a rollback"
            " was cut short. `sync`, or the same `rollback` again, finishes it"
        )
    for alarm in state["alarms"]:
        codes = ", ".join(f"{code}: {count}" for code, count in alarm["codes"].items())
        yield f"alarm {alarm['cause']} since {alarm['raised_at']} ({codes}). {alarm['says']}"
    for one in state["undelivered"]:
        yield (
            f"messages about alarms since {one['since']} that the receiver ({one['channel']})"
            f" does not take: {one['messages']}; they are tried again for three days"
        )
    for one in state["erasures"]:
        if one["completed_at"] is None:
            yield f"an erasure of {one['erased_at']} was cut short: run the same command again"
    if state["erased_rows_received"]:
        files = ", ".join(f"{name}: {n:,}" for name, n in state["erased_rows_received"].items())
        yield (
            f"the received files of the current night have rows of erased students ({files})."
            " They are not published; ask the district to remove them from its exports, or, where"
            " the ID is another child's now, lift the erasure: that family is told of nothing."
        )


def _print_warning(out: Console, sentence: str) -> None:
    out.print(f"  {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)


def _print_preview(out: Console, preview: dict[str, Any]) -> None:
    """Why it is held, and what publishing would do at which school. The names are in a report."""
    for reason in preview.get("reasons", ()):
        out.print(f"  {reason['export']}: {reason['message']}", markup=False, highlight=False)
    for part, title in (("absent", "Who is absent"), ("changes", "What publishing would do")):
        if rows := preview.get(part):
            _print_rows(out, title, rows[0], rows)
    if preview.get("would_vanish"):
        vanish = f"  who would vanish: {preview['would_vanish']}, beside the report"
        out.print(vanish, markup=False, highlight=False, soft_wrap=True)


def _print_rows(
    out: Console, title: str, columns: Collection[str], rows: list[dict[str, Any]]
) -> None:
    table = Table(*_columns(columns), title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    out.print(table)


def _columns(names: Iterable[str]) -> list[Column]:
    """Columns that go on in the next line where there is no room: nothing is cut off."""
    return [Column(name, overflow="fold") for name in names]


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in value.items())
    return "" if value is None else escape(str(value))


def print_answer(out: Console, answer: dict[str, Any]) -> None:
    """Facts one a line, then each list as a table."""
    for name, value in answer.items():
        if not isinstance(value, list | dict):
            out.print(f"{name.replace('_', ' ')}: {value}", markup=False, highlight=False)
    for name, value in answer.items():
        rows = [value] if isinstance(value, dict) and value else value
        if isinstance(rows, list) and rows:
            table = Table(*_columns(key.replace("_", " ") for key in rows[0]), title=name)
            for row in rows:
                table.add_row(*(_cell(cell) for cell in row.values()))
            out.print(table)
