"""The hub's database: commits do not wait for the disk, and its file holds everything when the hub starts."""

import runpy
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

ROOT = Path(__file__).resolve().parents[2]
MODULE = runpy.run_path(str(ROOT / "k8s/base/jupyterhub/database.py"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database to which a hub, which was then killed, has written a row."""
    living, database = tmp_path / "living.sqlite", tmp_path / "jupyterhub.sqlite"
    with closing(sqlite3.connect(living, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE users (name)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO users VALUES ('somebody')")
        for end in ("", "-wal"):
            shutil.copy(f"{living}{end}", f"{database}{end}")
    return database


def rows(database: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name FROM users").fetchall()


def write_ahead(database: Path) -> None:
    MODULE["write_ahead"](database)
    event.remove(Engine, "connect", MODULE["_set_mode"])


def test_a_copy_of_the_file_alone_holds_what_a_killed_hub_wrote(database: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.sqlite"
    shutil.copy(database, alone)
    assert rows(alone) == []
    write_ahead(database)
    shutil.copy(database, alone)
    assert rows(alone) == [("somebody",)]


def test_what_is_no_database_is_left_to_jupyterhub_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "jupyterhub.sqlite").write_text("no database")
    write_ahead(tmp_path / "jupyterhub.sqlite")
    write_ahead(tmp_path / "missing.sqlite")
    assert (tmp_path / "jupyterhub.sqlite").read_text() == "no database"
    assert not (tmp_path / "missing.sqlite").exists()


def test_connections_use_the_write_ahead_log(tmp_path: Path) -> None:
    MODULE["write_ahead"](tmp_path / "new.sqlite")
    try:
        with create_engine(f"sqlite:///{tmp_path / 'new.sqlite'}").connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 1
    finally:
        event.remove(Engine, "connect", MODULE["_set_mode"])
