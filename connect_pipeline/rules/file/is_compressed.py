"""The rule `is_compressed`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.landing.file_facts import FileFacts
from connect_pipeline.limits import Limits
from connect_pipeline.rules.rule import Example, FileRule, Severity


def _broken(facts: FileFacts, limits: Limits) -> dict[str, object] | None:
    return {} if facts.magic == "compressed" else None


RULE = FileRule(
    code="is_compressed",
    severity=Severity.BLOCK,
    doc="The file is compressed (zip, gzip or another) under the name of a CSV file.",
    help=(
        "What is packed is not unpacked here, because a small archive can hold a file of any size;"
        " the families in it keep being reached by what was published last. Switch compression off"
        " in the export or transfer job, or unpack the file and upload the CSV in it."
    ),
    message="This file is compressed. Unpack it and upload the CSV file itself.",
    broken=_broken,
    failing=Example(STAFF, b"\x1f\x8b\x08\x00" + bytes(6)),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
