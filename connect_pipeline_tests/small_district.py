"""A district of two schools, three staff members and six students, in which nothing is wrong.

For: tests that need whole exports and read them at a glance; the rules' examples replace one of
its files. Belongs here: `FILES`, the matching settings, its day, and `write`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from connect_pipeline.contract import (
    ATTENDANCE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
)
from connect_pipeline.rules.rule import with_header
from connect_pipeline.settings import Attendance, District, Sftp

FILES: dict[str, str] = {
    SCHOOLS.file_name: with_header(
        SCHOOLS,
        '"Lincoln High School","1 Main Street, Springfield",(201) 555-0100,',
        '"Rosa Parks Elementary School","2 Oak Avenue, Springfield",(201) 555-0150,',
    ),
    STAFF.file_name: with_header(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,(201) 555-0101",
        "T2,101,James,Chen,james.chen@example.org,Teacher,",
        "T3,102,Aisha,Khan,aisha.khan@example.org,Teacher,(201) 555-0103",
    ),
    STUDENTS.file_name: with_header(
        STUDENTS,
        "001,101,Ana,Ruiz,,,Eva Ruiz,(201) 555-0111,eva@example.com,,,,12345,9,R1,4.50,Spanish,SMS",
        "002,101,Ben,Ito,,,Mei Ito,(201) 555-0112,mei@example.com,,,,12345,9,R1,0,English,Email",
        "003,101,Cho,Park,,,Jin Park,(201) 555-0113,jin@example.com,,,,12345,10,,2.00,Korean,All",
        "004,102,Dia,Roy,,,Uma Roy,(201) 555-0114,uma@example.com,,,,12346,3,R2,1.25,English,Phone",
        "005,102,Eli,Roy,,,Uma Roy,(201) 555-0114,uma@example.com,,,,12346,K,R2,1.25,English,Phone",
        "006,102,Fay,Ortiz,,,Leo Ortiz,(201) 555-0116,,,,,12346,3,,-3.00,Spanish,",
    ),
    STAFF_TO_STUDENT.file_name: with_header(
        STAFF_TO_STUDENT,
        "101,T1,001,1,Algebra I,MA101,1",
        "101,T1,002,1,Algebra I,MA101,1",
        "101,T1,003,1,Algebra I,MA101,1",
        "101,T2,001,2,English 9,EN109,1",
        "101,T2,002,2,English 9,EN109,1",
        "101,T2,003,2,English 9,EN109,1",
        "101,T2,001,0,Homeroom,HR,1",
        "102,T3,004,0,Grade 3,G3,1",
        "102,T3,005,0,Kindergarten,K,1",
        "102,T3,006,0,Grade 3,G3,1",
    ),
    ATTENDANCE.file_name: with_header(
        ATTENDANCE,
        '101,001,1,A,"Lopez, Maria",10/02/25',
        '102,004,0,U,"Khan, Aisha",10/02/25',
    ),
}

DISTRICT = District(
    name="Springfield",
    sftp=Sftp(
        host="127.0.0.1",
        username="springfield",
        password_env="SPRINGFIELD_PASSWORD",
        host_key="ssh-ed25519 AAAA",
        folder="/exports",
    ),
    sites={"101": "Lincoln High School", "102": "Rosa Parks Elementary School"},
    attendance=Attendance(alert_codes=("A", "U"), other_codes=("E",)),
)


def today() -> date:
    """The day that it is there now: for hours of each day, another one than in UTC."""
    return DISTRICT.day_of(datetime.now(UTC))


def write(folder: Path, replacements: Mapping[str, str | bytes] | None = None) -> Path:
    """Write the district's files to `folder`; `replacements` has other contents by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **(replacements or {})}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder
