"""The published tables as plain Python makes them from the exports: dictionaries and loops.

For: comparing what the pipeline publishes with a second opinion that shares no code with it.
Belongs here: the words of DESIGN sections 2 and 6, read again. Does not belong here: damaged
rows, and forms of a cell that the tests' exports do not have.

`class_id` and `group_id` are names of the pipeline's own choosing, so a class is known here by its
key and a group by what it is and who is in it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Record = dict[str, str]
ClassKey = tuple[str, str, str, str, str | None]
"""School, teacher, period, course number (else name), section."""

GroupKey = tuple[str, str, str | None, frozenset[str]]
"""Audience, kind, site, members."""

LANGUAGES = {
    "english": "en",
    "spanish": "es",
    "es": "es",
    "vietnamese": "vi",
    "vi": "vi",
    "mandarin": "zh",
    "cantonese": "yue",
    "tagalog": "tl",
    "arabic": "ar",
    "korean": "ko",
    "russian": "ru",
    "hmong": "hmn",
    "somali": "so",
}
METHODS = {"text": "text", "email": "email", "phone": "phone", "all": "all", "phone call": "phone"}


def rows_of(text: str) -> list[Record]:
    """An export's rows; a column that is absent is blank."""
    return [
        defaultdict(str, {name: (cell or "").strip() for name, cell in row.items()})
        for row in csv.DictReader(io.StringIO(text))
    ]


def phone(cell: str) -> str | None:
    digits = re.sub(r"\D", "", re.split("(?i)ext|x", cell)[0])
    digits = digits.removeprefix("1") if len(digits) == 11 else digits
    return f"+1{digits}" if len(digits) == 10 else None


def email(cell: str) -> str | None:
    local, at, domain = cell.partition("@")
    return f"{local}@{domain.lower()}" if at and "." in domain else None


def money(cell: str) -> Decimal | None:
    plain = re.sub("[$, ]", "", cell)
    plain = f"-{plain[1:-1]}" if plain.startswith("(") else plain
    return Decimal(plain).quantize(Decimal("0.01")) if plain else None


def grade(cell: str) -> str | None:
    return cell.upper().lstrip("0") or None


def text(cell: str) -> str | None:
    return cell or None


@dataclass
class Recomputed:
    """The tables, keyed as `tables` of the test compares them."""

    sites: set[tuple[Any, ...]] = field(default_factory=set)
    staff: set[tuple[Any, ...]] = field(default_factory=set)
    staff_sites: set[tuple[Any, ...]] = field(default_factory=set)
    students: set[tuple[Any, ...]] = field(default_factory=set)
    student_sites: set[tuple[Any, ...]] = field(default_factory=set)
    contacts: set[tuple[Any, ...]] = field(default_factory=set)
    classes: dict[ClassKey, tuple[Any, ...]] = field(default_factory=dict)
    rosters: set[tuple[Any, ...]] = field(default_factory=set)
    groups: Counter[GroupKey] = field(default_factory=Counter)
    family_members: Counter[tuple[Any, ...]] = field(default_factory=Counter)


def recompute(
    files: Mapping[str, str], names_of_sites: Mapping[str, str], low_lunch_balance: Decimal
) -> Recomputed:
    """All tables of a first night from the text of the exports."""
    tables = Recomputed()
    staff_rows = rows_of(files["StaffExport.csv"])
    student_rows = rows_of(files["StudentExport.csv"])
    class_rows = rows_of(files["StaffToStudentExport.csv"])
    school_rows = {row["School Site Name"]: row for row in rows_of(files["SchoolExport.csv"])}
    codes = set(names_of_sites) | {row["School"] for row in staff_rows + student_rows + class_rows}
    site_of = {code: _survivor(code, names_of_sites, school_rows, codes) for code in codes}

    for site in set(site_of.values()):
        name = names_of_sites.get(site)
        row = school_rows.get(name or "", defaultdict(str))
        tables.sites.add(
            (
                site,
                name or f"School {site}",
                text(row["Address"]),
                phone(row["Phone Number"]),
                name is None,
            )
        )
    staff = _first(staff_rows)
    students = _first(student_rows)
    for key, row in staff.items():
        tables.staff.add(
            (
                key,
                text(row["Name.First"]),
                text(row["Name.Last"]),
                email(row["Email"]),
                text(row["Title"]),
                phone(row["Mobile_number"]),
            )
        )
    for key, row in students.items():
        tables.students.add(
            (
                key,
                text(row["Name.First"]),
                text(row["Name.Last"]),
                grade(row["Grade"]),
                text(row["ZipCode"]),
                text(row["BusRoute"]),
                money(row["LunchBalance"]),
                LANGUAGES.get(row["PrimaryLanguage"].lower()),
                METHODS.get(row["PreferredContactMethod"].lower()),
            )
        )
        tables.contacts.update(_contacts(key, row))
    tables.staff_sites = {(r["ID"], r["School"], site_of[r["School"]]) for r in staff_rows}
    tables.student_sites = {(r["ID"], r["School"], site_of[r["School"]]) for r in student_rows}

    members: dict[ClassKey, set[str]] = defaultdict(set)
    named: dict[ClassKey, Record] = {}
    for row in class_rows:
        if row["Teacher"] not in staff or row["Student"] not in students:
            continue  # quarantined
        key = (
            row["School"],
            row["Teacher"],
            row["Period"],
            row["Course_number"] or row["Name"],
            row["Section_number"] or None,
        )
        members[key].add(row["Student"])
        named.setdefault(key, row)
    for key, row in named.items():
        school, teacher = key[:2]
        site = site_of[school]
        tables.classes[key] = (
            school,
            site,
            teacher,
            row["Period"],
            text(row["Name"]),
            text(row["Course_number"]),
            key[4],
            len(members[key]),
        )
        name = f"{staff[teacher]['Name.First']} {staff[teacher]['Name.Last']}".strip()
        for student in members[key]:
            child = students[student]
            tables.rosters.add(
                (
                    key,
                    school,
                    site,
                    teacher,
                    name,
                    row["Period"],
                    text(row["Name"]),
                    student,
                    text(child["Name.First"]),
                    text(child["Name.Last"]),
                    grade(child["Grade"]),
                )
            )
    _group(tables, members, named, site_of, low_lunch_balance)
    return tables


