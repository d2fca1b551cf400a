"""When files count as arrived: every order of looks, without a server and without waiting."""

from __future__ import annotations

import base64
import itertools
import json
import string
import zlib
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_pipeline.contract import ATTENDANCE, CORE, SCHOOLS
from connect_pipeline.drop import arrival
from connect_pipeline.drop.arrival import Ask, Fate, LastRun, Memory, Seen, Watch
from connect_pipeline.sftp import RemoteFile

QUIET = 60
FILES: Seen = {"StaffExport.csv": (10, 100), "StudentExport.csv": (20, 100)}
OTHERS: Seen = {"StaffExport.csv": (10, 100), "StudentExport.csv": (20, 99)}


@dataclass
class Drop:
    """A sensor that looks at one drop, and the runs that it asked for, as Dagster keeps them."""

    watch: Watch = field(default_factory=Watch)
    runs: list[tuple[str, Fate]] = field(default_factory=list)
    questions: int = 0

    def look(self, seen: Seen, at: float) -> Ask | None:
        self.watch, ask = arrival.look(self.watch, seen, at, QUIET, self.last_run)
        if ask is not None:
            self.runs.append((ask.files, Fate.UNDER_WAY))
        return ask

    def last_run(self, files: str) -> LastRun:
        self.questions += 1
        attempts = sum(name == files for name, _ in self.runs)
        if not self.runs or self.runs[-1][0] != files:
            return LastRun(Fate.NONE, attempts)
        return LastRun(self.runs[-1][1], attempts)

    def ends(self, fate: Fate) -> None:
        self.runs[-1] = (self.runs[-1][0], fate)


def test_a_run_is_due_after_two_equal_looks_a_quiet_period_apart() -> None:
    drop = Drop()
    assert drop.look(FILES, 1000) is None
    assert drop.look(FILES, 1059) is None
    ask = drop.look(FILES, 1060)
    assert ask == Ask(arrival.fingerprint_of(FILES), 1)
    assert drop.look(FILES, 1090) is None


def test_nothing_is_asked_of_dagster_while_nothing_happens() -> None:
    drop = Drop()
    for at in (1000, 1030, 1060):
        drop.look(FILES, at)
    drop.ends(Fate.OVER)
    for at in range(1090, 9000, 30):
        assert drop.look(FILES, at) is None
    assert drop.questions == 2, "one when the run was due, one to learn that it is over"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"StudentExport.csv": (21, 100)}, id="grown"),
        pytest.param({"StudentExport.csv": (19, 100)}, id="shrunk"),
        pytest.param({"StudentExport.csv": (20, 101)}, id="written again"),
        pytest.param({"StudentExport.csv": (20, 7)}, id="an older time"),
        pytest.param({"SchoolExport.csv": (1, 1)}, id="one more file"),
    ],
)
def test_any_change_is_news_whichever_way_it_goes(change: Seen) -> None:
    drop = Drop()
    drop.look(FILES, 1000)
    drop.look(FILES, 1100)
    drop.ends(Fate.OVER)
    after = {**FILES, **change}
    assert drop.look(after, 1200) is None, "it must rest first"
    assert drop.look(after, 1259) is None
    assert drop.look(after, 1260) is not None


def test_a_file_that_grows_at_every_look_is_never_ready() -> None:
    drop = Drop()
    for number in range(50):
        assert drop.look({"A": (number, 0)}, 1000 + 100 * number) is None


def test_an_incomplete_set_is_never_ready_and_forgets_what_was_there() -> None:
    drop = Drop()
    drop.look(FILES, 1000)
    assert drop.look({}, 1050) is None
    assert drop.look({}, 1200) is None
    assert drop.look(FILES, 1300) is None, "it rests anew"
    assert drop.look(FILES, 1360) is not None


def test_an_incomplete_set_is_asked_for_only_to_make_up_for_a_deadline() -> None:
    def ask(last: LastRun, *, is_reopened: bool) -> Ask | None:
        questions: list[str] = []

        def last_run(files: str) -> LastRun:
            questions.append(files)
            return last

        _, asked = arrival.look(Watch(), {}, 1000, QUIET, last_run, is_reopened=is_reopened)
        assert questions == [arrival.INCOMPLETE] * is_reopened
        return asked

    deadline = LastRun(Fate.FAILED, 1, "2026-10-07T06:30:00+00:00")
    assert ask(deadline, is_reopened=True) == Ask(arrival.INCOMPLETE, 2, deadline.deadline)
    assert ask(deadline, is_reopened=False) is None
    assert ask(LastRun(Fate.FAILED, 1), is_reopened=True) is None, "it may be complete yet"


