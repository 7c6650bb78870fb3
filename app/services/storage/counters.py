"""Counters as rows, and what a client has of what is counted."""

from sqlalchemy import Connection, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.services.storage.tables import counters, tracks


def add_to_counter(connection: Connection, name: str, amount: int, now: float, expires_at: float) -> int:
    """Count: what is counted now. One that has ended by `now` begins anew, and then ends at `expires_at`."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(counters).values(name=name, amount=amount, expires_at=expires_at)
    over = counters.c.expires_at <= now
    counted = new.on_conflict_do_update(
        index_elements=[counters.c.name],
        set_={
            "amount": case((over, amount), else_=counters.c.amount + amount),
            "expires_at": case((over, expires_at), else_=counters.c.expires_at),
        },
    ).returning(counters.c.amount)
    return int(connection.execute(counted).scalar_one())


def read_counter(connection: Connection, name: str) -> tuple[int, float]:
    """What was counted, and when that ends; zeros where nothing was."""
    row = connection.execute(select(counters).where(counters.c.name == name)).first()
    return (0, 0.0) if row is None else (int(row.amount), float(row.expires_at))


def drop_counter(connection: Connection, name: str) -> None:
    """Forget a counter."""
    connection.execute(delete(counters).where(counters.c.name == name))


def drop_old_counters(connection: Connection, now: float) -> int:
    """Forget counters that have ended: how many."""
    return connection.execute(delete(counters).where(counters.c.expires_at <= now)).rowcount


def held_by(connection: Connection, owner: str) -> tuple[int, int]:
    """What an owner has: tracks in work, and bytes of files."""
    counted = select(
        func.coalesce(func.sum(case((tracks.c.status == "processing", 1), else_=0)), 0),
        func.coalesce(func.sum(tracks.c.stored_bytes), 0),
    ).where(tracks.c.owner == owner)
    in_work, stored = connection.execute(counted).one()
    return int(in_work), int(stored)
