"""Training on corrections in a process of its own: progress, cancel, and how it ended.

The process ends by itself when its input is closed, so that none is left behind, in whatever way the window goes away.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Signal

from chromview.errors import UserError
from chromview.texts import noop, tr

_PATIENCE_MS = 4000
"""The process is given so long to end by itself."""


class Trainer(QObject):
    """Runs one training at a time.

    Signals
    -------
    changed()
        `status` is another one.
    ended(object)
        The result, as ``chromview train segmenter --corrections ... --json`` prints it.
    failed(str)
        A sentence: why there is none, and what to do.
    cancelled()
        It was stopped; nothing is different.
    """

    changed = Signal()
    ended = Signal(object)
    failed = Signal(str)
    cancelled = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._folder = Path()
        self._status = ("", 0.0)
        self._unread = b""
        self._said = ""
        self._result: dict[str, Any] | None = None
        self._stopped = False

    @property
    def status(self) -> tuple[str, float] | None:
        """What the training does, in words, and how much of it is done (0..1); None while there is none."""
        return None if self._process is None else self._status

    @property
    def process_id(self) -> int:
        """Of the process; 0 while there is none."""
        return 0 if self._process is None else self._process.processId()

    def start(self, folder: Path, *, who: str, steps: int, threads: int) -> None:
        """Begin.

        Parameters
        ----------
        folder
            Holds the corrections in ``corrections``; removed at the end.
        who, steps, threads
            As on the command line.

        Raises
        ------
        UserError
            If one runs already.
        """
        if self._process is not None:
            raise UserError(tr("a training runs already"), advice=tr("Wait for it, or cancel it."))
        self._folder, self._status, self._unread, self._said = folder, (tr("starting"), 0.0), b"", ""
        self._result, self._stopped = None, False
        process = self._process = QProcess(self)
        process.setProcessEnvironment(_environment())
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._not_started)
        command = ["train", "segmenter", "--corrections", str(folder / "corrections"), "--json", "--for-window"]
        options = ["--who", who, "--steps", str(steps), "--threads", str(threads)]
        program = [] if getattr(sys, "frozen", False) else ["-m", "chromview"]
        process.start(sys.executable, [*program, *command, *options])
        self.changed.emit()

    def cancel(self) -> None:
        """Ask the training to stop; `cancelled` tells when it has."""
        if self._process is not None and not self._stopped:
            self._stopped = True
            self._process.closeWriteChannel()
            self._status = (tr("stopping"), self._status[1])
            self.changed.emit()

    def shutdown(self) -> None:
        """Stop, and wait until the process has ended. Doing it twice does no harm."""
        process = self._process
        if process is None:
            return
        self._process = None
        process.blockSignals(True)
        process.closeWriteChannel()
        if process.state() != QProcess.ProcessState.NotRunning and not process.waitForFinished(_PATIENCE_MS):
            process.kill()
            process.waitForFinished(_PATIENCE_MS)
        process.deleteLater()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- what the process says -----------------------------------------------------------

    def _read(self) -> None:
        if self._process is None:
            return
        *lines, self._unread = (self._unread + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:  # a library that prints
                continue
            if isinstance(told, dict) and "result" in told:
                self._result = told["result"]
            elif isinstance(told, dict) and "stage" in told and not self._stopped:
                self._status = (_in_words(told), float(told["share"]))
                self.changed.emit()

    def _finished(self, code: int) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        said = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        result = self._result
        self._gone(process)
        if result is not None and code == 0:
            self.ended.emit(result)
        elif self._stopped:
            self.cancelled.emit()
        else:
            last = said.splitlines()[-1] if said else ""
            sentence = last.removeprefix("chromview: ")
            self.failed.emit(sentence or tr("The training ended without a result. The weights are as they were."))

    def _not_started(self, error: QProcess.ProcessError) -> None:
        process = self._process
        if process is not None and error is QProcess.ProcessError.FailedToStart:
            why = process.errorString()
            self._gone(process)
            self.failed.emit(tr("The training could not be started ({why}). Install chromview again.", why=why))

    def _gone(self, process: QProcess) -> None:
        self._process = None
        process.deleteLater()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.changed.emit()


STAGES = (
    noop("reading the corrections"),
    noop("simulating slides"),
    noop("looking with the old weights"),
    noop("looking with the new weights"),
    noop("done"),
)
"""What the process says it does, beside its epochs."""


def _in_words(told: dict[str, Any]) -> str:
    epoch = told.get("epoch")
    if isinstance(epoch, list) and len(epoch) == 3:
        return tr("epoch {number} of {of}, loss {loss}", number=epoch[0], of=epoch[1], loss=f"{epoch[2]:.2f}")
    stage = str(told["stage"])
    return tr(stage) if stage in STAGES else stage


def _environment() -> QProcessEnvironment:
    """That of this process; the other one finds the same package, from wherever this one was started."""
    environment = QProcessEnvironment.systemEnvironment()
    # Qt may have read the environment before Python changed it.
    for name, value in os.environ.items():
        environment.insert(name, value)
    package = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    environment.insert("PYTHONPATH", os.pathsep.join([package, before] if before else [package]))
    environment.insert("PYTHONUNBUFFERED", "1")
    return environment
