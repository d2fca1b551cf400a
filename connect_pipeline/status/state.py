"""`status`: the state of a district, from the ledger: counts, codes and times, never a name.

Belongs here: reading and arranging. Does not belong here: printing (`as_text.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from connect_pipeline.alarms import open_alarms, undelivered
from connect_pipeline.alarms.words import Cause, sentence
from connect_pipeline.erased.records import as_dict, standing
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger, now, stamp
from connect_pipeline.ledger.tables import current, erasures, holds, runs, snapshots
from connect_pipeline.ledger.times import to_the_minute
from connect_pipeline.outcomes import without_code
from connect_pipeline.snapshots import shown_instead
from connect_pipeline.snapshots.export import disclosures_of

QUIET = timedelta(days=2)
"""There is a run at every night's deadline; without any for so long, nothing runs."""
RUNS_SHOWN = 5
DECISIONS_SHOWN = 5


def district_status(home: Home, ledger: Ledger, district: str) -> dict[str, Any]:
    """What is published and held, the last runs, all snapshots and disclosures; plain data."""
    published = ledger.current_snapshot(district)
    roster = home.roster(district)
    open_holds = [ledger.open_hold(district, job) for job in (CORE_JOB, ATTENDANCE_JOB)]
    return {
        "published": published["snapshot_id"] if published else None,
        "published_at": published["published_at"] if published else None,
        "rolled_back": bool(published and published["rolled_back"]),
        "roster": str(roster) if published and roster.exists() else None,
        "read_instead": (
            shown_instead(home, district, published["snapshot_id"]) if published else None
        ),
        "holds": [
            {**_of(hold, "job", "held_at", "codes"), "preview": hold["preview"] or {}}
            for hold in open_holds
            if hold is not None
        ],
        "alarms": [
            {
                **_of(alarm, "job", "cause", "codes", "raised_at"),
                "says": sentence(Cause(alarm["cause"]), alarm["job"], alarm["codes"]),
            }
            for alarm in open_alarms(ledger, district)
        ],
        "undelivered": [
            _of(one, "channel", "messages", "since")
            for one in undelivered(ledger)
            if one["district"] == district
        ],
        "runs": [
            {
                **_of(run, "run_id", "job", "started_at", "ended_at"),
                "outcome": without_code(run["outcome"]),
                "message": run["message"],
                "counts": run["codes"],
            }
            for run in ledger.runs_of(district, RUNS_SHOWN)
        ],
        "snapshots": [
            {
                **_of(row, "snapshot_id", "published_at"),
                "changes": row["exports"].get("changes", {}),
            }
            for row in ledger.snapshots_of(district)
        ],
        "decisions": [
            _of(hold, "job", "held_at", "state", "decided_at", "decided_by")
            for hold in ledger.decided_holds(district, DECISIONS_SHOWN)
        ],
        "disclosures": [
            {
                **_of(one, "disclosed_at", "disclosed_by", "snapshot_id", "format", "folder"),
                "tables": one["tables"],
                "rows": sum(table["rows"] for table in one["tables"].values()),
            }
            for one in disclosures_of(ledger, district)
        ],
        "erasures": [as_dict(row) for row in standing(ledger, district)],
        "erased_rows_received": _erased_rows(published),
    }


def _of(row: RowMapping, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys}


def _erased_rows(published: RowMapping | None) -> dict[str, int]:
    """Rows of erased students in the received files of the current night, by export."""
    exports = published["exports"] if published else {}
    rows = {
        name: about["erased_rows"]
        for name, about in exports.items()
        if isinstance(about, dict) and about.get("erased_rows")
    }
    return dict(sorted(rows.items()))


# What `overview` asks, once for all districts.
_CURRENT_SNAPSHOTS = sa.select(
    current.c.district,
    snapshots.c.snapshot_id,
    snapshots.c.published_at,
    snapshots.c.exports,
    current.c.rolled_back,
).join(
    snapshots,
    sa.and_(
        snapshots.c.district == current.c.district,
        snapshots.c.snapshot_id == current.c.snapshot_id,
    ),
)
_newest = (
    sa.select(runs.c.district, sa.func.max(runs.c.started_at).label("started_at"))
    .group_by(runs.c.district)
    .subquery()
)
_LAST_RUNS = sa.select(runs.c.district, runs.c.job, runs.c.outcome, runs.c.started_at).join(
    _newest,
    sa.and_(_newest.c.district == runs.c.district, _newest.c.started_at == runs.c.started_at),
)
_OPEN_HOLDS = sa.select(holds.c.district, holds.c.job, holds.c.held_at).where(
    holds.c.state == "held"
)
_CUT_SHORT_ERASURES = sa.select(erasures.c.district).where(
    erasures.c.lifted_at.is_(None), erasures.c.completed_at.is_(None)
)


@dataclass
class Line:
    """One district among many: what an operator must know at a glance. Times are UTC."""

    district: str
    published_at: str = "nothing yet"
    last_run: str = "none"
    last_run_at: str = ""
    attention: list[str] = field(default_factory=list)


def overview(
    home: Home, ledger: Ledger, names: Collection[str], wrong: Collection[str] = ()
) -> list[Line]:
    """One line per district, those that need somebody first; six queries for all of them.

    Of some the settings are `wrong`: nothing runs for them.
    """
    lines = {name: Line(name) for name in names}
    for name in wrong:
        lines[name].attention.append("its settings are wrong")
    for row in ledger.rows(_CURRENT_SNAPSHOTS):
        if line := lines.get(row["district"]):
            line.published_at = to_the_minute(row["published_at"])
            if row["rolled_back"]:
                line.attention.append("rolled back")
            if not home.roster(line.district).exists():
                line.attention.append("the published roster is not there")
            if shown_instead(home, line.district, row["snapshot_id"]) is not None:
                line.attention.append("readers have another night than this: run sync")
            if _erased_rows(row):
                line.attention.append("rows of erased students were received")
    for row in ledger.rows(_LAST_RUNS):
        if line := lines.get(row["district"]):
            if row["started_at"] < stamp(now() - QUIET):
                line.attention.append("no run since then: is the daemon up?")
            outcome = without_code(row["outcome"]).replace("_", " ")
            line.last_run = f"{row['job']}: {outcome}"
            line.last_run_at = to_the_minute(row["started_at"])
    for row in ledger.rows(_OPEN_HOLDS):
        if line := lines.get(row["district"]):
            line.attention.append(f"held ({row['job']}) since {to_the_minute(row['held_at'])}")
    for row in ledger.rows(_CUT_SHORT_ERASURES):
        if line := lines.get(row["district"]):
            line.attention.append("an erasure was cut short")
    for row in open_alarms(ledger):
        is_said = row["cause"] == "held" or (
            row["cause"] == "settings" and row["district"] in wrong
        )
        if (line := lines.get(row["district"])) and not is_said:
            line.attention.append(f"{row['cause'].replace('_', ' ')} ({row['job']})")
    for row in undelivered(ledger):
        if line := lines.get(row["district"]):
            line.attention.append(f"alarms not delivered ({row['channel']})")
    return sorted(lines.values(), key=lambda line: (not line.attention, line.district))