def test_what_came_back_after_other_files_is_asked_for_again() -> None:
    """The same size and time need not be the same bytes: the run will hash them."""
    drop = Drop()
    for seen, at in ((FILES, 0), (FILES, 100), (OTHERS, 200), (OTHERS, 300), (FILES, 400)):
        drop.look(seen, at)
        if drop.runs:
            drop.ends(Fate.OVER)
    ask = drop.look(FILES, 500)
    assert ask == Ask(arrival.fingerprint_of(FILES), 2), "with a key of its own"


def test_a_failed_run_is_asked_for_again_after_growing_pauses() -> None:
    drop = Drop()
    asked = []
    for at in range(0, 40_000, 10):
        ask = drop.look(FILES, at)
        if ask is not None:
            drop.ends(Fate.FAILED)
            asked.append((at, ask.attempt))
    times = [at for at, _ in asked]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[:7] == [60, 120, 240, 480, 960, 1920, 3600]
    assert set(pauses[6:]) == {3600}
    assert [attempt for _, attempt in asked] == list(range(1, len(asked) + 1))


def test_a_run_that_came_to_something_is_not_asked_for_again() -> None:
    drop = Drop()
    drop.look(FILES, 0)
    drop.look(FILES, 100)
    drop.ends(Fate.OVER)
    assert all(drop.look(FILES, at) is None for at in range(200, 100_000, 100))


def test_a_request_that_dagster_lost_is_made_again() -> None:
    drop = Drop()
    drop.look(FILES, 0)
    first = drop.look(FILES, 100)
    drop.runs.clear()
    assert drop.look(FILES, 130) is None
    assert drop.look(FILES, 160) == first, "with the same key: it happens once"


def test_a_lost_cursor_asks_for_nothing_twice() -> None:
    drop = Drop()
    drop.look(FILES, 0)
    drop.look(FILES, 100)
    for fate in (Fate.UNDER_WAY, Fate.OVER):
        drop.ends(fate)
        drop.watch = Watch()
        assert [drop.look(FILES, at) for at in range(200, 900, 50)] == [None] * 14
    assert len(drop.runs) == 1


@pytest.mark.parametrize("back", [1, 100, 5000, 10**6])
def test_a_clock_that_is_set_back_only_costs_another_quiet_period(back: int) -> None:
    drop = Drop()
    drop.look(FILES, 2_000_000)
    start = 2_000_000 + 30 - back
    asks = [drop.look(FILES, at) for at in range(start, start + 200, 10)]
    assert len([ask for ask in asks if ask]) == 1


def test_a_clock_that_is_set_back_after_a_run_was_asked_for_delays_no_other_try() -> None:
    drop = Drop()
    drop.look(FILES, 1000)
    assert drop.look(FILES, 9000) is not None
    drop.ends(Fate.FAILED)
    assert drop.look(FILES, 2000) == Ask(arrival.fingerprint_of(FILES), 2)


def test_files_rest_for_the_whole_quiet_period() -> None:
    drop = Drop()
    drop.look(FILES, 1000.9)
    assert drop.look(FILES, 1060.5) is None
    assert drop.look(FILES, 1061) is not None


def test_a_failed_look_keeps_what_was_seen() -> None:
    drop = Drop()
    drop.look(FILES, 1000)
    drop.watch = arrival.failed_look(drop.watch, 1030, passes=True)
    assert (drop.watch.is_doubtful, drop.watch.is_due(1031)) == (True, True)
    assert drop.look(FILES, 1060) is not None, "a failed look is not an empty drop"
    assert not drop.watch.is_doubtful


def test_a_refused_login_is_not_repeated_at_once() -> None:
    watch, at, logins = Watch(), 1000.0, 0
    while at < 1000 + 3600:
        if watch.is_due(at):
            watch = arrival.failed_look(watch, at, passes=False)
            logins += 1
        at += 10
    assert logins == 7
    assert watch.is_due(at - 10**6), "a clock that was set back does not wait for ever"
    seen, _ = arrival.look(watch, FILES, at, QUIET, lambda _: LastRun(Fate.NONE))
    assert seen.is_due(at)
    refused = arrival.failed_look(seen, at, passes=False)
    assert not refused.is_due(at)
    again, _ = arrival.look(refused, FILES, at, QUIET, lambda _: LastRun(Fate.NONE))
    assert again == seen, "a look that succeeds makes up for it"


SEEN = st.dictionaries(
    st.sampled_from(["A", "B", "C"]), st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3
)


