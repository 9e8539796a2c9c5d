"""Reading and writing files so that nothing is half-written and every failure has a sentence.

All writers of the program make their content in memory and hand it to `write_bytes`: beside the
target (``NAME.part``), flushed, on the disk, then put in its place in one step.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from chromview.errors import UserError
from chromview.texts import noop, tr

MAX_BYTES = 1 << 30
"""Largest image or label file that is read, bytes; a larger one is not an image of one cell."""

_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOENT: (
        noop("does not exist"),
        noop("Check the name, or that the disk or network drive it lies on is connected."),
    ),
    errno.EACCES: (
        noop("may not be opened: permission is missing"),
        noop("Ask for the right to it, or use another folder."),
    ),
    errno.EPERM: (
        noop("may not be changed: permission is missing"),
        noop("Ask for the right to it, or use another folder."),
    ),
    errno.EROFS: (noop("lies on a disk that can only be read"), noop("Choose a folder on another disk.")),
    errno.ENOSPC: (
        noop("could not be written: the disk is full"),
        noop("Make room on it, or choose a folder on another disk."),
    ),
    errno.EDQUOT: (
        noop("could not be written: your share of the disk is full"),
        noop("Make room, or choose another disk."),
    ),
    errno.EFBIG: (
        noop("could not be written: the file would be larger than is allowed here"),
        noop("Choose another disk."),
    ),
    errno.ENOTDIR: (noop("lies in something that is not a folder"), noop("Choose another folder.")),
    errno.EISDIR: (noop("is a folder, not a file"), noop("Give the file itself.")),
    errno.ENAMETOOLONG: (noop("has a name that is too long"), noop("Choose a shorter name.")),
    errno.EIO: (noop("could not be read or written: the disk reports an error"), noop("Try a copy on another disk.")),
}


def os_problem(error: OSError, path: Path | str) -> UserError:
    """Say what an `OSError` means for the person who chose `path`.

    Parameters
    ----------
    error
        What the system reported.
    path
        The file or folder that the person knows; temporary names beside it are not shown.
    """
    what, advice = _REASONS.get(
        error.errno or 0,
        (noop("could not be read or written ({reason})"), noop("Check the file and the disk it lies on.")),
    )
    return UserError(tr(what, reason=error.strerror or error), path=path, advice=tr(advice))


def read_bytes(path: Path | str, *, limit: int = MAX_BYTES) -> bytes:
    """Read a whole file.

    Raises
    ------
    UserError
        If it does not exist, may not be read, is a folder or a device, is empty or larger than `limit` bytes.
    """
    path = Path(path)
    check_readable(path, limit=limit)
    try:
        return path.read_bytes()
    except OSError as error:
        raise os_problem(error, path) from error


def check_readable(path: Path | str, *, limit: int = MAX_BYTES) -> bytes:
    """First 32 bytes of a file that is going to be read, by us or by a library that says less clearly what is wrong.

    Raises
    ------
    UserError
        As `read_bytes`.
    """
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(tr("is a folder, not a file"), path=path, advice=tr("Give a file in it."))
        if not stat.S_ISREG(status.st_mode):
            raise UserError(tr("is not a file"), path=path, advice=tr("Give a file on a disk."))
        if status.st_size > limit:
            raise UserError(
                tr(
                    "is too large: {size:.1f} GB, and at most {limit:.1f} GB are read",
                    size=status.st_size / 1e9,
                    limit=limit / 1e9,
                ),
                path=path,
                advice=tr("Save the one image that is needed to a file of its own."),
            )
        with path.open("rb") as file:
            start = file.read(32)
    except OSError as error:
        raise os_problem(error, path) from error
    if not start:
        raise UserError(tr("is empty (0 bytes)"), path=path, advice=tr("Copy or export it again."))
    return start


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def is_folder(path: Path | str) -> bool:
    """Whether `path` is a folder; raises `UserError` if nobody may know that."""
    try:
        return Path(path).is_dir()
    except OSError as error:
        raise os_problem(error, path) from error


def make_folder(path: Path | str) -> Path:
    """Make the folder `path` and those above it, if they are not there.

    Raises
    ------
    UserError
        If that is not possible, or something else has that name.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(
            tr("is a file, not a folder"), path=path, advice=tr("Choose another name for the folder.")
        ) from error
    except OSError as error:
        raise os_problem(error, path) from error
    return path


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path` in one step: whole and on the disk, or not at all.

    Raises
    ------
    UserError
        If the folder is missing or read-only, the disk is full, or `path` is a folder. What was there stays.
    """
    path = Path(path)
    if is_folder(path):
        raise UserError(tr("is a folder, not a file"), path=path, advice=tr("Give the name of a file in it."))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    except OSError as error:
        # What is missing or forbidden is the folder, whatever the file is called.
        raise os_problem(error, path.parent if error.errno in (errno.ENOENT, errno.ENOTDIR) else path) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; exports are for everyone the folder's owner allows.
        part.chmod(0o666 & ~umask())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise os_problem(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8 to `path`, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def put_in_place(part: Path, path: Path) -> None:
    """Flush `part` to the disk and give it its name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def new_folder(folder: Path | str) -> Iterator[Path]:
    """A folder to write into that gets the name `folder` when everything in it is whole; after an error it is gone.

    Raises
    ------
    UserError
        If `folder` is a file or has something in it, or the disk is full or read-only. Errors that name a file in the
        folder that is written name it as it was going to be called.
    """
    folder = Path(folder)
    if is_folder(folder):
        try:
            empty = not any(folder.iterdir())
        except OSError as error:
            raise os_problem(error, folder) from error
        if not empty:
            raise UserError(tr("has files in it already"), path=folder, advice=tr("Choose a new folder."))
    elif folder.exists():
        raise UserError(tr("is a file, not a folder"), path=folder, advice=tr("Choose a new folder."))
    make_folder(folder.parent)
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name[:100]}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise os_problem(error, folder) from error
    try:
        part.chmod(0o777 & ~umask())  # mkdtemp makes a folder for its owner alone
        yield part
        if folder.exists():
            folder.rmdir()  # empty; not every system lets a folder take the place of another
        part.replace(folder)
        sync_folder(folder.parent)
    except UserError as error:
        if error.path is None or not error.path.is_relative_to(part):
            raise
        raise UserError(error.what, path=folder / error.path.relative_to(part), advice=error.advice) from error
    except OSError as error:
        raise os_problem(error, folder) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def free_stem(name: str, taken: set[str]) -> str:
    """A name for files, made from the name of a slide, safe on every system and not among those `taken`; it joins them.

    Parameters
    ----------
    name
        Of the image file.
    taken
        Names given before, without regard to capitals.
    """
    plain = name.encode("utf-8", "replace").decode("utf-8")
    stem = re.sub(r"[^\w.+-]+", "_", Path(plain).stem).strip("._")[:80] or "slide"
    for made in _with_numbers(stem):
        if made.casefold() not in taken:
            taken.add(made.casefold())
            return made
    raise AssertionError("unreachable")


def _with_numbers(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to the disk; a system that cannot do that for folders is left alone."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def umask() -> int:
    """The bits that new files of this process must not have."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
