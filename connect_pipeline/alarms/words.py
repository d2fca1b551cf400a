"""What an alarm says to a person: which job, what happened, and what to do.

For: the sentences of messages, `status` and the log. They are made of an alarm's cause and codes
alone, so they hold nothing of a file and no address.
Belongs here: the words. Does not belong here: when there is an alarm (`raised.py`), and how a
message travels (`sending.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB


class Cause(StrEnum):
    """Why somebody is told."""

    FAILED = "failed"
    BLOCKED = "blocked"
    HELD = "held"
    MISSING = "missing"
    STALE = "stale"
    LATE = "late"
    DAMAGED = "damaged"
    NO_ACCESS = "no_access"
    SETTINGS = "settings"


RETENTION_JOB = "retention"
JOBS = {
    CORE_JOB: "Nightly run",
    ATTENDANCE_JOB: "Attendance run",
    RETENTION_JOB: "Retention",
}

SAYS = {
    Cause.FAILED: "it could not do its work.",
    Cause.BLOCKED: "files were refused. What is published stays until corrected files come; the"
    " report says what to correct.",
    Cause.HELD: "files wait for an operator: look at the report, then approve or discard them.",
    Cause.MISSING: "files that are due are not in the drop, or are those that an operator has"
    " discarded. What is published stays. Ask the district; they are read when they come.",
    Cause.STALE: "files that are due have not been uploaded since they were last due. Ask the"
    " district.",
    Cause.LATE: "absences missed the sending that their file was in time for. The district is not"
    " to blame.",
    Cause.DAMAGED: "what is published was damaged on the disk. It is taken no more; the run says"
    " whether it could be rebuilt from what was received. Check the disk.",
    Cause.NO_ACCESS: "the drop cannot be looked at.",
    Cause.SETTINGS: "nothing runs for the district: its section of districts.yaml, or the file, is"
    " wrong. `doctor` says where. What is published stays.",
}
"""One sentence or two per cause: what it means and what to do."""

FAULTS = {
    "network": "The drop's server did not answer or broke off. It is tried again by itself; if that"
    " goes on, check the network and ask the server's owner.",
    "access": "The drop's server was reached and did not let us work: the login, the host key, the"
    " folder or a permission. `doctor` says which.",
    "upload": "Files were still being uploaded. They are read when they have rested.",
    "settings": "A setting is missing or wrong: `doctor` says which. It is tried again by itself.",
    "disk": "The disk or the memory refused: free space, mend permissions, or close what has a file"
    " open; {where} says which. It is tried again by itself.",
    "database": "The database server of the ledger or of Dagster did not answer, broke off or"
    " refused. It is tried again by itself; if that goes on, check it and the network to it.",
    "broken_off": "Dagster ended it in the middle: somebody stopped it, or Dagster's database or"
    " disk refused; its log of the run says which. It is tried again by itself.",
    "state": "Something that it needs is not there or not whole: {where} says what.",
    "refused": "It was refused: {where} says why.",
    "bug": "This is a bug of connect_pipeline: please report the line that {where} shows.",
    "died": "Its process was killed, or the machine went down. It is tried again by itself.",
    "stopped": "Somebody stopped it.",
    "did_not_begin": "It could not begin, because of its settings, the disk, or another run that"
    " does not end, or somebody cancelled it: the run in Dagster says which.",
}
"""What kind of fault it was (`errors.py`), and what to do; `{where}` more is said."""

MINUTES_LATE = "minutes_late"
NEVER_LISTED = "never_listed"
LATENESS = {
    MINUTES_LATE: "They are listed now; {where} says for which sending that was too late. Ask the"
    " sender whether it takes the list still.",
    NEVER_LISTED: "Their day is over, so nobody is told of them; {where} says which day. No run of"
    " ours read the file on it: we were down, or could not reach the drop. Tell the schools.",
}
"""How absences missed a sending, and what to do; `{where}` more is said."""


def sentence(cause: Cause, job: str, codes: Collection[str]) -> str:
    """What an alarm says."""
    # The ledger's runs, which `status` shows, have none of retention.
    where = "its run in Dagster" if job == RETENTION_JOB else "`status`"
    words = FAULTS | LATENESS
    details = [words[code].format(where=where) for code in codes if code in words]
    stays = ["What is published stays."] if cause is Cause.FAILED else []
    return " ".join([f"{JOBS[job]}: {SAYS[cause]}", *details, *stays])
