"""What an erasure cannot reach, in sentences for its certificate.

Belongs here: what is known of copies elsewhere, and of lines that cannot be read.
"""

from __future__ import annotations

from connect_pipeline.attendance.opt_outs import files_beside, is_shared, opt_out_file
from connect_pipeline.erasure.opt_outs import unread_lines
from connect_pipeline.erasure.recognising import is_in
from connect_pipeline.erasure.traces import Traces
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.snapshots.export import disclosures_of

OUT_OF_REACH = (
    "Backups, and copies that others have made of published files or lists.",
    "The files on the district's own server.",
    "Dagster's history: names of districts, counts and times, no value of a file.",
)

IN_A_SERVER = (
    "The ledger's database server: it keeps deleted rows until its vacuum, and in its own backups."
)

LATER_UPLOADS = (
    "Files with the student's rows that the district uploads later: nothing of the student is taken"
    " from them, and of the received files only those of the current night stay in landing/."
)


def out_of_reach(ledger: Ledger) -> list[str]:
    """What no erasure reaches where the ledger is so kept."""
    is_a_file = ledger.engine.dialect.name == "sqlite"
    return [*OUT_OF_REACH, *([] if is_a_file else [IN_A_SERVER])]


def remains_of_student(home: Home, ledger: Ledger, district: str, found: Traces) -> list[str]:
    """What a student's erasure could not reach, in sentences for its certificate."""
    remains = [*out_of_reach(ledger), LATER_UPLOADS]
    exports = len(disclosures_of(ledger, district))
    if exports:
        remains.append(f"{exports} exports of its tables; `status --json` says to where.")
    opt_outs = opt_out_file(home, district)
    if opt_outs.exists():
        words, lines = found.telling_words, unread_lines(opt_outs.read_bytes())
        of_family = sum(any(is_in(word, line) for word in words) for line in lines)
        name = opt_outs.relative_to(home.root)
        if of_family:
            remains.append(
                f"{of_family} lines of {name} that are about the student's family and cannot be"
                " read: remove them there."
            )
        if others := len(lines) - of_family:
            remains.append(
                f"{others} lines of {name} in which no phone number and no e-mail address can"
                " be read: see whether they are about the student's family."
            )
    return remains + opt_outs_beside(home, district)


def opt_outs_beside(home: Home, district: str) -> list[str]:
    """Files of opt-outs that are not only the district's, or that nobody reads."""
    why = {path: "is not read" for path, _is_a_copy in files_beside(home, district)}
    if is_shared(home, district):
        why[opt_out_file(home, district)] = "is another district's, too"
    return [
        f"{path.relative_to(home.root)}, which {reason}: look there, too."
        for path, reason in why.items()
    ]
