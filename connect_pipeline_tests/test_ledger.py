"""The ledger, on SQLite and on a real PostgreSQL: facts, holds, migrations, two writers at once."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from connect_pipeline.attendance import told
from connect_pipeline.errors import (
    DatabaseFault,
    DiskFault,
    EnvironmentFault,
    SettingsError,
    SystemFault,
)
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, compact, now, open_ledger, set_sha256, tables
from connect_pipeline.ledger import postgres as limits
from connect_pipeline.run.lost_lists import refuse_lost_ledger
from connect_pipeline_tests.bad_line import HANGS_UP_AFTER_SECONDS, silent_line
from connect_pipeline_tests.postgres import empty, wait_for_waiting


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
        monkeypatch.setenv("CONNECT_LEDGER_URL", url)
        empty(url)
    else:
        monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    opened = open_ledger(Home(tmp_path / "home"))
    yield opened
    opened.engine.dispose()


def test_migrations_make_the_tables_that_the_code_knows(ledger: Ledger) -> None:
    inspector = sa.inspect(ledger.engine)
    for table in tables.metadata.sorted_tables:
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        assert columns == {column.name for column in table.columns}, table.name


def test_opening_again_migrates_nothing_and_keeps_the_key(ledger: Ledger, tmp_path: Path) -> None:
    ledger.start_run("run", "lincoln", "core")
    again = open_ledger(Home(tmp_path / "home"))
    assert again.run("run") is not None
    assert again.hashed("+15595550101") == ledger.hashed("+15595550101")
    again.engine.dispose()


def test_a_ledger_of_a_newer_version_is_refused_and_stays(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="or by another version of connect_pipeline"):
        open_ledger(Home(tmp_path / "home"))
    with ledger.engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert version == "9999"


def test_a_run_ends_with_what_became_of_it(ledger: Ledger) -> None:
    ledger.start_run("run", "lincoln", "core")
    row = ledger.run("run")
    assert row is not None
    assert (row["outcome"], row["ended_at"]) == ("running", None)
    ledger.end_run("run", "published", {"invalid_email": 3}, "well")
    row = ledger.run("run")
    assert row is not None
    assert (row["outcome"], row["codes"], row["message"]) == (
        "published",
        {"invalid_email": 3},
        "well",
    )


def state_of(ledger: Ledger, set_hash: str) -> str | None:
    """What became of the last hold on these bytes."""
    hold = ledger.last_hold("lincoln", "core", set_hash)
    return None if hold is None else hold["state"]


def test_a_hold_is_about_exactly_these_bytes(ledger: Ledger) -> None:
    first, second = set_sha256({"a": "1"}), set_sha256({"a": "2"})
    ledger.hold("lincoln", "core", first, {"mass_removal": 1})
    ledger.hold("lincoln", "core", first, {"mass_removal": 1})
    assert state_of(ledger, first) == "held"
    ledger.hold("lincoln", "core", second, {"mass_change": 1})
    assert state_of(ledger, first) == "superseded"
    hold = ledger.open_hold("lincoln", "core")
    assert hold is not None
    assert hold["set_sha256"] == second
    ledger.decide(hold, "approved", "an operator")
    assert state_of(ledger, second) == "approved"
    assert ledger.open_hold("lincoln", "core") is None


def test_the_current_snapshot_is_the_one_made_current(ledger: Ledger) -> None:
    assert ledger.current_snapshot("lincoln") is None
    for name in ("20260101", "20260102"):
        ledger.begin_snapshot("lincoln", name, now(), "run", {}, "set")
        ledger.make_current("lincoln", name)
    current = ledger.current_snapshot("lincoln")
    assert current is not None
    assert (current["snapshot_id"], current["rolled_back"]) == ("20260102", False)
    ledger.make_current("lincoln", "20260101", rolled_back=True)
    current = ledger.current_snapshot("lincoln")
    assert current is not None
    assert (current["snapshot_id"], current["rolled_back"]) == ("20260101", True)
    assert ledger.current_snapshot("other") is None


def test_a_listing_is_unique_and_a_transaction_whole(ledger: Ledger) -> None:
    row = {
        "district": "lincoln",
        "date": "2026-10-02",
        "student_id": "1",
        "period": "0",
        "channel": "sms",
        "destination_hash": ledger.hashed("+15595550101"),
        "batch_id": "b1",
    }
    with ledger.transaction() as connection:
        connection.execute(sa.insert(tables.listed).values(**row))

    def list_again() -> None:
        with ledger.transaction() as connection:
            connection.execute(sa.insert(tables.listed).values(**{**row, "period": "1"}))
            connection.execute(sa.insert(tables.listed).values(**row))

    with pytest.raises(SystemFault, match="A bug in connect_pipeline: IntegrityError at ") as said:
        list_again()
    assert "lincoln" not in str(said.value), "PostgreSQL quotes the row"
    assert ledger.hashed("+15595550101") not in str(said.value)
    assert len(ledger.rows(sa.select(tables.listed))) == 1


def test_a_file_that_came_back_is_as_old_as_its_return(ledger: Ledger) -> None:
    files = ["a", "a", "b", "b", "a", "a"]
    for minute, sha256 in enumerate(files):
        at = datetime(2026, 10, 5, 7, minute, tzinfo=UTC)
        ledger.record_received("lincoln", "StaffExport.csv", sha256, 1, at, "run")
    with ledger.transaction() as connection:
        for number, row in enumerate(ledger.rows(sa.select(tables.received.c.id))):
            moment = {"received_at": f"2026-10-05T07:0{number}:00Z"}
            of_row = tables.received.c.id == row["id"]
            connection.execute(sa.update(tables.received).where(of_row).values(moment))
    since = {one: ledger.received_since("lincoln", "StaffExport.csv", one) for one in "abc"}
    assert since == {"a": "2026-10-05T07:04:00Z", "b": None, "c": None}


def test_a_table_that_is_not_there_is_our_bug(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE received")
    with pytest.raises(SystemFault, match=r"A bug in .*: \w+Error at transactions\.py"):
        ledger.last_received("lincoln", "StaffExport.csv")


def test_a_server_that_ends_the_connection_is_the_environments(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    empty(postgres)
    ledger, administrator = open_ledger(Home(tmp_path / "home")), sa.create_engine(postgres)

    def lose_the_connection() -> None:
        with ledger.transaction() as connection, administrator.connect() as other:
            mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            other.exec_driver_sql(f"SELECT pg_terminate_backend({mine})")
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseFault, match="The ledger could not be written: its database server"):
        lose_the_connection()
    assert ledger.runs_of("lincoln", 5) == [], "and the next one is made anew"
    administrator.dispose()
    ledger.engine.dispose()


def test_a_server_without_room_is_a_disk_fault(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    empty(postgres)
    ledger = open_ledger(Home(tmp_path / "home"))
    refuse = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';"

    def fill_the_disk() -> None:
        with ledger.transaction() as connection:
            connection.exec_driver_sql(f"DO $$ BEGIN {refuse} END $$")

    with pytest.raises(DiskFault, match="The ledger could not be written"):
        fill_the_disk()
    ledger.engine.dispose()


def test_a_server_that_is_gone_is_no_disk_fault() -> None:
    """Of Dagster's database, too, which no method of the ledger reads."""
    engine = sa.create_engine("postgresql+psycopg2://connect@127.0.0.1:1/none")
    with pytest.raises(sa.exc.OperationalError) as refused:
        engine.connect()
    assert isinstance(as_our_error(refused.value), DatabaseFault)


