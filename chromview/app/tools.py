"""The tool in hand, its label and its size: state without widgets."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from PySide6.QtCore import QObject, Signal

MIN_SIZE, MAX_SIZE = 1, 200
USUAL_EDGE = 0.4
"""Where the magic outline sees the edge at first, between the ground (0) and the stain (1)."""


class Tool(StrEnum):
    """What a press on the slide does. The value is the end of the action's id."""

    SELECT = "select"
    BRUSH = "brush"
    ERASE = "erase"
    CUT = "cut"
    NEW = "new"
    AXIS = "axis"
    LASSO = "lasso"
    MAGIC = "magic"
    HINT = "hint"
    SPLIT = "split"
    MEASURE = "measure"
    ANNOTATE = "annotate"

    @property
    def paints(self) -> bool:
        """Whether it is a brush of some kind, with a size and a round cursor."""
        return self in (Tool.BRUSH, Tool.ERASE, Tool.NEW)

    @property
    def colours(self) -> bool:
        """Whether it gives pixels to the chromosome that is meant, which is therefore filled while it is held."""
        return self.paints or self in (Tool.LASSO, Tool.MAGIC)

    @property
    def has_label(self) -> bool:
        """Whether it does something else with another label."""
        return self in (Tool.BRUSH, Tool.ERASE, Tool.LASSO, Tool.MAGIC)


class Label(IntEnum):
    """The four labels of a cluster of two; in a metaphase 1 is the selected chromosome, 2 the second."""

    BACKGROUND = 0
    FIRST = 1
    SECOND = 2
    BOTH = 3


class Over(StrEnum):
    """Which pixels a painting tool may change. The value is the end of the action's id."""

    SAFE = "over_safe"
    """Not those of other chromosomes; label 3 is how an overlap is painted."""
    ANYTHING = "over_anything"
    """All: what is painted over another chromosome is an overlap."""
    BACKGROUND = "over0"
    FIRST = "over1"
    SECOND = "over2"
    BOTH = "over3"


class Tools(QObject):
    """Tool, label, what is painted over, brush size and opacity of filled masks.

    Signals
    -------
    changed()
        After any of them changed.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tool = Tool.SELECT
        self._label = Label.FIRST
        self._over = Over.SAFE
        self._fill_rings = False
        self._size = 9
        self._opacity = 0.45

    @property
    def tool(self) -> Tool:
        """The tool in hand."""
        return self._tool

    @property
    def label(self) -> Label:
        """What the brush paints."""
        return self._label

    @property
    def over(self) -> Over:
        """Which pixels may change."""
        return self._over

    @property
    def fill_rings(self) -> bool:
        """Whether a stroke that closes a ring fills it."""
        return self._fill_rings

    @property
    def size(self) -> int:
        """Diameter of the brush in slide pixels."""
        return self._size

    @property
    def opacity(self) -> float:
        """Of filled masks, 0..1."""
        return self._opacity

    def set_tool(self, tool: Tool) -> None:
        """Take another tool."""
        if tool is not self._tool:
            self._tool = tool
            self.changed.emit()

    def set_label(self, label: Label) -> None:
        """Paint another label; with no painting tool in hand, the brush is taken."""
        tool = self._tool if self._tool.has_label else Tool.BRUSH
        if label is not self._label or tool is not self._tool:
            self._label, self._tool = label, tool
            self.changed.emit()

    def forget_label(self) -> None:
        """Go back to label 1, whatever the tool."""
        if self._label is not Label.FIRST:
            self._label = Label.FIRST
            self.changed.emit()

    def set_over(self, over: Over) -> None:
        """Let other pixels be changed."""
        if over is not self._over:
            self._over = over
            self.changed.emit()

    def set_fill_rings(self, fill: bool) -> None:
        """Say whether a stroke that closes a ring fills it."""
        if fill != self._fill_rings:
            self._fill_rings = fill
            self.changed.emit()

    def set_size(self, size: int) -> None:
        """Set the diameter of the brush, kept within 1..200 slide pixels."""
        size = max(MIN_SIZE, min(MAX_SIZE, size))
        if size != self._size:
            self._size = size
            self.changed.emit()

    def resize(self, steps: int) -> None:
        """Make the brush larger or smaller by `steps` steps of about a tenth, at least one pixel each."""
        size = self._size
        for _ in range(abs(steps)):
            step = max(1, round(size * 0.12))
            size = size + step if steps > 0 else size - step
        self.set_size(size)

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity of filled masks, 0..1."""
        opacity = max(0.0, min(1.0, opacity))
        if opacity != self._opacity:
            self._opacity = opacity
            self.changed.emit()
