"""The rules about columns: one most of whose cells are of another kind holds something else.

Belongs here: how such a column is found without looking at every cell of a large file.
"""

from __future__ import annotations

from collections.abc import Iterator

from connect_pipeline.contract import Column
from connect_pipeline.reader import ReadResult
from connect_pipeline.rules import rules_of
from connect_pipeline.rules.rule import ColumnRule

SAMPLED_ROWS = 20_000
FEWEST_CELLS = 5
"""Of a column, by which it can be judged."""
MOST = 0.5
"""More of its cells of another kind, and the column holds something else."""


def run_column_rules(read: ReadResult) -> set[Column]:
    """Name the columns most of whose cells are of another kind; returns those.

    What most cells are, some of them tell: of a large file every n-th row is looked at, and a
    column is looked at in full only when that leaves a doubt.
    """
    pairs = [
        (rule, column)
        for rule in rules_of(ColumnRule)
        for column in read.columns
        if rule.applies(column)
    ]
    every = max(1, read.accepted_rows // SAMPLED_ROWS)
    if every > 1:
        pairs = [
            (rule, column)
            for rule, column, cells, wrong in _of_another_kind(read, pairs, every)
            if cells < FEWEST_CELLS or wrong > cells * MOST / 2
        ]
    doubtful: set[Column] = set()
    for rule, column, cells, wrong in _of_another_kind(read, pairs, 1):
        if cells >= FEWEST_CELLS and wrong > cells * MOST:
            read.findings.add(rule.code, column=column.name, count=wrong)
            doubtful.add(column)
    return doubtful


def _of_another_kind(
    read: ReadResult, pairs: list[tuple[ColumnRule, Column]], every: int
) -> Iterator[tuple[ColumnRule, Column, int, int]]:
    """For each rule and column: how many cells are not blank, and how many of another kind."""
    if not pairs:
        return
    sums = ", ".join(
        f"count(*) FILTER (WHERE {column.quoted} <> ''),"
        f" count(*) FILTER (WHERE {column.quoted} <> ''"
        f" AND ({rule.where[column.kind].format(cell=column.quoted)}))"
        for rule, column in pairs
    )
    row = read.connection.execute(
        f"SELECT {sums} FROM records.{read.spec.table} WHERE hash(line) % {every} = 0"
    ).fetchall()[0]
    for index, (rule, column) in enumerate(pairs):
        yield rule, column, row[2 * index], row[2 * index + 1]
