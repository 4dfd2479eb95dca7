"""The hub's database: commits do not wait for the disk.

JupyterHub commits in its event loop, several times for each request. In SQLite's usual mode each commit waits until the
disk has written (fsync), seconds on a busy disk, in which the hub answers nobody.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def write_ahead(database: Path) -> None:
    """Have SQLite append to a write-ahead log (https://www.sqlite.org/wal.html).

    A hub or a container that is killed loses nothing; when the machine loses power, the last commits may be lost, and
    the database stays whole.
    """
    if database.exists():
        # JupyterHub copies the file alone before it upgrades it: what a killed hub has left in the log belongs there.
        with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    event.listen(Engine, "connect", _set_mode)


def _set_mode(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
