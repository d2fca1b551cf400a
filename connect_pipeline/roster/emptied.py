"""Emptied columns: those that had values in the last published night and have none tonight.

For: the mistake that no header shows, for the column is there: an export that lost the field which
it is filled from. Belongs here: the counts. Does not belong here: how many are too many
(`hold.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from connect_pipeline.contract import (
    SCHOOLS,
    STAFF,
    STUDENTS,
    Column,
    ExportSpec,
    Kind,
    contact_relation,
)
from connect_pipeline.databases import count_rows

NAMES = ("first_name", "last_name")
"""Without these a row says so itself (`missing_required_value`)."""
ENTITIES = {STAFF: "staff", STUDENTS: "student"}
# What `connect.contacts` has of a cell of each kind.
CONTACT_COLUMNS = {Kind.NAME: "name", Kind.PHONE: "phone", Kind.EMAIL: "email"}
# Who stays as last published has values that tonight's file need not have.
KEPT = "SELECT key FROM candidate.connect.kept WHERE entity = $entity"


@dataclass(frozen=True)
class Emptied:
    """A column of tonight's file in which `before` of `people` had a value, and nobody has one."""

    export: str
    column: str
    before: int
    people: int


def emptied_columns(connection: duckdb.DuckDBPyConnection, *, has_schools: bool) -> list[Emptied]:
    """The emptied columns of staff, students and sites. `previous` and `candidate` are attached."""
    supplied = set(
        connection.execute(
            "SELECT export, column_name FROM candidate.connect.supplied_columns"
        ).fetchall()
    )
    found = []
    for spec in (STAFF, STUDENTS):
        people = count_rows(connection, f"previous.connect.{spec.table}")
        columns = [
            column
            for column in spec.columns
            if (spec.file_name, column.name) in supplied
            and not column.key
            and column.field not in NAMES
        ]
        for table, counts in _counts_by_table(spec, columns).items():
            before, now = (
                connection.execute(
                    f"SELECT {', '.join(counts.values())} FROM {night}.connect.{table}"
                    f" WHERE {spec.columns[0].field} NOT IN ({KEPT})",
                    {"entity": ENTITIES[spec]},
                ).fetchall()[0]
                for night in ("previous", "candidate")
            )
            found += [
                Emptied(spec.file_name, name, had, people)
                for name, had, has in zip(counts, before, now, strict=True)
                if had and not has
            ]
    return found + (_emptied_merges(connection, supplied) if has_schools else [])


def _counts_by_table(spec: ExportSpec, columns: list[Column]) -> dict[str, dict[str, str]]:
    """By the table in which columns are published, SQL for how many values each has there."""
    counts: dict[str, dict[str, str]] = {}
    for column in columns:
        if spec is STAFF or column.kind not in CONTACT_COLUMNS:
            table, count = spec.table, f"count({column.field})"
        else:
            relation, what = contact_relation(column), CONTACT_COLUMNS[column.kind]
            table, count = "contacts", f"count({what}) FILTER (WHERE relation = '{relation}')"
        counts.setdefault(table, {})[column.name] = count
    return counts


def _emptied_merges(
    connection: duckdb.DuckDBPyConnection, supplied: set[tuple[str, str]]
) -> list[Emptied]:
    """All merges of sites, when a SchoolExport has the column for them and none is left."""
    name = next(column.name for column in SCHOOLS.columns if column.field == "merge_with")
    if (SCHOOLS.file_name, name) not in supplied:
        return []
    before, now = (
        count_rows(connection, f"(FROM {night}.connect.school_sites WHERE site_id <> school)")
        for night in ("previous", "candidate")
    )
    return [Emptied(SCHOOLS.file_name, name, before, before)] if before and not now else []
