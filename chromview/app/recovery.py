"""What is said when a case is opened that was not closed."""

from __future__ import annotations

from collections.abc import Mapping

from chromview.storage.case_file import CaseFile
from chromview.storage.case_marker import local
from chromview.texts import inside, shown, tr


def recovery_sentence(file: CaseFile, names: Mapping[int, str]) -> str:
    """Up to where a case is there that was not closed, as one sentence; empty if it was closed.

    Parameters
    ----------
    file
        The case.
    names
        Names of its slides by id.
    """
    said = []
    if file.was_left_open:
        last = file.last_row()
        if last is None:
            said.append(tr("{case} was not closed the last time; nothing had been edited in it.", case=file.path.stem))
        else:
            said.append(
                tr(
                    "{case} was not closed the last time; everything is there up to the last edit, {step} on {slide} "
                    "({when}), and at most a stroke that was being painted is lost.",
                    case=file.path.stem,
                    step=inside(shown(last.title)),
                    slide=names.get(last.slide, str(last.slide)),
                    when=local(last.time),
                )
            )
    if file.log_is_missing:
        said.append(
            tr(
                "Its log, {log}, does not lie beside it: if the case was copied while it was open, copy both, or the "
                "last edits are missing.",
                log=f"{file.path.name}-wal",
            )
        )
    if file.marked_elsewhere is not None:
        said.append(
            tr(
                "It was opened {by}, and not closed there: if it is still open there, close it on one of the two.",
                by=file.marked_elsewhere.sentence,
            )
        )
    return " ".join(said)
