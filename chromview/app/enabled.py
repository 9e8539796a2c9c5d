"""When an action of the window can be asked for: of what the window shows, yes or no."""

from __future__ import annotations

from collections.abc import Callable

from chromview.app.view_state import ViewState

EnabledWhen = Callable[[ViewState], bool]


def always(state: ViewState) -> bool:
    """Enabled whatever is open."""
    return True


def with_slide(state: ViewState) -> bool:
    """Enabled while a readable slide is shown."""
    return state.slide is not None and not state.missing


def with_slides(state: ViewState) -> bool:
    """Enabled while the case has slides, shown or not."""
    return state.slide_count > 0


def with_chromosomes(state: ViewState) -> bool:
    """Enabled while the slide shown has chromosomes."""
    return state.count > 0


def with_selected(state: ViewState) -> bool:
    """Enabled while a chromosome is selected."""
    return state.selected is not None


def with_pair(state: ViewState) -> bool:
    """Enabled while two chromosomes are known to be meant."""
    return state.selected is not None and state.second is not None


def with_doubtful(state: ViewState) -> bool:
    """Enabled while something waits to be looked at."""
    return bool(state.doubtful)


def while_busy(state: ViewState) -> bool:
    """Enabled while something is analysed or written."""
    return state.busy


def with_annotations(state: ViewState) -> bool:
    """Enabled while texts or arrows stand on the slide."""
    return state.annotated


def can_undo(state: ViewState) -> bool:
    """Enabled while the slide shown has something to undo."""
    return state.undo_title is not None


def can_redo(state: ViewState) -> bool:
    """Enabled while the slide shown has something to redo."""
    return state.redo_title is not None
