"""The wires between the tools in the viewer and what they do to the masks."""

from __future__ import annotations

from PySide6.QtCore import QObject

from chromview.app.asking import Asker
from chromview.app.perform import Performer
from chromview.ui.viewer import Viewer


class Hands(QObject):
    """Answers what the tools of a viewer ask for.

    Parameters
    ----------
    viewer
        Whose gestures these are; the owner of this object.
    performer, asker
        What does them.
    """

    def __init__(self, viewer: Viewer, performer: Performer, asker: Asker) -> None:
        super().__init__(viewer)
        self._viewer, self._performer, self._asker = viewer, performer, asker
        viewer.painting.connect(performer.controller.painting)
        viewer.stroke_begun.connect(self._stroke_begun)
        viewer.stroke_done.connect(performer.commit_stroke)
        viewer.line_drawn.connect(performer.cut)
        viewer.crossing_drawn.connect(performer.split_along)
        viewer.lasso_drawn.connect(performer.lasso)
        viewer.magic_grown.connect(self._magic_grown)
        viewer.hint_drawn.connect(asker.add_stroke)
        viewer.axis_moved.connect(performer.move_axis)
        viewer.centromere_moved.connect(performer.move_centromere)
        viewer.annotations_changed.connect(performer.set_annotations)
        viewer.brush_resized.connect(performer.controller.tools.resize)
        asker.changed.connect(self._strokes_changed)

    def _stroke_begun(self, at: tuple[float, float]) -> None:
        found = self._viewer.under(self._viewer.to_screen(*at))
        stroke = self._performer.begin_stroke(at, found)
        if stroke is not None:
            self._viewer.begin_stroke(stroke)

    def _magic_grown(self, at: tuple[float, float], edge: float, taking: bool) -> None:
        found = self._viewer.under(self._viewer.to_screen(*at))
        self._viewer.show_stroke(self._performer.magic(at, edge, taking, found))

    def _strokes_changed(self) -> None:
        self._viewer.show_hints(self._asker.strokes)
