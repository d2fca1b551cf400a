"""The commands (DESIGN section 8).

For: turning a command line into calls, and results into text, JSON and an exit code: 0 done,
1 blocked or held, 2 wrong usage or settings, 3 the environment failed.
Belongs here: arguments and answers. Does not belong here: how these are printed (`console.py`),
any work; heavy parts (Dagster, paramiko) are imported by the command that needs them, so that
`validate` starts at once.
"""

from __future__ import annotations

import atexit
import datetime
import gc
import io
import logging
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from connect_pipeline.console import (
    answers,
    busy,
    err,
    out,
    print_json,
    print_line,
    say,
    show_progress,
)
from connect_pipeline.errors import ConnectError, SettingsError, SystemFault, UsageError
from connect_pipeline.home import Home
from connect_pipeline.outcomes import without_code
from connect_pipeline.process.private import keep_private
from connect_pipeline.process.readers import outlive_readers
from connect_pipeline.process.stops import is_stop
from connect_pipeline.process.who import user_name

if TYPE_CHECKING:
    from connect_pipeline.launch import Finished
    from connect_pipeline.validation import Report

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Districts = Annotated[list[str] | None, typer.Argument(help="Names as in districts.yaml.")]
All = Annotated[bool, typer.Option("--all", help="Every district in the settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
District = Annotated[str, typer.Argument(help="A name as in districts.yaml.")]
HeldJob = Annotated[
    Literal["core", "attendance"] | None,
    typer.Option("--job", help="Whose files are meant, when both jobs' are held."),
]


def process() -> None:
    """`main` as the whole of a process, which ends as soon as its output is out.

    Taking down what the system takes away anyway, a million objects of Dagster's, takes 0.5 s.
    """
    outlive_readers()
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    logging.shutdown()
    with suppress(OSError):  # said by main
        _flush()
    os._exit(code)


def _flush() -> None:
    if sys.stdout is not None:  # as it is when a shell closed it (`>&-`)
        sys.stdout.flush()


def main() -> None:
    """Run a command; an error is one sentence and an exit code, never a traceback."""
    keep_private()
    answers.clear()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for
            stream.reconfigure(errors="replace")
    try:
        code = app(standalone_mode=False)  # that a command ended with
        _flush()
        sys.exit(code)
    except ConnectError as error:
        _fail(str(error), error.exit_code)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _fail("Stopped.", 130)
    except Exception as error:
        if hasattr(error, "format_message"):  # Click's own: a wrong option or argument
            _fail(error.format_message(), 2)
        if is_stop(error):
            _fail("Stopped.", 130)
        from connect_pipeline.foreign_errors import as_our_error

        ours = as_our_error(error)
        _fail(str(ours), ours.exit_code)


def _fail(message: str, exit_code: int) -> None:
    """End with this. Who asked for JSON gets an object in any case, and no more than one."""
    say(message)
    if "--json" in sys.argv[1:] and not answers:
        with suppress(OSError):  # nobody reads it
            print_json({"error": message})
    sys.exit(exit_code)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print_line(f"connect-pipeline {version('connect-pipeline')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """School rosters, communication groups and absence lists from a SIS's CSV exports."""


@app.command()
def validate(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A folder of exports, one export, a zip of them, or - for standard input.",
        ),
    ],
    as_json: AsJson = False,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as one page, for mailing."),
    ] = None,
) -> None:
    """Check exports: the same checks as the nightly run, without server or settings."""
    from connect_pipeline.report.as_json import as_json as to_json
    from connect_pipeline.validation import validate as run_validation

    if not source.strip():
        raise UsageError(
            "Name a folder of exports, one export, a zip of them, or - for standard input."
        )
    if page is not None:
        _refuse_as_page(page, source)
    with busy("Checking ...") as show:
        report = run_validation(source, progress=lambda name: show(f"Checking {name} ..."))
    if as_json:
        print_json(to_json(report))
    else:
        from connect_pipeline.report.as_text import as_text

        out().print(as_text(report))
    if page is not None:
        _write_page(page, report)
    if report.misread:
        raise typer.Exit(SystemFault.exit_code)
    raise typer.Exit(1 if report.verdict == "blocked" else 0)


