"""The words of a report: what a severity, a verdict and an outcome mean to a district's IT staff.

For: the text and the page, which say the same things in the same words. Belongs here: sentences
about a check as a whole. Does not belong here: what a rule says (`rules/`), and layout.
"""

from __future__ import annotations

from dataclasses import dataclass

from connect_pipeline.contract import ATTENDANCE, BY_FILE_NAME, SCHOOLS
from connect_pipeline.outcomes import without_code
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation import Report


@dataclass(frozen=True)
class SeverityWords:
    """A severity as people read it: a mark, a few words, and what it does.

    `one` and `many` say, after their number, what that many different findings of it do.
    """

    mark: str
    word: str
    effect: str
    one: str
    many: str


SEVERITIES = {
    Severity.SYSTEM: SeverityWords(
        "✕",
        "our error",
        "A bug of ours and not of your files. Nothing is published; report it.",
        "error of ours",
        "errors of ours",
    ),
    Severity.BLOCK: SeverityWords(
        "✕",
        "file refused",
        "The file is not used. What was published before stays.",
        "finding refuses a file",
        "findings refuse a file",
    ),
    Severity.HOLD: SeverityWords(
        "■",
        "on hold",
        "Nothing is published until an operator approves exactly these files.",
        "finding waits for an operator",
        "findings wait for an operator",
    ),
    Severity.QUARANTINE: SeverityWords(
        "▲",
        "rows kept out",
        "These rows are not used; a person in them stays as last published.",
        "finding keeps rows out",
        "findings keep rows out",
    ),
    Severity.WARNING: SeverityWords(
        "●",
        "warning",
        "The rows are used; what cannot be used in them is left out.",
        "warning",
        "warnings",
    ),
    Severity.INFO: SeverityWords(
        "○",
        "for information",
        "Counted. Nothing has to be done.",
        "finding for information",
        "findings for information",
    ),
}

VERDICTS = {
    "accepted": "accepted",
    "accepted_with_findings": "accepted, with findings",
    "held": "on hold",
    "blocked": "refused",
    "misread": "our error",
    "missing": "not there",
}
"""A file's standing (`Source.standing`), in words."""

JOBS = {"core": "nightly rosters", "attendance": "absences"}
"""What a run is about, by its job."""

_STAYS = "Families and staff keep what was published last."
_DISCARDED = ("Discarded by an operator", f"{_STAYS} Upload new files.")
_ACCEPTED = {
    "": ("Accepted", "Every file can be used."),
    "published": ("Published", "Every file could be used."),
    "unchanged": ("Nothing new", "These are the files that are published already."),
    "listed": ("Accepted", "Whom to tell about today's absences is listed."),
    "nothing_new": ("Accepted", "There is nobody new to tell about today's absences."),
}
_AFTER = "What failed came after that."
_FAILED_AFTER = {
    "": _STAYS,
    "published": f"These files are published. {_AFTER}",
    "unchanged": f"These are the files that are published already. {_AFTER}",
    "listed": f"Whom to tell about today's absences is listed. {_AFTER}",
    "nothing_new": f"There is nobody new to tell about today's absences. {_AFTER}",
}
NOT_CHECKED_AGAIN = (
    "These files were not checked again. What keeps rows out of them is repeated here; warnings are"
    " in the report of the night that published them."
)
"""Of a night without news, so that nobody takes the findings for all there are."""
# What is refused and stops nothing else, and what goes on without it.
_STOPS_ONLY_ITSELF = {
    SCHOOLS.file_name: "what an earlier one said of the sites stays",
    ATTENDANCE.file_name: "nobody is told of absences",
}


@dataclass(frozen=True)
class Headline:
    """The verdict: its kind (`blocked`, `held`, `findings`, `accepted`), and two sentences."""

    kind: str
    title: str
    explanation: str


