"""The way of a database from any earlier revision to the newest. Migrations go forward only.

A new migration is a file in ``versions/`` whose ``revision`` becomes ``HEAD``; a test holds the two together,
and the migrated tables against ``storage.tables``. Alembic is imported only where there is a need to migrate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

HEAD = "0001"


def upgrade(connection: Connection) -> None:
    """Bring the database to ``HEAD`` inside the transaction that ``connection`` holds."""
    from alembic import command

    config = config_for_package()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def knows(revision: str) -> bool:
    """Whether ``revision`` is one of ours; a newer program may have written another."""
    if revision == HEAD:
        return True
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config_for_package())
    return any(script.revision == revision for script in scripts.walk_revisions())


def config_for_package() -> Config:
    """Alembic's configuration for the scripts that lie in this package, wherever it is installed."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    return config
