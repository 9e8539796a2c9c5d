"""The tool in hand, its label and its size: state without widgets."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from PySide6.QtCore import QObject, Signal

MIN_SIZE, MAX_SIZE = 1, 200


class Tool(StrEnum):
    """What a press on the slide does. The value is the end of the action's id."""

    SELECT = "select"
    BRUSH = "brush"
    ERASE = "erase"
    CUT = "cut"
    NEW = "new"
    AXIS = "axis"

    @property
    def paints(self) -> bool:
        """Whether it is a brush of some kind, with a size and a round cursor."""
        return self in (Tool.BRUSH, Tool.ERASE, Tool.NEW)


class Label(IntEnum):
    """The four labels of a cluster of two; in a metaphase 1 is the selected chromosome, 2 the second."""

    BACKGROUND = 0
    FIRST = 1
    SECOND = 2
    BOTH = 3


class Tools(QObject):
    """Tool, label, brush size and opacity of filled masks.

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
        tool = self._tool if self._tool in (Tool.BRUSH, Tool.ERASE) else Tool.BRUSH
        if label is not self._label or tool is not self._tool:
            self._label, self._tool = label, tool
            self.changed.emit()

    def forget_label(self) -> None:
        """Go back to label 1, whatever the tool."""
        if self._label is not Label.FIRST:
            self._label = Label.FIRST
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
