"""`demo`: a synthetic district behind an embedded SFTP server, run as a real one is.

For: the first two minutes of a new user, and the UI with something in it. Belongs here: the
settings of the demo district, and the summary. Does not belong here: the server (`server.py`)
and the district (`district.py`).
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import yaml
from rich.console import Console
from rich.table import Column, Table

from connect_pipeline.databases import count_rows
from connect_pipeline.disk import private_folder, replacing
from connect_pipeline.errors import UsageError
from connect_pipeline.home import Home
from connect_pipeline.launch import Finished, run_job
from connect_pipeline.orchestration.instance import WORKSPACE, dagster_home
from connect_pipeline.orchestration.names import ATTENDANCE_ALERTS, NIGHTLY_SYNC
from connect_pipeline.outcomes import without_code
from connect_pipeline.published import open_published
from connect_pipeline.sample.district import ALERT_CODES, OTHER_CODES, GeneratedDistrict, generate
from connect_pipeline.sample.server import EmbeddedServer

DISTRICT = "demo"
ZONE = "America/Los_Angeles"
PASSWORD_VARIABLE = "DEMO_SFTP_PASSWORD"  # noqa: S105 - the variable's name
FIRST_LINE = "# Written by `connect-pipeline demo`; it writes this file anew at each start.\n"
SEED = 1


def run_demo(home: Home, students: int, console: Console, *, with_ui: bool) -> int:
    """Generate, serve, run both jobs through Dagster, and sum up. Returns the exit code.

    Raises `UsageError` when `home` has settings that the demo did not write.
    """
    settings = home.settings_file
    if settings.exists() and not settings.read_text(encoding="utf-8").startswith(FIRST_LINE):
        raise UsageError(
            f"{settings} belongs to real districts. Set CONNECT_HOME to an empty folder for a demo."
        )
    drop = private_folder(home.root / "demo-drop")
    district = generate(drop / "exports", students, SEED, today=datetime.now(ZoneInfo(ZONE)).date())
    password = secrets.token_urlsafe(16)
    os.environ[PASSWORD_VARIABLE] = password
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(drop, DISTRICT, password))
        with replacing(settings) as file:
            file.write((FIRST_LINE + _settings(server, district)).encode())
        console.print(
            f"An SFTP server with {students:,} students' exports listens on"
            f" 127.0.0.1:{server.port}.",
            highlight=False,
        )
        finished = [run_job(home, job, DISTRICT) for job in (NIGHTLY_SYNC, ATTENDANCE_ALERTS)]
        summarise(home, district, finished, console)
        if with_ui:
            _open_ui(home, console)
    return max(one.exit_code for one in finished)


def _settings(server: EmbeddedServer, district: GeneratedDistrict) -> str:
    content = {
        "districts": {
            DISTRICT: {
                "name": "Demo Unified School District",
                "timezone": ZONE,
                "deadline": "23:30",
                "sftp": {
                    "host": "127.0.0.1",
                    "port": server.port,
                    "username": DISTRICT,
                    "password_env": PASSWORD_VARIABLE,
                    "host_key": server.host_key_line,
                    "folder": "/exports",
                },
                "sites": district.sites,
                "attendance": {
                    "enabled": True,
                    "alert_codes": list(ALERT_CODES),
                    "other_codes": list(OTHER_CODES),
                    "send_at": ["10:00", "17:30"],
                },
            }
        }
    }
    return yaml.safe_dump(content, sort_keys=False)


def summarise(
    home: Home, district: GeneratedDistrict, finished: list[Finished], console: Console
) -> None:
    """What came of it, in the order of the data, and what to try next."""
    console.print()
    for job, one in zip(("Nightly run", "Attendance run"), finished, strict=True):
        console.print(
            f"{job}: {without_code(one.outcome).replace('_', ' ')}",
            style="bold green" if one.exit_code == 0 else "bold red",
        )
        if one.message:
            console.print(one.message, markup=False, highlight=False)
    console.print()
    if not home.roster(DISTRICT).exists():
        return
    with open_published(home.roster(DISTRICT)) as roster:
        console.print(_exports_table(district, roster))
        console.print(_groups_table(roster))
    if home.attendance(DISTRICT).exists():
        with open_published(home.attendance(DISTRICT)) as attendance:
            console.print(_recipients_table(attendance))
    _print_next(home, console)


def _exports_table(district: GeneratedDistrict, roster: duckdb.DuckDBPyConnection) -> Table:
    table = Table("export", "rows", title="Exports received", title_justify="left")
    for name, rows in district.counts.items():
        table.add_row(name, f"{rows:,}")
    table.add_row("quarantined", f"{count_rows(roster, 'quality.quarantine'):,}")
    return table


def _groups_table(roster: duckdb.DuckDBPyConnection) -> Table:
    table = Table("audience", "kind", "groups", "members", title="Groups", title_justify="left")
    rows = roster.execute(
        "SELECT audience, kind, count(*), sum(member_count)::BIGINT FROM connect.groups"
        " GROUP BY ALL ORDER BY audience DESC, kind"
    ).fetchall()
    for audience, kind, groups, members in rows:
        table.add_row(audience, kind, f"{groups:,}", f"{members:,}")
    return table


def _recipients_table(attendance: duckdb.DuckDBPyConnection) -> Table:
    table = Table("absent students", "count", title="Absences today", title_justify="left")
    for status, reason, count in attendance.execute(
        "SELECT status, reason, count(*) FROM attendance.accounting GROUP BY ALL ORDER BY 1, 2"
    ).fetchall():
        table.add_row(f"{status}{f': {reason}' if reason else ''}", f"{count:,}")
    for channel, count in attendance.execute(
        "SELECT channel, count(*) FROM attendance.recipients GROUP BY ALL ORDER BY 1"
    ).fetchall():
        table.add_row(f"recipients by {channel}", f"{count:,}")
    return table


def _print_next(home: Home, console: Console) -> None:
    rows = [
        ("published roster", home.roster(DISTRICT)),
        ("absences today", home.attendance(DISTRICT)),
        ("lists for the sender", home.outbox(DISTRICT)),
        ("reports", home.reports(DISTRICT)),
    ]
    table = Table("what", Column("where", overflow="fold"), title="Files", title_justify="left")
    for what, where in rows:
        table.add_row(what, _short(where))
    console.print(table)
    console.print("Try next:", style="bold")
    for command, why in (
        ("make ui", "the same in the Dagster UI"),
        ("connect-pipeline status demo", "what is published, held, and run"),
        (f"connect-pipeline validate {_short(home.root / 'demo-drop' / 'exports')}", "a report"),
        ("connect-pipeline generate broken --defects", "exports as bad as real ones, labelled"),
    ):
        console.print(f"  {command}  [dim]# {why}[/dim]", highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    """A path as one would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _open_ui(home: Home, console: Console) -> None:
    """Dagster's web server and daemon on the demo's instance, until Ctrl-C."""
    environment = {
        **os.environ,
        "CONNECT_HOME": str(home.root),
        "DAGSTER_HOME": str(dagster_home(home)),
    }
    port = os.environ.get("CONNECT_UI_PORT", "3000")
    graph = ["-w", str(WORKSPACE)]
    commands = (
        ["dagster_webserver", "-h", "127.0.0.1", "-p", port, *graph],
        ["dagster._daemon", "run", *graph],
    )
    console.print(f"The Dagster UI: http://127.0.0.1:{port} (Ctrl-C ends it).", style="bold")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C, with all below
    with ExitStack() as stack:
        services = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - our own commands
                    [sys.executable, "-m", *command],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            for command in commands
        ]
        try:
            ended = services[0].wait()
            console.print(f"The UI ended with exit code {ended}; is port {port} taken?")
        except KeyboardInterrupt:
            console.print("Stopping ...")
        finally:
            for service in services:
                service.terminate()
