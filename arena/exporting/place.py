"""The folder of an export: made beside its place, put there whole at the end, or not at all.

A process that is killed outright leaves its unfinished folder behind; the next export to the same place clears it away.
Which are in use is told by a lock on the folder, which ends with its process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from profiles.errors import UserError

try:
    import fcntl
except ModuleNotFoundError:  # not a Unix: such folders stay
    fcntl = None  # type: ignore[assignment]

__all__ = ["MADE_BY", "MANIFEST", "Workplace", "workplace"]

MANIFEST: Final = "manifest.json"
MADE_BY: Final = "counsel-arena export"
_FOLDER_MODE: Final = 0o755
_DATA, _SPOOL, _OLD = "data", "spool", "old"


@dataclass(frozen=True)
class Workplace:
    """data: becomes the export. spool: for what only the making needs. files: closes what is open at the end."""

    data: Path
    spool: Path
    files: ExitStack


@contextmanager
def workplace(out: Path, force: bool = False) -> Iterator[Workplace]:
    """A folder to write into, which becomes ``out`` if all goes well and vanishes if not.

    Args:
        force: put it in place of an earlier export. A folder that holds anything else is never touched.

    Raises:
        UserError: ``out`` is taken, or cannot be written.
    """
    out = out.resolve()
    with suppress(OSError):  # a place that cannot be written is told of below
        _clear_leftovers(out)
    _refuse_taken(out, force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    except OSError as error:
        raise UserError(f"--out {out.name}: cannot be made there ({error.strerror}); name another folder") from None
    lock = ExitStack()
    try:
        _locked(root, lock)
        with ExitStack() as files:
            made = Workplace(root / _DATA, root / _SPOOL, files)
            made.data.mkdir(mode=_FOLDER_MODE)
            made.spool.mkdir()
            yield made
        _refuse_taken(out, force)  # again: it may have been filled meanwhile
        _put(made.data, out, root / _OLD)
    except OSError as error:
        raise UserError(f"--out {out.name}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
        lock.close()


def _clear_leftovers(out: Path) -> None:
    """Delete unfinished folders of dead processes; an earlier export that one was about to replace comes back."""
    name = re.compile(re.escape(f".{out.name}.") + r"\w{8}\.part")
    for root in [path for path in out.parent.iterdir() if name.fullmatch(path.name) and path.is_dir()]:
        with ExitStack() as files:
            ours = {path.name for path in root.iterdir()} <= {_DATA, _SPOOL, _OLD}
            if not ours or not _locked(root, files):
                continue
            if (root / _OLD).exists() and not out.exists():
                (root / _OLD).rename(out)
            shutil.rmtree(root, ignore_errors=True)


def _locked(root: Path, files: ExitStack) -> bool:
    """Whether the folder could be locked, until ``files`` close."""
    if fcntl is None:
        return False
    handle = os.open(root, os.O_RDONLY)
    files.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _put(data: Path, out: Path, old: Path) -> None:
    if out.exists():
        out.rename(old)
    try:
        data.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise


def _refuse_taken(out: Path, force: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out {out.name}: that is a file; name a folder")
    with os.scandir(out) as found:
        empty = next(found, None) is None
    if empty or (force and _is_ours(out)):
        return
    if force:
        raise UserError(f"--out {out.name}: it holds something other than an export; name another folder")
    remedy = "add --force to replace it" if _is_ours(out) else "name another folder"
    raise UserError(f"--out {out.name}: the folder is not empty; {remedy}")


def _is_ours(out: Path) -> bool:
    """Whether an export stands there and nothing besides: what a person put beside it is not to be deleted."""
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        summed = (out / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    known = {line.partition("  ")[2] for line in summed} | {"SHA256SUMS", MANIFEST}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_symlink() or not path.is_dir()}
    return isinstance(found, dict) and found.get("made_by") == MADE_BY and there <= known
