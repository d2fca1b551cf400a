"""Many districts on one machine: a look at all of them, and a status that fits a screen."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import insert

from connect_pipeline.alarms import raise_alarm
from connect_pipeline.alarms.words import Cause
from connect_pipeline.contract import CORE
from connect_pipeline.drop.looks import look_at_all
from connect_pipeline.ledger import now, stamp, tables
from connect_pipeline.ledger.times import to_the_minute
from connect_pipeline.settings_file import load_settings
from connect_pipeline.status.as_text import print_answer, print_overview
from connect_pipeline.status.state import Line, overview
from connect_pipeline_tests.fleet import Fleet, fleet
from connect_pipeline_tests.sshd import OpenSshd

FILES = {spec.file_name: "ID\n" for spec in CORE}


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    with fleet(tmp_path, monkeypatch) as made:
        yield made


def settle(ships: Fleet, count: int) -> float:
    """So many districts with files that rest; the seconds that one tick takes."""
    for number in range(count):
        ships.add(f"d{number:04}", FILES)
    ships.load()
    assert ships.tick() == []
    begun = time.monotonic()
    requests = ships.tick()
    seconds = time.monotonic() - begun
    assert len({request.run_key for request in requests}) == count
    return seconds


def test_two_hundred_districts_are_one_short_tick(ships: Fleet) -> None:
    ships.add("red", FILES, sftp={"username": "nobody"})
    assert settle(ships, 200) < 15
    assert len(ships.cursors["core_set_arrived"] or "") < 10_000


DAY = timedelta(days=1)


@pytest.mark.slow
def test_a_thousand_districts_are_one_tick(ships: Fleet) -> None:
    assert settle(ships, 1000) < 40


@pytest.mark.slow
@pytest.mark.parametrize("logins", ["one login", "a login each"])
def test_a_thousand_folders_on_a_real_sshd_are_looked_at_in_twenty_seconds(
    tmp_path: Path, logins: str
) -> None:
    with OpenSshd(tmp_path / "sshd") as sshd:
        drops = {}
        for number in range(1000):
            folder = tmp_path / "drops" / f"d{number:04}"
            folder.mkdir(parents=True)
            for name, content in FILES.items():
                (folder / name).write_text(content)
            drops[folder.name] = sshd.settings(folder)
            if logins == "a login each":
                key = tmp_path / f"key-{number}"
                key.symlink_to(sshd.private_key)
                drops[folder.name] = drops[folder.name].model_copy(update={"private_key": key})
        begun = time.monotonic()
        looks = look_at_all(drops)
        assert time.monotonic() - begun < 20
    assert all(isinstance(look, dict) and set(look) == set(FILES) for look in looks.values())
    assert len(looks) == 1000


def test_the_status_of_many_is_one_line_each_and_who_needs_somebody_comes_first(
    ships: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from connect_pipeline import cli, console

    names = [f"d{number:03}" for number in range(300)]
    for name in names:
        ships.add(name, {})
    ships.load()
    ledger, settings = ships.ledger, load_settings(ships.home.settings_file)
    with ledger.transaction() as connection:
        for name in names:
            days = 3 if name == "d123" else 0
            for run, outcome in enumerate(("failed:3", "published")):
                connection.execute(
                    insert(tables.runs).values(
                        run_id=f"{name}-{run}",
                        district=name,
                        job="core",
                        started_at=stamp(now() - (days + 2 - run) * DAY),
                        outcome=outcome,
                        codes={},
                        message="",
                    )
                )
    for name in ("d250", "d251"):
        ledger.hold(name, "core", "x", {"mass_removal": 1})
    decided = ledger.open_hold("d251", "core")
    assert decided is not None
    ledger.decide(decided, "discarded", "Pat Operator")
    raise_alarm(ledger, settings, "d299", "core", Cause.MISSING, {"missing_file": 1})
    begun = time.monotonic()
    lines = overview(ships.home, ledger, names)
    assert time.monotonic() - begun < 2
    assert [line.district for line in lines[:4]] == ["d123", "d250", "d299", "d000"]
    assert lines[0].attention == ["no run since then: is the daemon up?"]
    assert lines[1].attention[0].startswith("held (core) since ")
    assert lines[2].attention == ["missing (core)"]
    assert {line.last_run for line in lines} == {"core: published"}

    monkeypatch.setenv("CONNECT_HOME", str(ships.home.root))
    monkeypatch.setattr(console.out(), "width", 140)
    monkeypatch.setattr("sys.argv", ["connect-pipeline", "status"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1 + len(names) + 1
    assert shown[-1] == "300 districts, 3 need attention."


@pytest.mark.parametrize("width", [80, 60])
def test_a_narrow_terminal_shows_the_whole_name_and_every_word(width: int) -> None:
    line = Line(
        "springfield-unified",
        to_the_minute("2026-11-29T08:34:25Z"),
        "attendance: nothing new",
        to_the_minute("2026-11-29T09:16:58Z"),
        ["drop unreachable (core)", "missing (attendance)"],
    )
    shown = io.StringIO()
    print_overview(Console(file=shown, width=width), [line])
    text = shown.getvalue()
    assert "springfield-unified" in text
    assert "…" not in text
    assert {"08:34", "09:16", "nothing", "(core);", "missing"} <= set(text.split())


def test_a_narrow_terminal_cuts_no_cell_off() -> None:
    shown = io.StringIO()
    times = {f"column_{number}": "2026-11-29T08:34:25Z" for number in range(5)}
    print_answer(Console(file=shown, width=80), {"runs": [times]})
    text = shown.getvalue()
    assert "…" not in text
    assert "25Z" in text