def _refuse_as_page(page: Path, source: str) -> None:
    """Raise `UsageError` where a page would take the place of something else."""
    from connect_pipeline.contract import BY_FILE_NAME

    what = ""
    if page.exists() and not page.is_file():
        what = "a folder" if page.is_dir() else "a device"
    elif page.name in BY_FILE_NAME or page.resolve() == Path(source).resolve():
        what = "for exports"
    if what:
        raise UsageError(f"{page} is {what}. Name the file that --html is to write.")


def _write_page(page: Path, report: Report) -> None:
    from connect_pipeline.disk import replacing
    from connect_pipeline.report.as_html import About, as_html

    about = About(when=datetime.datetime.now().astimezone())
    with replacing(page) as file:
        file.write(as_html(report, about).encode())
    print_line(f"The report is in {page}.", to=err())


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the exports are written.")],
    students: Annotated[int, typer.Option(help="How many students.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    defects: Annotated[
        bool, typer.Option("--defects", help="Damage them as real ones are.")
    ] = False,
) -> None:
    """Write the exports of a synthetic district."""
    from connect_pipeline.sample.defects import add_defects, refuse_too_few
    from connect_pipeline.sample.district import generate as write_district

    if defects:  # before anything is written
        refuse_too_few(students)
    today = datetime.datetime.now().astimezone().date()
    with busy("Generating ..."):
        made = write_district(folder, students, seed, today=today)
        labels = add_defects(folder, seed) if defects else []
    for name, rows in made.counts.items():
        print_line(f"{folder / name}: {rows:,} rows")
    if labels:
        print_line(f"{len(labels)} defects, each labelled in {folder / 'defects.json'}")


@app.command()
def sync(districts: Districts = None, every: All = False, as_json: AsJson = False) -> None:
    """Fetch, check and publish the core set: the nightly job."""
    from connect_pipeline.orchestration.names import NIGHTLY_SYNC

    _run_jobs(NIGHTLY_SYNC, _named(districts, every=every), as_json=as_json)


@app.command()
def alerts(
    districts: Districts = None,
    every: All = False,
    as_json: AsJson = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count who would be listed now.")
    ] = False,
) -> None:
    """Fetch the absences and list who must be told: the attendance job."""
    wanted = _named(districts, every=every, with_attendance=True)
    if dry_run:
        _preview_alerts(wanted, as_json=as_json)
        return
    from connect_pipeline.orchestration.names import ATTENDANCE_ALERTS

    _run_jobs(ATTENDANCE_ALERTS, wanted, as_json=as_json)


def _preview_alerts(districts: list[str], *, as_json: bool) -> None:
    """What `alerts` would list now, as counts. Nobody is listed, and no list is written."""
    from connect_pipeline.ledger import PREVIEW_JOB, refuse_gone
    from connect_pipeline.run.lifecycle import district_run

    home = Home.from_environment()
    refuse_gone(home)
    previews: dict[str, dict[str, int] | dict[str, str]] = {}
    exit_code = 0
    for name in districts:
        try:
            with district_run(home, name, uuid.uuid4().hex, PREVIEW_JOB) as run:
                previews[name] = counts = run.attendance.preview()
        except ConnectError as error:  # one district's fault is not another's
            previews[name] = {"error": str(error)}
            exit_code = max(exit_code, error.exit_code)
            say(str(error))
            continue
        is_held = any(what.startswith("held: ") for what in counts)
        exit_code = max(exit_code, int(is_held or "discarded" in counts))
        if not as_json:
            says = (
                "held: nobody would be listed, and once it is approved these"
                if is_held
                else "would be listed now"
            )
            out().print(f"{name}: {says}", style="bold", highlight=False)
            for what, count in counts.items():
                out().print(f"  {what.replace('_', ' ')}: {count:,}", highlight=False)
    if as_json:
        print_json(previews)
    raise typer.Exit(exit_code)


def _named(districts: list[str] | None, *, every: bool, with_attendance: bool = False) -> list[str]:
    """The districts that a command line names, checked against the settings."""
    from connect_pipeline.settings_file import load_settings, load_sound_districts

    if bool(districts) == every:
        raise UsageError("Name the districts, or give --all.")
    path = Home.from_environment().settings_file
    if districts:
        sound = load_sound_districts(path)
        for name in districts:
            chosen = sound.district(name)
            if with_attendance and not chosen.attendance.enabled:
                raise UsageError(f"{name} has no attendance alerts: attendance.enabled is off.")
        return districts
    return [
        name
        for name, district in load_settings(path).districts.items()
        if district.attendance.enabled or not with_attendance
    ]


