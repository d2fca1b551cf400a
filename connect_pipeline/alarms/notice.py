"""A notice: one message about one alarm to one channel, as it is sent.

Belongs here: what is in it, whatever it travels by. Does not belong here: the sentences
(`words.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import RowMapping

from connect_pipeline.alarms.words import JOBS, Cause, sentence
from connect_pipeline.ledger import compact

ALL_CLEAR = "this has passed."


@dataclass(frozen=True)
class Notice:
    """One message to one channel."""

    notice_id: int
    channel: str
    event: str
    tries: int
    alarm: RowMapping

    def payload(self) -> dict[str, Any]:
        """What is sent: the alarm as JSON."""
        cause = Cause(self.alarm["cause"])
        cleared = self.event == "all_clear"
        job, codes = str(self.alarm["job"]), self.alarm["codes"]
        raised = datetime.fromisoformat(self.alarm["raised_at"])
        says = f"{JOBS[job]}: {ALL_CLEAR}" if cleared else sentence(cause, job, codes)
        return {
            # SQLite may give a number anew when the newest alarm was forgotten.
            "id": f"{self.alarm['id']}-{compact(raised)}-{self.event}",
            "event": self.event,
            "district": self.alarm["district"],
            "job": job,
            "cause": cause.value,
            "codes": codes,
            "night": self.alarm["night"],
            "run_id": self.alarm["run_id"],
            "at": self.alarm["cleared_at"] if cleared else self.alarm["raised_at"],
            "says": says,
        }
