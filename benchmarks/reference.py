"""The near-limit script: the plainest fast SQL that does the work, without any of our promises.

No line law, no quarantine, no findings, no comparison with last night: DuckDB reads the files and
joins. `load` is what a nightly run is held against, `keys` what `validate` is, `absences` what
`alerts` is. It stays plain, so that the ratio means something.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb

FILES = {
    "staff": "StaffExport.csv",
    "student": "StudentExport.csv",
    "link": "StaffToStudentExport.csv",
    "absence": "AttendanceExport.csv",
    "site": "SchoolExport.csv",
}
KEYS = {
    "staff": "ID, School",
    "student": "ID, School",
    "link": "School, Teacher, Student, Period, Name, Course_number, Section_number",
    "absence": "School, Student, Period, Date",
}
SCHEDULED = (
    "absence.School = link.School AND absence.Student = link.Student"
    " AND absence.Period = link.Period"
)
REFERENCES = (
    ("link", "staff", "link.Teacher = staff.ID"),
    ("link", "student", "link.Student = student.ID"),
    ("absence", "student", "absence.Student = student.ID"),
    ("absence", "link", SCHEDULED),
)
BUILD = """
CREATE TABLE people AS
SELECT ID, any_value("Name.First") AS first, any_value("Name.Last") AS last,
    any_value(Grade) AS grade, any_value(ZipCode) AS zip, any_value(BusRoute) AS bus,
    any_value(LunchBalance) AS lunch, any_value(PrimaryLanguage) AS language
FROM student GROUP BY ID;
CREATE TABLE contacts AS
SELECT ID, 'primary' AS relation, ContactNamePrimary AS name,
    '+1' || regexp_replace(ContactPhonePrimary, '[^0-9]', '', 'g') AS phone,
    ContactEmailPrimary AS email FROM student
UNION ALL
SELECT ID, 'secondary', ContactNameSecondary,
    '+1' || regexp_replace(ContactPhoneSecondary, '[^0-9]', '', 'g'), ContactEmailSecondary
FROM student;
CREATE TABLE classes AS
SELECT row_number() OVER () AS class_id, School, Teacher, Period, Course_number, Section_number,
    any_value(Name) AS name, count(*) AS students
FROM link GROUP BY School, Teacher, Period, Course_number, Section_number;
CREATE TABLE rosters AS
SELECT class_id, Student FROM link
JOIN classes USING (School, Teacher, Period, Course_number, Section_number)
ORDER BY class_id;
CREATE TABLE groups AS
SELECT 'site' AS kind, School AS key, count(*) AS members FROM student GROUP BY School
UNION ALL SELECT 'grade', School || Grade, count(*) FROM student GROUP BY ALL
UNION ALL SELECT 'class', class_id::VARCHAR, students FROM classes
UNION ALL SELECT 'teacher', Teacher, count(DISTINCT Student) FROM link GROUP BY Teacher
UNION ALL SELECT 'course', School || Course_number, count(DISTINCT Student) FROM link GROUP BY ALL
UNION ALL SELECT 'bus', School || BusRoute, count(*) FROM student GROUP BY ALL
UNION ALL SELECT 'language', School || PrimaryLanguage, count(*) FROM student GROUP BY ALL
UNION ALL SELECT 'zip', ZipCode, count(*) FROM student GROUP BY ALL;
"""
RECIPIENTS = """
CREATE TABLE recipients AS
SELECT phone, list(DISTINCT absence.Student) AS students
FROM absence JOIN contacts ON contacts.ID = absence.Student
WHERE "Absence.code" IN ('A', 'U') GROUP BY phone;
"""


def read(connection: duckdb.DuckDBPyConnection, folder: Path, tables: tuple[str, ...]) -> None:
    """Read the files as DuckDB sees fit."""
    for table in tables:
        path = str(folder / FILES[table]).replace("'", "''")
        connection.execute(
            f"CREATE TABLE {table} AS"
            f" SELECT * FROM read_csv('{path}', header = true, all_varchar = true)"
        )


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Keys and references, counted."""
    for table, key in KEYS.items():
        connection.execute(
            f"SELECT count(*) FROM (SELECT {key} FROM {table} GROUP BY ALL HAVING count(*) > 1)"
        ).fetchall()
    for table, target, condition in REFERENCES:
        connection.execute(
            f"SELECT count(*) FROM {table} ANTI JOIN {target} ON {condition}"
        ).fetchall()


def fetch(host_port: str, key: str, remote: str, folder: Path) -> None:
    """OpenSSH's own `sftp`."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = "\n".join(f"get {remote}/{name} {folder}/{name}" for name in FILES.values())
    command = ["sftp", "-q", "-b", "-", "-P", host_port.split(":")[1], "-i", key]
    command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    subprocess.run(  # noqa: S603 - OpenSSH's own client
        [*command, host_port.split(":")[0]], input=batch.encode(), check=True, capture_output=True
    )


def list_recipients(absences: Path, roster: Path) -> None:
    """Who would be told, by one join of the absences to the published contacts."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{roster}' AS published (READ_ONLY)")
        read(connection, absences, ("absence",))
        connection.execute(
            """
            CREATE TABLE recipients AS
            SELECT phone, email, list(DISTINCT Student) AS students
            FROM absence JOIN published.connect.contacts ON student_id = Student
            WHERE "Absence.code" IN ('A', 'U') GROUP BY phone, email
            """
        )


def load(folder: Path, database: Path) -> None:
    """Read, check, build, on disk."""
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        read(connection, folder, tuple(FILES))
        check(connection)
        connection.execute(BUILD)
        connection.execute(RECIPIENTS)
        for table in FILES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("CHECKPOINT")


def main(what: str, *arguments: str) -> None:
    """Do what is asked for.

    `keys FOLDER`, `absences FOLDER ROSTER`, or one of `fetch`, `load` and `fetch-and-load` with
    `HOST:PORT KEY REMOTE FOLDER DATABASE`; `load` reads REMOTE, which is on this machine.
    """
    if what == "keys":
        with duckdb.connect() as connection:
            read(connection, Path(arguments[0]), tuple(FILES))
            check(connection)
    elif what == "absences":
        list_recipients(Path(arguments[0]), Path(arguments[1]))
    else:
        host_port, key, remote, folder, database = arguments
        if what != "load":
            fetch(host_port, key, remote, Path(folder))
        if what != "fetch":
            load(Path(remote if what == "load" else folder), Path(database))


if __name__ == "__main__":
    main(*sys.argv[1:])
