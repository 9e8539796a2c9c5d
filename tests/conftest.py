"""What every test lives in: a Qt without a screen, folders of its own, nothing left behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before anything imports Qt; a person may still set another platform to watch the tests.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
# Long enough for a thread that was told to stop on a busy machine.
PATIENCE_SECONDS = 5.0


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout that the tests belong to."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real images; the test is skipped where they are absent.

    It is the variable CHROMVIEW_DATA, or ``shared/data`` beside the checkout.
    """
    override = os.environ.get("CHROMVIEW_DATA")
    folder = Path(override) if override else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real images are not there ({folder}; CHROMVIEW_DATA names another folder)")
    return folder


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and user data go to a new folder, never to those of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    for variable, name in {
        "HOME": "",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
        "APPDATA": "appdata",
        "LOCALAPPDATA": "localappdata",
        "USERPROFILE": "",
    }.items():
        folder = home / name
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv(variable, str(folder))
    # A person's own overrides would lead the tests to their cases and other weights.
    for variable in ("CHROMVIEW_CASES", "CHROMVIEW_MODELS", "CHROMVIEW_RESOURCES"):
        monkeypatch.delenv(variable, raising=False)
    core = sys.modules.get("PySide6.QtCore")
    if core is not None:
        # Qt remembers the folder from its first use; it must be told.
        core.QSettings.setDefaultFormat(core.QSettings.Format.IniFormat)
        for form in (core.QSettings.Format.IniFormat, core.QSettings.Format.NativeFormat):
            core.QSettings.setPath(form, core.QSettings.Scope.UserScope, str(home / "config"))


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread running or a window open."""
    threads_before = set(threading.enumerate())
    widgets_before = set(_top_level_widgets())
    uses_qt = bool({"qtbot", "qapp"} & set(request.fixturenames))
    qt_threads_before = _running_qt_threads() if uses_qt else []
    yield
    left = []
    for thread in threading.enumerate():
        # Python wraps foreign threads in dummies and never removes those; Qt's are looked at below.
        if thread in threads_before or isinstance(thread, threading._DummyThread):
            continue
        thread.join(PATIENCE_SECONDS)
        if thread.is_alive():
            left.append(f"thread {thread.name!r}")
    if uses_qt:
        left += [
            f"QThread {thread.objectName() or thread!r}"
            for thread in _running_qt_threads()
            if thread not in qt_threads_before and not thread.wait(int(PATIENCE_SECONDS * 1000))
        ]
        _deliver_deferred_deletes()
        left += [
            f"top-level widget {name}"
            for address, name in _top_level_widgets().items()
            if address not in widgets_before
        ]
    if left:
        pytest.fail("left behind: " + ", ".join(left))


def _top_level_widgets() -> dict[int, str]:
    """Address in memory and name of every window that belongs to no other."""
    widgets = sys.modules.get("PySide6.QtWidgets")
    if widgets is None or widgets.QApplication.instance() is None:
        return {}
    import shiboken6

    return {
        shiboken6.getCppPointer(widget)[0]: widget.objectName() or repr(widget)
        for widget in widgets.QApplication.topLevelWidgets()
        if widget.parent() is None
    }


def _running_qt_threads() -> list[Any]:
    core = sys.modules.get("PySide6.QtCore")
    application = core and core.QCoreApplication.instance()
    if not core or not application:
        return []
    main = application.thread()
    found = []
    for thing in gc.get_objects():
        # Not isinstance: it asks some objects of torch for their class, and they warn about themselves.
        if issubclass(type(thing), core.QThread) and thing is not main:
            try:
                if thing.isRunning():
                    found.append(thing)
            except RuntimeError:
                # The C++ object is gone, so it runs no more.
                continue
    return found


def _deliver_deferred_deletes() -> None:
    core = sys.modules["PySide6.QtCore"]
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)
    core.QCoreApplication.processEvents()