def headline(report: Report, outcome: str = "", done: str = "") -> Headline:
    """What to say first. `outcome` is that of a run; without one, the files were only checked.

    `done` is what a run had come to when it failed.
    """
    if misread := report.misread:
        return Headline(
            "blocked",
            "Our error, and not one of your files: please report it",
            f"The rows that we read of {_file_list(misread)} do not add up. Nothing has to be"
            f" corrected or exported again for that. {_STAYS}",
        )
    if without_code(outcome) == "failed":
        return Headline("blocked", "The run could not be finished", _FAILED_AFTER[done])
    if outcome == "unchanged" and "stale_file" in report.counts():
        return Headline(
            "findings",
            "Nothing new, and files are due",
            "These are the files that are published already, and nobody has uploaded others since"
            " they were last due. Export and upload them.",
        )
    if outcome == "discarded":
        return Headline("held", *_DISCARDED)
    refused = [name for name, export in report.exports.items() if export.is_blocked]
    if outcome in ("", "blocked") and (refused or report.drop.blocks_file):
        return Headline(
            "blocked",
            f"Refused: {_file_list(refused)} cannot be used" if refused else "Refused",
            f"{_STAYS if outcome else _if_uploaded(report, refused)}"
            " Correct what stands first below, and export again.",
        )
    if report.verdict == "blocked" and outcome in ("", "blocked", "held"):
        return Headline(
            "held",
            "On hold: an operator must look at this",
            f"{_STAYS} Correct and export again, or ask the operator to approve these files.",
        )
    if outcome == "held":  # for a reason that is not in the files, such as today's absences
        return Headline("held", "On hold: an operator must look at this", _STAYS)
    title, explanation = _ACCEPTED.get(outcome, _ACCEPTED[""])
    if report.verdict == "blocked":
        held = ["What was on hold was approved by an operator."] if report.holding_codes() else []
        return Headline("findings", title, " ".join([*held, *_without(refused)]))
    if report.verdict == "accepted_with_findings":
        kept_out = sum(export.quarantined for export in report.exports.values())
        rows = {0: "No row was kept out", 1: "One row was kept out"}
        kept = rows.get(kept_out, f"{kept_out:,} rows were kept out")
        return Headline(
            "findings",
            f"{title}, with findings",
            f"{explanation} {kept}; what is listed below is worth correcting.",
        )
    if outcome == "unchanged":  # whose warnings are not said again
        return Headline("accepted", title, explanation)
    to_do = ["It needs its exact name."] if not outcome and is_misnamed(report) else []
    to_do += _unreachable(report)
    return Headline(
        "accepted", title, " ".join([explanation, *(to_do or ["Nothing has to be done."])])
    )


def _unreachable(report: Report) -> list[str]:
    """What is for information only and must not be overlooked: there is a finding per school."""
    schools = report.counts().get("student_unreachable", 0)
    if not schools:
        return []
    where = "one school" if schools == 1 else f"{schools:,} schools"
    return [f"Some students of {where} cannot be reached by any message: see below."]


def is_misnamed(report: Report) -> bool:
    """Whether a single file was checked, without a run, whose name is not that of its export."""
    return len(report.exports) == 1 and "unexpected_file" in report.drop.counts


def _if_uploaded(report: Report, refused: list[str]) -> str:
    """What would come of a drop with these refused files."""
    stops_all = report.drop.blocks_file or any(one not in _STOPS_ONLY_ITSELF for one in refused)
    if stops_all or report.holding_codes():
        return f"If you upload this, nothing is published. {_STAYS}"
    return " ".join(["The rosters can be published all the same.", *_without(refused)])


def _without(refused: list[str]) -> list[str]:
    return [
        f"{name} is refused: {effect}."
        for name, effect in _STOPS_ONLY_ITSELF.items()
        if name in refused
    ]


def _file_list(names: list[str]) -> str:
    in_order = [name for name in BY_FILE_NAME if name in names]
    if len(in_order) > 2:
        return f"{len(in_order)} files"
    return " and ".join(in_order)


def times(count: int) -> str:
    """How often something was found."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")
