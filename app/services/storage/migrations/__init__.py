"""How the tables came to be, one step a file; run when the database is opened.

To change a table: change `tables.py`, add the next `versions/v000N_….py` that does the same with `alembic.op`, and
raise `HEAD` in `database.py`. A test holds the three together.
"""
