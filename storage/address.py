"""Where a database is: a path or URL as a person writes it, checked, and safe to show."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from profiles.errors import UserError

_SECRET_WORDS = ("pass", "pwd", "secret", "token", "key")
_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_MEMORY = ":memory:"
_REMEDY = "or choose another database file"


def parse(text: str) -> URL:
    """The SQLAlchemy URL of a path, of SQLite's own ``file:`` form, or of a URL.

    Raises:
        UserError: the text is empty, no URL, or a database in memory.
    """
    url = _as_url(text.strip())
    if url.get_backend_name() == "sqlite" and (file_of(url) is None or url.query.get("mode") == "memory"):
        raise UserError("a database in memory would forget everything: give the path of a file")
    return url


def _as_url(text: str) -> URL:
    if not text:
        raise UserError("no database given: give the path of a file, or a URL such as sqlite:///arena.db")
    if text.startswith("file:"):
        path, _, query = text.partition("?")
        return URL.create("sqlite", database=path, query={**dict(parse_qsl(query)), "uri": "true"})
    if "://" not in text:
        name = text if text == _MEMORY else str(Path(text).expanduser().absolute())
        return URL.create("sqlite", database=name)
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # the error repeats the text, which may hold a password
        scheme = text.split("://", 1)[0]
        raise UserError(
            f"{scheme}://... is no database URL: write {scheme}://user:password@host:port/name, "
            "with % codes for special characters"
        ) from None


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database, absolute; None in memory and for every other database."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in ("", _MEMORY, f"file:{_MEMORY}"):
        return None
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:"))
        name = "/" + name.lstrip("/") if name.startswith("//") else name
    return Path(name).absolute()


def place_of(url: URL) -> str:
    """How messages name the database: the file, or the URL with its secrets masked."""
    file = file_of(url)
    return str(file) if file else masked(url)


def masked(url: URL) -> str:
    """The URL with ``***`` for the password and for query values that may be one."""
    query = {name: "***" if _is_secret(name) else value for name, value in url.query.items()}
    shown = url.set(query=query).render_as_string(hide_password=True)
    return shown.replace(quote("***"), "***")


def without_secrets(text: str, url: URL) -> str:
    """``text`` on one line, with every secret of ``url`` replaced by ``***``."""
    values = [value for name, value in url.query.items() if _is_secret(name)]
    words = [word for value in values for word in ((value,) if isinstance(value, str) else value)]
    for secret in filter(None, [url.password, *words]):
        text = text.replace(str(secret), "***").replace(quote(str(secret), safe=""), "***")
    return " ".join(text.split())


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def make_ready(file: Path, *, create: bool) -> None:
    """Make the folder of ``file`` if need be, and see that file and folder may be written.

    A missing write bit counts although the superuser could write: what was locked on purpose stays as it is.

    Raises:
        UserError: the path is a folder, or is not there, or may not be written.
    """
    try:
        if file.is_dir():
            raise UserError(f"{file} is a folder: give the path of a file in it, such as {file / 'arena.db'}")
        if not create and not file.exists():
            raise UserError(f"{file} does not exist: check the path")
        file.parent.mkdir(parents=True, exist_ok=True)
        there = [path for path in (file, file.parent) if path.exists()]
        locked = [path for path in there if not path.stat().st_mode & _ANY_WRITE]
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{file} cannot be used ({reason}): check its folder, {_REMEDY}") from error
    if locked:
        raise UserError(f"{locked[0]} is read-only: make it writable (chmod u+w), {_REMEDY}")
