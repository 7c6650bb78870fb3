"""Courier: jobs of procrastinate that bring ours to a worker, sent and taken back within a transaction of ours.

Our own row says what is to be done and how far it is; procrastinate's says who has it. Its id is our `delivery`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from app.errors import DatabaseAway
from app.services.storage.deliveries import delivered
from app.services.storage.rows import JobRow

if TYPE_CHECKING:
    pass

#: Name of the one task.
TASK = "music"
#: Rounds of one urgency: the queue between machines knows one number, higher first, that says both.
ROUNDS = 2**26
#: Queue of what any worker can do.
ANYBODY = "encode"


class Courier:
    """Speaks to the queue through other people's connections; opens none."""

    def __init__(self) -> None:
        from procrastinate import App
        from procrastinate.sync_psycopg_connector import SyncPsycopgConnector

        self._app: App = App(connector=SyncPsycopgConnector())

    def send(self, connection: Connection, job: JobRow, *, ahead: bool = False) -> JobRow:
        """Bring a job to a worker; `ahead` of those it waited with before."""
        queue = (
            ANYBODY if job.kind == "encode" else job.queue.partition(":")[0]
        )  # a moved one's may name a taught model
        task = self._app.configure_task(
            TASK,
            allow_unknown=True,
            queue=queue,
            priority=(job.priority + ahead) * ROUNDS - min(job.turn, ROUNDS - 1),
            connection=_driver(connection),
        )
        with _said():
            delivery = task.defer(job_id=job.id)
        return delivered(connection, job, delivery)

    def take_back(self, connection: Connection, job: JobRow) -> None:
        """Bring it no more; the worker that has it is told at once."""
        if job.delivery is not None:
            with _said():
                self._app.job_manager.cancel_job_by_id(
                    job.delivery, abort=True, delete_job=True, connection=_driver(connection)
                )

    def send_again(self, connection: Connection, job: JobRow) -> JobRow:
        """Bring it to another worker; whoever has it now will not be heard."""
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": job.delivery})
        return self.send(connection, job, ahead=True)


@contextmanager
def _said() -> Iterator[None]:
    from procrastinate.exceptions import ConnectorException

    try:
        yield
    except ConnectorException as error:
        raise DatabaseAway("The database does not answer", because=str(error.__cause__ or error)) from error


def _driver(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is in a transaction
    return driver