@given(st.lists(st.tuples(SEEN, st.integers(1, 100), st.sampled_from(Fate)), max_size=40))
def test_whatever_happens_the_last_state_is_asked_for_once(
    story: list[tuple[Seen, int, Fate]],
) -> None:
    """Against what the words say: rested, complete, and not what the last run was for."""
    drop, at, seen_since = Drop(), 0.0, 0.0
    before: Seen = {}
    keys: set[str] = set()
    for seen, seconds, fate in story:
        at += seconds
        if seen != before:
            before, seen_since = seen, at
        if drop.runs and fate is not Fate.NONE:
            drop.ends(fate)
        earlier = list(drop.runs)
        ask = drop.look(seen, at)
        if ask is None:
            continue
        assert seen, "an incomplete set"
        assert at - seen_since >= QUIET, "files that did not rest"
        files = arrival.fingerprint_of(seen)
        assert not earlier or earlier[-1][0] != files or earlier[-1][1] is Fate.FAILED
        assert ask.key not in keys, "Dagster would pass over a key that it knows"
        keys.add(ask.key)
    if before:
        for _ in range(2):
            at += 4000
            drop.look(before, at)
        assert drop.runs[-1][0] == arrival.fingerprint_of(before)


def remote(*names: str) -> dict[str, RemoteFile]:
    return {name: RemoteFile(name, 1, 2, True) for name in names}


def test_the_core_set_is_complete_with_its_three_files_and_takes_the_schools_along() -> None:
    core = [spec.file_name for spec in CORE]
    assert arrival.core_set(remote(*core[:2], SCHOOLS.file_name)) == {}
    assert set(arrival.core_set(remote(*core, "notes.txt"))) == set(core)
    whole = arrival.core_set(remote(*core, SCHOOLS.file_name, ATTENDANCE.file_name))
    assert set(whole) == {*core, SCHOOLS.file_name}
    assert arrival.attendance_set(remote(*core)) == {}
    assert set(arrival.attendance_set(remote(*core, ATTENDANCE.file_name))) == {
        ATTENDANCE.file_name
    }


WATCHES = st.builds(
    Watch,
    seen=st.text(string.hexdigits, max_size=16),
    since=st.integers(0, 2**40),
    asked=st.integers(0, 2**40),
    attempt=st.integers(0, 99),
    over=st.booleans(),
    faults=st.integers(0, 99),
    wait_until=st.integers(0, 2**40),
)


@given(st.dictionaries(st.text(string.ascii_lowercase, min_size=1), WATCHES), st.text())
def test_a_cursor_remembers_everything(watches: dict[str, Watch], first: str) -> None:
    memory = Memory(watches, first)
    assert Memory.from_cursor(memory.to_cursor()) == memory


@pytest.mark.parametrize("cursor", [None, "", "{}", "nonsense", "c-oB(", '{"a": [1, 2]}'])
def test_a_cursor_that_cannot_be_read_is_an_empty_one(cursor: str | None) -> None:
    assert Memory.from_cursor(cursor) == Memory()


@pytest.mark.parametrize("row", [["x", None], ["x", "soon", 0, 0, False, 0, 0], [{}, [], 0]])
def test_a_cursor_that_a_person_edited_costs_a_second_look(row: list[object]) -> None:
    packed = zlib.compress(json.dumps(["", {"a": row}]).encode())
    assert Memory.from_cursor(base64.b85encode(packed).decode()) == Memory()


def test_the_cursor_of_a_thousand_districts_is_small() -> None:
    watch = replace(Watch(), since=1_790_000_000, asked=1_790_000_060, attempt=1, over=True)
    watches = {
        f"district-{n}": replace(watch, seen=arrival.fingerprint_of({"A": (n, n)}), since=n * 7919)
        for n in range(1000)
    }
    assert len(Memory(watches).to_cursor()) < 40_000


def test_who_was_not_reached_comes_first() -> None:
    names = ["c", "a", "d", "b"]
    assert Memory().in_turn(names) == ["a", "b", "c", "d"]
    assert Memory(first="c").in_turn(names) == ["c", "d", "a", "b"]
    assert Memory(first="bb").in_turn(names) == ["c", "d", "a", "b"], "that one is gone"
    assert Memory(first="z").in_turn(names) == ["a", "b", "c", "d"]


def test_the_pauses_are_bounded() -> None:
    assert [arrival.pause(n) for n in (0, 1, 2, 3)] == [0, 60, 120, 240]
    assert arrival.pause(10**9) == arrival.LONGEST_PAUSE
    refused = arrival.failed_look(replace(Watch(), refusals=10**9), 0, passes=False)
    assert refused.wait_until == arrival.LONGEST_REFUSAL
