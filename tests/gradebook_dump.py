"""All that a gradebook holds, in words that two gradebooks can share: ids that are drawn at random are left out."""

import datetime as dt
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

_RANDOM = re.compile(r"[0-9a-f]{32}\Z")

Row = tuple[tuple[str, Any], ...]


def dump(url: str) -> dict[str, list[Row]]:
    """Return every table's rows, sorted; a random id that points to another row is replaced by that row's words."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        tables = {
            name: [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for name, table in metadata.tables.items()
        }
    by_id = {name: {row["id"]: row for row in rows if "id" in row} for name, rows in tables.items()}

    def words(name: str, row: dict[str, Any]) -> Row:
        points = {key.parent.name: key.column.table.name for key in metadata.tables[name].foreign_keys}
        found = []
        for column, value in sorted(row.items()):
            if isinstance(value, str) and _RANDOM.match(value):
                if column in points:
                    found.append((column, words(points[column], by_id[points[column]][value])))
            elif isinstance(value, dt.datetime):
                found.append((column, value.isoformat()))
            else:
                found.append((column, value))
        return tuple(found)

    return {name: sorted((words(name, row) for row in rows), key=repr) for name, rows in sorted(tables.items())}


def points(course: Path) -> dict[str, float | None]:
    """Return the points of each student, over all assignments, in the gradebook of a course's folder."""
    with closing(sqlite3.connect(course / "gradebook.db")) as book:
        return dict(
            book.execute(
                "select sa.student_id, sum(g.auto_score) from grade g "
                "join submitted_notebook sn on sn.id = g.notebook_id "
                "join submitted_assignment sa on sa.id = sn.assignment_id group by 1"
            ).fetchall()
        )