def _survivor(
    code: str, names: Mapping[str, str], school_rows: Mapping[str, Record], codes: set[str]
) -> str:
    """The site that a code rolls up to; itself where the chain is a circle or leads nowhere."""
    passed = [code]
    while True:
        row = school_rows.get(names.get(passed[-1], ""), defaultdict(str))
        target = row["Merge with Site ID"]
        if not target or target not in codes or target == passed[-1]:
            return passed[-1]
        if target in passed:
            return code
        passed.append(target)


def _first(rows: Iterable[Record]) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for row in rows:
        found.setdefault(row["ID"], row)
    return found


def _contacts(student: str, row: Record) -> Iterable[tuple[Any, ...]]:
    own = phone(row["MobileNumber"]), email(row["Email"])
    if any(own):
        yield (student, "self", f"{row['Name.First']} {row['Name.Last']}", *own)
    for relation in ("Primary", "Secondary"):
        known = (
            text(row[f"ContactName{relation}"]),
            phone(row[f"ContactPhone{relation}"]),
            email(row[f"ContactEmail{relation}"]),
        )
        if any(known):
            yield (student, relation.lower(), *known)


def _group(
    tables: Recomputed,
    members: Mapping[ClassKey, set[str]],
    named: Mapping[ClassKey, Record],
    site_of: Mapping[str, str],
    low_lunch_balance: Decimal,
) -> None:
    """Every group of DESIGN section 6, and the families of those of students."""
    facts = {row[0]: row for row in tables.students}
    at_site = {(row[0], row[2]) for row in tables.student_sites}
    found: dict[tuple[str, str, str | None, str], set[str]] = defaultdict(set)
    for student, site in at_site:
        _, _, _, year, _, route, balance, language, _ = facts[student]
        found["students", "site", site, ""].add(student)
        for kind, label in (("grade", year), ("bus_route", route), ("language", language)):
            if label is not None:
                found["students", kind, site, label].add(student)
        if balance is not None and balance < low_lunch_balance:
            found["students", "low_lunch_balance", site, ""].add(student)
    for student, row in facts.items():
        if row[4] is not None:
            found["students", "zip_code", None, row[4][:5]].add(student)
    sites_of_teacher: dict[str, set[str]] = defaultdict(set)
    for key, taught in members.items():
        site = site_of[key[0]]
        sites_of_teacher[key[1]].add(site)
        found["students", "class", site, repr(key)] |= taught
        if key[3]:  # a course that has neither number nor name is no group
            number = bool(named[key]["Course_number"])
            found["students", "course", site, repr((number, key[3]))] |= taught
    for teacher, sites in sites_of_teacher.items():
        site = next(iter(sites)) if len(sites) == 1 else None
        taught = set().union(*(who for key, who in members.items() if key[1] == teacher))
        found["students", "teacher", site, teacher] |= taught
    for person, _, site in tables.staff_sites:
        found["staff", "site", site, ""].add(person)
    for row in tables.staff:
        found["staff", "district", None, ""].add(row[0])
        if row[4] is not None:
            found["staff", "title", None, row[4]].add(row[0])

    for (audience, kind, site, _), people in found.items():
        group = (audience, kind, site, frozenset(people))
        tables.groups[group] += 1
        if audience == "students":
            for student, relation, *reached in tables.contacts:
                if student in people and relation != "self":
                    tables.family_members[
                        (group, student, relation, *reached, facts[student][7])
                    ] += 1


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