def _run_jobs(job: str, districts: list[str], *, as_json: bool) -> None:
    with _quickly():
        from connect_pipeline.launch import run_job

    home = Home.from_environment()
    if not as_json:
        show_progress()
    finished = []
    for district in districts:
        with busy(f"{district}: {job} ..."):
            finished.append(run_job(home, job, district))
        if not as_json:
            _print_finished(finished[-1])
        if finished[-1].is_stopped:
            break
    if as_json:
        print_json(
            {
                one.district: {
                    "outcome": without_code(one.outcome),
                    "message": one.message,
                    "run_id": one.run_id,
                    "counts": one.codes,
                }
                for one in finished
            }
        )
    raise typer.Exit(max((one.exit_code for one in finished), default=0))


@contextmanager
def _quickly() -> Iterator[None]:
    """Import Dagster: nothing of it is ever garbage, and looking for some takes 0.5 s of a run."""
    gc.disable()
    try:
        yield
        gc.freeze()
        # DuckDB's modules complain of what is not taken down when the interpreter is.
        atexit.register(gc.unfreeze)
    finally:
        gc.enable()


def _print_finished(one: Finished) -> None:
    word = without_code(one.outcome).replace("_", " ")
    style = "green" if one.exit_code == 0 else "red"
    out().print(f"{one.district}: {word}", style=style, highlight=False)
    if one.message:
        print_line(one.message)


