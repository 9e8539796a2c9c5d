"""What the steps of undo are called.

The journal keeps these names in English, so that a case is the same whoever opens it; `chromview.texts.shown`
translates them where they are displayed.
"""

from __future__ import annotations

from chromview.core import doubts  # noqa: F401  case files keep its texts as well, and `shown` has to know them
from chromview.texts import stored

ANALYSIS = stored("Analysis")
READING = stored("Reading")

DEED_ON = stored("{deed} on {what}")
BRUSH = stored("Brush")
ERASER = stored("Eraser")
LASSO = stored("Lasso")
MAGIC = stored("Magic outline")

NEW = stored("New chromosome")
NEW_SEVERAL = stored("New chromosomes")
CUT = stored("Cut of {what}")
JOINING = stored("Joining of {what}")
SPLITTING = stored("Splitting of {what}")
SPLITTING_OVERLAP = stored("Splitting of the overlap of {what}")
EDGES_OUT = stored("Edges of all masks outwards")
EDGES_IN = stored("Edges of all masks inwards")
SEGMENTATION = stored("New segmentation of {what}")

ACCEPTANCE = stored("Acceptance of {what}")
ACCEPTANCE_REST = stored("Acceptance of the rest")
REJECTION = stored("Rejection of {what}")
RESTORING = stored("Restoring of {what}")
CLASS = stored("Class {name} for {what}")
FLIP = stored("Flip of {what}")
TURNING = stored("Turning of {what}")
MOVE = stored("Move of {what} to {where}")
TRAY = stored("the tray")
PLACE = stored("place {slot}")
STAIN = stored("Stain {stain}")
SCALE = stored("Scale of {width} pixels")
SCALE_FREE = stored("Scale as it is found")

SWAP = stored("Swap of {what} and {other}")
MARK = stored("Mark {mark} on {what}")
MARK_REMOVED = stored("Removal of the mark of {what}")
NOTE = stored("Note on {what}")
ARROW = stored("Arrow on {what}")
ARROW_MOVED = stored("Move of the arrow on {what}")
ARROW_REMOVED = stored("Removal of the arrow on {what}")
ANNOTATION = stored("Annotation of the slide")
ANNOTATION_MOVED = stored("Move of an annotation")
ANNOTATION_WRITTEN = stored("Text of an annotation")
ANNOTATION_REMOVED = stored("Removal of an annotation")
STATE = stored("State {state}")
STATE_FREE = stored("State of the slide by its chromosomes")

AXIS = stored("Axis of {what}")
AXIS_ANEW = stored("Axis of {what} found anew")
CENTROMERE = stored("Centromere of {what}")

NUCLEUS = stored("a nucleus")
DEBRIS = stored("debris")
CHROMOSOME = stored("chromosome {name}")
SOME_CHROMOSOME = stored("a chromosome")
CHROMOSOMES = stored("{count} chromosomes")
NOTHING = stored("nothing")
AND = stored("{first} and {rest}")

DERIVATIVE = stored("derivative")
MARKER = stored("marker")
