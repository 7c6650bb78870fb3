"""Groups, comparisons and votes as rows: what the store reads of them, and what its changes write."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select, update

from app.models.group import Comparison, Group, Side, Standing
from app.services.storage.tables import comparisons, group_members, groups, votes

_COMPARISON_FIELDS = tuple(field.name for field in fields(Comparison))


def read_group(connection: Connection, group_id: str) -> Group | None:
    """A group with those of its tracks that are still there; None if there is none."""
    row = connection.execute(select(groups).where(groups.c.id == group_id)).mappings().first()
    if row is None:
        return None
    members = select(group_members.c.track_id).where(group_members.c.group_id == group_id)
    ids = connection.execute(members.order_by(group_members.c.place)).scalars()
    return Group(**row, track_ids=tuple(ids))


def read_comparison(connection: Connection, comparison_id: str) -> Comparison | None:
    """A comparison; None if there is none."""
    row = connection.execute(select(comparisons).where(comparisons.c.id == comparison_id)).mappings().first()
    if row is None:
        return None
    return Comparison(**{**row, "sides": tuple(Side(**side) for side in row["sides"])})


def read_standings(connection: Connection) -> dict[str, Standing]:
    """By model, how often it was preferred to others; models nobody compared are left out."""
    counted = select(votes.c.model, func.count(), func.sum(case((votes.c.won, 1), else_=0))).group_by(votes.c.model)
    return {
        str(model): Standing(compared=int(compared), wins=int(wins))
        for model, compared, wins in connection.execute(counted)
    }


def insert_group(connection: Connection, group: Group, comparison: Comparison | None) -> None:
    """A group of tracks that are already written, and the comparison that it is for, if it is for one."""
    values = {name: getattr(group, name) for name in ("id", "owner", "kind", "created_at", "size", "webhook_url")}
    connection.execute(insert(groups).values(values))
    connection.execute(
        insert(group_members),
        [
            {"group_id": group.id, "place": place, "track_id": track_id}
            for place, track_id in enumerate(group.track_ids)
        ],
    )
    if comparison is not None:
        values = {name: getattr(comparison, name) for name in _COMPARISON_FIELDS}
        values["sides"] = [asdict(side) for side in comparison.sides]
        connection.execute(insert(comparisons).values(values))


def leave_groups(connection: Connection, track_id: str) -> None:
    """Take a track out of its groups, and away with those, and their comparisons, that have no other."""
    left = list(
        connection.execute(select(group_members.c.group_id).where(group_members.c.track_id == track_id)).scalars()
    )
    if not left:
        return
    connection.execute(delete(group_members).where(group_members.c.track_id == track_id))
    peopled = select(group_members.c.group_id).where(group_members.c.group_id.in_(left))
    connection.execute(delete(groups).where(groups.c.id.in_(left), groups.c.id.not_in(peopled)))


def write_vote(
    connection: Connection, comparison_id: str, winner: str, models: Mapping[str, bool], voted_at: datetime
) -> Comparison | None:
    """Prefer the side of that label, whatever was preferred before; the comparison as it now is, None if it is gone.

    `models` says of each model in it whether its side was preferred; empty where no two models were compared.
    """
    changed = connection.execute(
        update(comparisons)
        .where(comparisons.c.id == comparison_id)
        .values(winner=winner, voted_at=voted_at, votes=comparisons.c.votes + 1)
    )
    if changed.rowcount == 0:
        return None
    connection.execute(delete(votes).where(votes.c.comparison_id == comparison_id))
    rows: Sequence[dict[str, object]] = [
        {"comparison_id": comparison_id, "model": model, "won": won, "voted_at": voted_at}
        for model, won in models.items()
    ]
    if rows:
        connection.execute(insert(votes), rows)
    return read_comparison(connection, comparison_id)
