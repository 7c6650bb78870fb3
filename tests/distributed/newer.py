"""The program as its next version might be: it asks for tables of a version of its own."""

import sys

from sqlalchemy import Column, Text

from app.cli import main
from app.services.storage import database
from app.services.storage.tables import tracks

HEAD = "9000"

#: What the next version's migration does: it adds, as `test_steps_only_add` says that every one does.
STEPS = (
    "ALTER TABLE tracks ADD COLUMN later TEXT",
    "ALTER TABLE jobs ADD COLUMN later INTEGER DEFAULT 7 NOT NULL",
    "CREATE TABLE later (id TEXT PRIMARY KEY)",
    "UPDATE alembic_version SET version_num = '9000'",
)

if __name__ == "__main__":
    database.HEAD = HEAD
    tracks.append_column(Column("later", Text))
    sys.exit(main())