def test_what_a_lost_session_held_is_free_again_and_its_run_says_so(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server falls silent in the transaction in which it is decided who is listed."""
    url = sa.make_url(postgres)
    empty(postgres)
    monkeypatch.setattr(limits, "SILENT_SECONDS", 0.2)
    monkeypatch.setitem(limits.SESSION, "idle_in_transaction_session_timeout", "1s")
    with silent_line(url.port or 0, after=b"INSERT INTO runs") as port:
        by_proxy = url.set(port=port).render_as_string(hide_password=False)
        monkeypatch.setenv("CONNECT_LEDGER_URL", by_proxy)
        ledger = open_ledger(Home(tmp_path / "home"))

        def lose_the_server() -> None:
            with ledger.transaction() as connection:
                told.lock_district(connection, "lincoln")
                connection.execute(sa.insert(tables.runs).values(run_id="run"))

        began = time.monotonic()
        with pytest.raises(DatabaseFault, match="written: its database server did not answer"):
            lose_the_server()
        assert time.monotonic() - began < HANGS_UP_AFTER_SECONDS
        monkeypatch.setattr(limits, "SILENT_SECONDS", 10)
        with ledger.transaction() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '4s'")
            told.lock_district(connection, "lincoln")
        assert ledger.runs_of("lincoln", 5) == []
        ledger.engine.dispose()


def test_a_lock_of_somebody_else_is_waited_for_for_so_long_only(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    empty(postgres)
    monkeypatch.setitem(limits.SESSION, "lock_timeout", "200ms")
    ledger, other = open_ledger(Home(tmp_path / "home")), sa.create_engine(postgres)
    with other.begin() as connection:
        told.lock_district(connection, "lincoln")

        def wait() -> None:
            with ledger.transaction() as mine:
                mine.exec_driver_sql("SET LOCAL statement_timeout = '5s'")
                told.lock_district(mine, "lincoln")

        with pytest.raises(DatabaseFault, match=r"The ledger .* refused \(LockNotAvailable\)"):
            wait()
    other.dispose()
    ledger.engine.dispose()


def test_limits_in_the_url_count(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(postgres)
    monkeypatch.setenv("CONNECT_LEDGER_URL", f"{postgres}?options=-c%20lock_timeout%3D7s")
    ledger = open_ledger(Home(tmp_path / "home"))
    with ledger.reading() as connection:
        said = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in limits.SESSION]
    assert said == ["2min", "7s"]
    ledger.engine.dispose()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg2://connect@127.0.0.1:{silent.getsockname()[1]}/none"
        monkeypatch.setenv("CONNECT_LEDGER_URL", f"{url}?connect_timeout=1")
        with pytest.raises(DatabaseFault, match="The ledger cannot be opened"):
            open_ledger(Home(tmp_path / "home"))
    monkeypatch.setenv("CONNECT_LEDGER_URL", f"{url}?connect_timeout=soon")
    with pytest.raises(SettingsError, match="CONNECT_LEDGER_URL names no database"):
        open_ledger(Home(tmp_path / "home"))


def test_a_damaged_file_is_the_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    home = Home(tmp_path / "home")
    opened = open_ledger(home)
    opened.engine.dispose()
    content = home.ledger_file.read_bytes()
    home.ledger_file.write_bytes(content[:4096] + b"x" * (len(content) - 4096))
    with pytest.raises(DiskFault, match="The ledger could not be read"):
        opened.runs_of("lincoln", 5)
    opened.engine.dispose()


def test_two_writers_wait_for_each_other(ledger: Ledger) -> None:
    def write(number: int) -> None:
        for step in range(10):
            ledger.start_run(f"run-{number}-{step}", "lincoln", "core")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.runs_of("lincoln", 100)) == 40


def test_a_reader_does_not_wait_for_a_writer_and_sees_what_is_committed(ledger: Ledger) -> None:
    """While one district writes a large batch, the others and `status` go on."""
    ledger.start_run("run", "lincoln", "core")
    with ledger.transaction() as connection:
        connection.execute(sa.update(tables.runs).values(outcome="published"))
        began = time.monotonic()
        (row,) = ledger.runs_of("lincoln", 5)
        assert time.monotonic() - began < 5
        assert row["outcome"] == "running"
    (row,) = ledger.runs_of("lincoln", 5)
    assert row["outcome"] == "published"


def test_no_destination_is_in_the_file_in_clear_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    home = Home(tmp_path / "home")
    opened = open_ledger(home)
    assert opened.hashed("+15595550101") != open_ledger(Home(tmp_path / "other")).hashed(
        "+15595550101"
    )
    assert home.ledger_file.stat().st_mode & 0o777 == 0o600
    assert home.ledger_key_file.stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_not_there_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECT_LEDGER_URL", "postgresql+psycopg2://connect@127.0.0.1:1/none")
    with pytest.raises(EnvironmentFault, match="The ledger cannot be opened"):
        open_ledger(Home(tmp_path / "home"))


def test_another_key_is_refused_once_somebody_was_listed(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another key nobody is recognised as told already, and all would be told again."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("CONNECT_LEDGER_KEY", "one" * 30)
    open_ledger(home).engine.dispose()
    monkeypatch.setenv("CONNECT_LEDGER_KEY", "two" * 30)
    open_ledger(home).engine.dispose()  # nobody was listed yet
    row = dict.fromkeys((column.name for column in tables.listed.columns), "x")
    with ledger.transaction() as connection:
        connection.execute(sa.insert(tables.listed).values(**row))
    open_ledger(home).engine.dispose()
    monkeypatch.setenv("CONNECT_LEDGER_KEY", "one" * 30)
    with pytest.raises(EnvironmentFault, match="everybody would be told again"):
        open_ledger(home)


@pytest.mark.parametrize("characters", [0, 1, 63])
def test_a_key_that_is_cut_off_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    """With what is left of it nobody would be recognised as told already."""
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    monkeypatch.delenv("CONNECT_LEDGER_KEY", raising=False)
    home = Home(tmp_path / "home")
    open_ledger(home).close()
    home.ledger_key_file.write_bytes(home.ledger_key_file.read_bytes()[:characters])
    with pytest.raises(EnvironmentFault, match="is not whole"):
        open_ledger(home)


def test_a_second_key_of_a_process_that_was_killed_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONNECT_LEDGER_URL", raising=False)
    monkeypatch.delenv("CONNECT_LEDGER_KEY", raising=False)
    home = Home(tmp_path / "home")
    open_ledger(home).close()
    left, being_made = (
        home.root / f"{home.ledger_key_file.name}.{one}.partial" for one in ("1b0780b4", "4cbf")
    )
    for path in (left, being_made):
        path.write_bytes(home.ledger_key_file.read_bytes())
    long_ago = time.time() - 120
    os.utime(left, (long_ago, long_ago))
    open_ledger(home).close()
    assert (left.exists(), being_made.exists()) == (False, True)


def test_lists_of_a_day_ago_that_the_ledger_never_heard_of_are_refused_and_older_ones_not(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Retention may keep a list longer than the ledger its row."""
    home = Home(tmp_path / "home")
    outbox = home.outbox("lincoln")
    outbox.mkdir(parents=True)
    old, new = (f"{compact(now() - timedelta(hours=hours))}-0123abcd" for hours in (37, 35))
    (outbox / f"{old}.json").touch()
    refuse_lost_ledger(home, ledger, "lincoln")
    (outbox / f"{new}.json").touch()
    with pytest.raises(EnvironmentFault, match="hold 1 lists that the ledger does not know"):
        refuse_lost_ledger(home, ledger, "lincoln")


def test_of_two_first_starts_the_slower_takes_the_fasters_key(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key of its own, its run would note who was told in a way that nobody can read."""
    monkeypatch.setenv("CONNECT_LEDGER_URL", postgres)
    monkeypatch.delenv("CONNECT_LEDGER_KEY", raising=False)
    empty(postgres)
    home = Home(tmp_path / "home")
    opened = open_ledger(home)
    home.ledger_key_file.unlink()
    slower: list[Ledger] = []
    thread = threading.Thread(target=lambda: slower.append(open_ledger(home)))
    with opened.engine.begin() as connection:  # which stops it after it saw that there is no key
        connection.exec_driver_sql("LOCK TABLE listed IN ACCESS EXCLUSIVE MODE")
        thread.start()
        wait_for_waiting(postgres, 1)
        home.ledger_key_file.write_bytes(b"of the faster one" * 4)
    thread.join()
    assert slower[0].key == b"of the faster one" * 4
    assert [path.name for path in home.root.iterdir()] == ["ledger.key"]
    for one in (opened, *slower):
        one.engine.dispose()
