"""The hand on the arrows of the karyogram: they are chosen, moved, turned and taken away, by mouse and by key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from chromview.core.arrows import Spot, arrow_at, spot
from chromview.core.chromosome import Arrow, Chromosome

if TYPE_CHECKING:
    from chromview.ui.karyogram import KaryogramView

NEAR = 8.0
"""Screen pixels from an arrow within which it is taken hold of."""
_STEP = 4.0
"""Canvas pixels that one press of an arrow key moves it."""
_TURN = 15.0
_WAYS = {
    Qt.Key.Key_Left: (-_STEP, 0.0),
    Qt.Key.Key_Right: (_STEP, 0.0),
    Qt.Key.Key_Up: (0.0, -_STEP),
    Qt.Key.Key_Down: (0.0, _STEP),
}


class ArrowHand:
    """What mouse and keys do to arrows.

    Parameters
    ----------
    view
        Where the arrows are drawn; its signal `arrows_changed` tells of each change.
    """

    def __init__(self, view: KaryogramView) -> None:
        self._view = view
        self._hold: tuple[bool, tuple[float, float]] | None = None
        """Whether the end is held, not the tip, and how far the pointer is from it; None while nothing is held."""

    @property
    def chosen(self) -> tuple[int, int] | None:
        """Id of the chromosome and which of its arrows, if one is chosen that is still there."""
        arrow = self._view.drawing.arrow
        chromosome = None if arrow is None else self._view.chromosome(arrow[0])
        return arrow if arrow is not None and chromosome is not None and arrow[1] < len(chromosome.arrows) else None

    def choose(self, arrow: tuple[int, int] | None) -> None:
        """Choose an arrow, or none."""
        if arrow != self._view.drawing.arrow:
            self._view.drawing.arrow = arrow
            self._view.update()

    def choose_next(self) -> None:
        """Choose the next arrow of the selected chromosome, and take the keys."""
        selected = self._view.selected
        chromosome = None if selected is None else self._view.chromosome(selected)
        if chromosome is None or not chromosome.arrows:
            return
        before = self.chosen
        index = (before[1] + 1) % len(chromosome.arrows) if before is not None else 0
        self.choose((chromosome.id, index))
        self._view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def place(self, id: int, index: int) -> Spot | None:
        """Where an arrow is on the canvas."""
        chromosome = self._view.chromosome(id)
        where = self._view.picture_place(id)
        if chromosome is None or where is None or index >= len(chromosome.arrows):
            return None
        return spot(chromosome.arrows[index], chromosome, *where)

    # -- mouse ---------------------------------------------------------------------------

    def press(self, point: QPointF) -> bool:
        """Take hold of the arrow at a point of the view; False if there is none."""
        found: list[tuple[float, int, int, bool, tuple[float, float]]] = []
        x, y = self._view.to_canvas(point)
        for id, count in self._view.arrow_counts():
            for index in range(count):
                at = self.place(id, index)
                if at is None:
                    continue
                for end, (px, py) in ((False, (at.x, at.y)), (True, at.end)):
                    far = max(abs(px - x), abs(py - y)) * self._view.drawing.zoom
                    found.append((far, id, index, end, (px - x, py - y)))
        nearest = min(found, default=None)
        if nearest is None or nearest[0] > NEAR:
            self.choose(None)
            return False
        _, id, index, end, off = nearest
        self._view.clicked.emit(id, False)
        self.choose((id, index))
        self._hold = end, off
        return True

    def move(self, point: QPointF) -> bool:
        """Move or turn what is held; False if nothing is."""
        chosen = self.chosen
        if self._hold is None or chosen is None:
            return False
        chromosome, where, at = (
            self._view.chromosome(chosen[0]),
            self._view.picture_place(chosen[0]),
            self.place(*chosen),
        )
        if chromosome is not None and where is not None and at is not None:
            x, y = self._view.to_canvas(point)
            held = x + self._hold[1][0], y + self._hold[1][1]
            tip = (at.x, at.y)
            if self._hold[0]:
                arrow = arrow_at(tip, held, chromosome, *where)
            else:
                end = held[0] - (tip[0] - at.end[0]), held[1] - (tip[1] - at.end[1])
                arrow = arrow_at(held, end, chromosome, *where)
            self._view.drawing.moving = (*chosen, arrow)
            self._view.update()
        return True

    def release(self) -> bool:
        """Let go; False if nothing was held."""
        held, self._hold = self._hold is not None, None
        moving, self._view.drawing.moving = self._view.drawing.moving, None
        if moving is not None:
            self._put(moving[0], moving[1], moving[2])
        return held

    # -- keys ----------------------------------------------------------------------------

    def takes(self, event: QKeyEvent) -> bool:
        """Whether a key means something to the arrow that is chosen."""
        if self.chosen is None:
            return False
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        if modifiers == Qt.KeyboardModifier.ShiftModifier:
            return key in (Qt.Key.Key_Left, Qt.Key.Key_Right)
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        return plain and (key in _WAYS or key in (Qt.Key.Key_Delete, Qt.Key.Key_Escape))

    def key(self, event: QKeyEvent) -> None:
        """Do what a key says that `takes` takes."""
        chosen, key = self.chosen, Qt.Key(event.key())
        chromosome = None if chosen is None else self._view.chromosome(chosen[0])
        if chosen is None or chromosome is None:
            return
        id, index = chosen
        if key == Qt.Key.Key_Escape:
            self._hold, self._view.drawing.moving = None, None
            self.choose(None)
        elif key == Qt.Key.Key_Delete:
            self.choose(None)
            left = (*chromosome.arrows[:index], *chromosome.arrows[index + 1 :])
            self._view.arrows_changed.emit(id, left)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            old = chromosome.arrows[index]
            turn = _TURN if key == Qt.Key.Key_Left else -_TURN
            self._put(id, index, old._replace(angle=(old.angle + turn) % 360))
        else:
            at, where = self.place(id, index), self._view.picture_place(id)
            if at is not None and where is not None:
                dx, dy = _WAYS[key]
                self._put(
                    id, index,
                    arrow_at((at.x + dx, at.y + dy), (at.end[0] + dx, at.end[1] + dy), chromosome, *where),
                )  # fmt: skip

    def _put(self, id: int, index: int, arrow: Arrow) -> None:
        chromosome: Chromosome | None = self._view.chromosome(id)
        if chromosome is not None and chromosome.arrows[index] != arrow:
            arrows = (*chromosome.arrows[:index], arrow, *chromosome.arrows[index + 1 :])
            self._view.arrows_changed.emit(id, arrows)