@app.command()
def status(
    district: Annotated[str | None, typer.Argument(help="One district; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is published, what is held, and the last runs; of many, one line each."""
    from connect_pipeline.ledger import open_ledger, refuse_gone
    from connect_pipeline.settings_file import load_sound_districts
    from connect_pipeline.status.as_text import print_overview, print_state
    from connect_pipeline.status.state import district_status, overview

    home = Home.from_environment()
    sound = load_sound_districts(home.settings_file)
    if district and district not in sound.wrong:  # whose state is known all the same
        sound.district(district)
    names = [district] if district else list(sound.told.districts)
    wrong = {name: says for name, says in sound.wrong.items() if name in names}
    refuse_gone(home)
    with closing(open_ledger(home)) as ledger:
        if as_json:
            print_json({name: district_status(home, ledger, name) for name in names})
        elif len(names) > 1:
            print_overview(out(), overview(home, ledger, names, wrong))
        else:
            (name,) = names
            print_state(out(), name, district_status(home, ledger, name))
    if wrong:
        raise SettingsError("\n".join(wrong.values()))


@app.command()
def approve(district: District, job: HeldJob = None) -> None:
    """Release exactly the held files; the next run publishes them."""
    _decide(district, "approved", job)


@app.command()
def discard(district: District, job: HeldJob = None) -> None:
    """Give up the held files; what is published stays until others come."""
    _decide(district, "discarded", job)


def _decide(district: str, decision: str, job: str | None) -> None:
    from connect_pipeline import decisions

    home = Home.from_environment()
    for sentence in decisions.decide(
        home,
        district,
        decisions.Decision(decision),
        user_name(),
        decisions.HeldJob(job) if job else None,
    ):
        print_line(sentence)


@app.command()
def rollback(
    district: District,
    snapshot: Annotated[str, typer.Argument(help="A snapshot's ID, as `status` shows it.")],
) -> None:
    """Make an earlier snapshot current again. The next night waits for an operator."""
    from connect_pipeline import snapshots
    from connect_pipeline.erased import records as erasure_records
    from connect_pipeline.ledger import open_ledger
    from connect_pipeline.process.locks import locked
    from connect_pipeline.settings_file import load_sound_districts

    home = Home.from_environment()
    load_sound_districts(home.settings_file).district(district)
    with locked(home, district), closing(open_ledger(home)) as ledger:
        erasure_records.refuse_cut_short(ledger, district)  # an older one may have who is erased
        says = snapshots.roll_back(home, ledger, district, snapshot, user_name())
    print_line(says)


@app.command()
def history(
    district: District,
    student: Annotated[str | None, typer.Option(metavar="ID", help="A student's groups.")] = None,
    group: Annotated[str | None, typer.Option(metavar="ID", help="A group's members.")] = None,
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="A day such as 2026-10-02; today by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who was in what on a day, from the snapshot that was published then."""
    from connect_pipeline.ledger import open_ledger, refuse_gone
    from connect_pipeline.settings_file import load_sound_districts
    from connect_pipeline.snapshots import history as past
    from connect_pipeline.status.as_text import print_answer

    if student is not None and group is not None:
        raise UsageError("Ask for --student or for --group, not for both.")
    home = Home.from_environment()
    zone = load_sound_districts(home.settings_file).district(district).zone
    day = _past_day(on, today=datetime.datetime.now(zone).date())
    refuse_gone(home)
    with closing(open_ledger(home)) as ledger:
        night = past.night_on(home, ledger, district, day, zone)
    if student is not None:
        answer = past.student_on(night, student)
    elif group is not None:
        answer = past.group_on(night, group)
    else:
        answer = past.summary_of(night)
    answer = {"snapshot_id": night.snapshot_id, "current_from": night.current_from, **answer}
    if as_json:
        print_json(answer)
    else:
        print_answer(out(), answer)


def _past_day(on: str | None, *, today: datetime.date) -> datetime.date:
    """The day that is asked for, `today` when none is. Raises `UsageError` for a later one."""
    from connect_pipeline.settings import DAY

    if on is None:
        return today
    try:
        if not DAY.fullmatch(on):  # Python reads weeks, too
            raise ValueError
        day = datetime.date.fromisoformat(on)
    except ValueError:
        raise UsageError("--on is a day such as 2026-10-02.") from None
    if day > today:
        raise UsageError(f"{day} has not been yet: --on is a day of the past, or today.")
    return day


@app.command()
def export(
    district: District,
    place: Annotated[str, typer.Argument(metavar="DIR", help="Where the tables are written.")],
    file_format: Annotated[str, typer.Option("--format", help="parquet or csv.")] = "parquet",
) -> None:
    """Write the published tables as Parquet or CSV, and record the disclosure."""
    from connect_pipeline.ledger import open_ledger
    from connect_pipeline.settings_file import load_sound_districts
    from connect_pipeline.snapshots.export import FORMATS, export_tables

    if file_format not in FORMATS:
        raise UsageError(f"--format is one of {', '.join(FORMATS)}.")
    if not place.strip():  # a path of no name is the working directory
        raise UsageError("Name the folder that the tables are to be written to.")
    folder = Path(place)
    home = Home.from_environment()
    load_sound_districts(home.settings_file).district(district)
    with closing(open_ledger(home)) as ledger:
        written = export_tables(home, ledger, district, folder, file_format, user_name())
    for name, rows in written.items():
        print_line(f"{folder / name}: {rows:,} rows")


@app.command()
def erase(
    district: District,
    student: Annotated[
        str | None, typer.Option(metavar="ID", help="One student; without it, the whole district.")
    ] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let them be published again.")] = False,
) -> None:
    """Forget a student or a whole district, provably."""
    from connect_pipeline.erasure.erase import erase_district, erase_student, lift_erasure

    home, by = Home.from_environment(), user_name()
    if lift:
        print_line(lift_erasure(home, district, student, by))
        return
    if student is None and sys.stdin.isatty():
        typer.confirm(f"Erase everything of {district}, for ever?", abort=True)
    with busy("Erasing ..."):
        if student is None:
            done = erase_district(home, district, by)
        else:
            done = erase_student(home, district, student, by)
    for sentence in done.says:
        print_line(sentence)
    print_line(f"The certificate is {done.certificate}.")


@app.command()
def doctor(
    district: Annotated[str | None, typer.Argument(help="One district; all by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with this set-up: settings, host key, login, folder, permissions."""
    from connect_pipeline.doctor import examine

    findings = []
    for one in examine(Home.from_environment(), district):
        findings.append(one)
        if not as_json:
            mark, style = ("ok ", "green") if one.exit_code == 0 else ("BAD", "red")
            print_line(f"{mark} {one.what}: {one.says}", style)
    if as_json:
        checks = [{"what": one.what, "ok": not one.exit_code, "says": one.says} for one in findings]
        print_json({"ok": all(check["ok"] for check in checks), "checks": checks})
    raise typer.Exit(max(one.exit_code for one in findings))


@app.command()
def demo(
    students: Annotated[int, typer.Option(help="How many students.")] = 1_000,
    ui: Annotated[bool, typer.Option("--ui", help="Leave the Dagster UI open.")] = False,
) -> None:
    """Run the whole job on a synthetic district behind an embedded SFTP server."""
    with _quickly():
        from connect_pipeline.sample.demo import run_demo

    show_progress()
    raise typer.Exit(run_demo(Home.from_environment(), students, out(), with_ui=ui))


if __name__ == "__main__":
    process()
