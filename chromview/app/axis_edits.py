"""Edits of where a chromosome runs: its axis and its centromere, placed by hand or handed back to the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chromview.app import step_names
from chromview.app.edits import CENTROMERE_BY_PERSON, Edits, spoken, touched
from chromview.core.axis_edit import LEAST_LENGTH, carried_over
from chromview.core.chromosome import FloatArray
from chromview.core.curves import arc_length
from chromview.errors import UserError
from chromview.texts import shown, tr


class AxisEdits(Edits):
    """Edits of axis and centromere; what is placed here no model moves."""

    def set_axis(self, slide_id: int, id: int, axis: npt.ArrayLike) -> None:
        """Say how a chromosome runs from tip to tip. Its centromere stays beside the same place of the slide.

        Parameters
        ----------
        slide_id, id
            The chromosome.
        axis
            ``(n, 2)`` points (y, x) in slide pixels, from the same tip as the axis it had.

        Raises
        ------
        ValueError
            If that is no line, or one shorter than two pixels.
        UserError
            If it cannot be written.
        """
        line: FloatArray = np.array(axis, np.float32)
        if line.ndim != 2 or line.shape[1] != 2 or len(line) < 2 or not np.isfinite(line).all():
            raise ValueError(f"an axis has points (y, x), at least two, not an array {line.shape}")
        if arc_length(line)[-1] < LEAST_LENGTH:
            raise ValueError("an axis needs a length")
        old = self.chromosomes(slide_id)[id]
        centromere = old.centromere
        if centromere is not None and old.axis is not None and len(old.axis) > 1:
            centromere = carried_over(centromere, old.axis, line)
        with self.transaction(slide_id, step_names.AXIS.format(what=spoken(old))) as edit:
            if old.axis is None or not np.array_equal(old.axis, line):
                edit.replace(replace(old, axis=line, axis_placed=True, centromere=centromere, state=touched(old)))

    def set_centromere(self, slide_id: int, id: int, share: float) -> None:
        """Say where the centromere is, 0..1 of the axis from its first point.

        Raises
        ------
        UserError
            If the chromosome has no axis yet, or it cannot be written.
        """
        old = self.chromosomes(slide_id)[id]
        if old.axis is None:
            raise UserError(
                tr("{what} has no axis yet", what=shown(spoken(old))), advice=tr("Analyse the slide first.")
            )
        with self.transaction(slide_id, step_names.CENTROMERE.format(what=spoken(old))) as edit:
            edit.replace(
                replace(
                    old,
                    centromere=float(min(1.0, max(0.0, share))),
                    centromere_confidence=CENTROMERE_BY_PERSON,
                    centromere_placed=True,
                    state=touched(old),
                )
            )

    def find_axis(self, slide_id: int, id: int) -> None:
        """Find the axis anew from the mask, and let the models say where the centromere is.

        Raises
        ------
        UserError
            If it cannot be written.
        """
        from chromview.core.axis import find_axis

        old = self.chromosomes(slide_id)[id]
        axis = find_axis(old.mask, (old.box.top, old.box.left))
        centromere = old.centromere
        if old.axis is not None and len(old.axis) > 1:
            if np.dot(axis[-1] - axis[0], old.axis[-1] - old.axis[0]) < 0:
                axis = np.ascontiguousarray(axis[::-1])
            if centromere is not None:
                centromere = carried_over(centromere, old.axis, axis)
        with self.transaction(slide_id, step_names.AXIS_ANEW.format(what=spoken(old))) as edit:
            edit.replace(
                replace(
                    old,
                    axis=axis,
                    axis_placed=False,
                    centromere=centromere,
                    centromere_confidence=0.0,
                    centromere_placed=False,
                    state=touched(old),
                )
            )
