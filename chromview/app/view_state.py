"""What the window shows, as one frozen value derived from the document.

``resolve`` is pure: the window calls it after any signal, compares the result with the last one and
repaints the difference. Actions are enabled from it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chromview.app.selection import Selection, doubtful, second_of
from chromview.app.slides import SlideInfo, SlideState
from chromview.core.chromosome import Stain
from chromview.core.doubts import awaits_judgement, left_out_unseen
from chromview.errors import UserError
from chromview.texts import shown

if TYPE_CHECKING:
    from chromview.app.document import Document
    from chromview.app.weights import WeightsInUse


@dataclass(frozen=True, slots=True)
class Running:
    """An analysis that runs: on which slide, what it does and how far it is (0..1)."""

    slide: int
    stage: str
    share: float


@dataclass(frozen=True, slots=True)
class ViewState:
    """Everything that menus, status line and panels need to know at a glance.

    Attributes
    ----------
    slide, slide_index, slide_count
        Id of the slide shown, its place from 0, and how many there are.
    missing, reading
        Whether the slide's image file is gone, or is still being read.
    is_cluster
        Whether the slide is a single cluster.
    analysed, stain
        Whether an analysis was there, and how the slide was stained as far as anyone said.
    slide_state
        The state of the slide that a person chose; None where it follows from the chromosomes.
    annotated
        Whether texts or arrows stand on the slide.
    selected, second
        Ids of the selected chromosome and of the one label 2, join and split overlap mean.
    count
        Chromosomes that count.
    doubtful
        Ids that wait to be looked at, in order.
    untouched
        How many a person has not decided on, those left out among them.
    left_out
        How many the cell as a whole left out, since they look like no chromosome of it, and nobody accepted as that.
    doubt
        Why the selected chromosome is doubtful, in words.
    proposal
        Proposed karyotype.
    undo_title, redo_title
        What undo and redo would do, or None.
    undo_step
        The step that undo would take back: "cut of chromosome 7"; empty without one.
    running, running_index, waiting
        The analysis that runs, the place of its slide from 0, and how many wait.
    device
        What it is computed on.
    case_name
        Name of the case.
    exporting
        What is being written, in words, and how much of it is done (0..1); None if nothing is.
    training
        The same of a training on corrections.
    weights
        Name of the weights trained on this machine that are in use for slides like this one; "" while the shipped
        ones are.
    inspecting
        How far the segmenter is with the steps that are to be shown (0..1); None if they are not waited for.
    """

    slide: int | None = None
    slide_index: int = -1
    slide_count: int = 0
    missing: bool = False
    reading: bool = False
    is_cluster: bool = False
    analysed: bool = False
    stain: Stain | None = None
    slide_state: SlideState | None = None
    annotated: bool = False
    selected: int | None = None
    second: int | None = None
    count: int = 0
    doubtful: tuple[int, ...] = ()
    untouched: int = 0
    left_out: int = 0
    doubt: str = ""
    proposal: str = ""
    undo_title: str | None = None
    undo_step: str = ""
    redo_title: str | None = None
    running: Running | None = None
    running_index: int = -1
    waiting: int = 0
    device: str = ""
    case_name: str = ""
    exporting: tuple[str, float] | None = None
    training: tuple[str, float] | None = None
    weights: str = ""
    inspecting: float | None = None

    @property
    def analysing(self) -> bool:
        """Whether an analysis runs or waits."""
        return self.running is not None or self.waiting > 0

    @property
    def busy(self) -> bool:
        """Whether something runs that can be cancelled."""
        return self.analysing or any(x is not None for x in (self.exporting, self.inspecting, self.training))


def resolve(
    document: Document,
    selection: Selection,
    *,
    running: Running | None,
    waiting: int,
    device: str,
    case_name: str,
    reading: bool = False,
    exporting: tuple[str, float] | None = None,
    training: tuple[str, float] | None = None,
    weights: WeightsInUse | None = None,
    inspecting: float | None = None,
    slides: Sequence[SlideInfo] | None = None,
) -> ViewState:
    """Derive the view state from the document and the selection; `slides` are those of the document, sorted."""
    slides = document.slides if slides is None else slides
    at_work = -1 if running is None else next((n for n, info in enumerate(slides) if info.id == running.slide), -1)
    base = {
        "running_index": at_work,
        "slide_count": len(slides), "running": running, "waiting": waiting, "device": device, "case_name": case_name,
        "exporting": exporting, "inspecting": inspecting, "training": training,
    }  # fmt: skip
    index = next((n for n, info in enumerate(slides) if info.id == selection.slide), -1)
    if index < 0:
        return ViewState(weights="" if weights is None else weights.of(None), **base)  # type: ignore[arg-type]
    info = slides[index]
    try:
        chromosomes = document.chromosomes(info.id)
        undo, redo = document.undo_title(info.id), document.redo_title(info.id)
        step = document.undo_step(info.id)
    except UserError:  # the case file is damaged where this slide is; it was said when the slide was opened
        chromosomes, undo, redo, step = {}, None, None, ""
    selected = selection.chromosome if selection.chromosome in chromosomes else None
    waiting_for_eyes = doubtful(chromosomes)
    return ViewState(
        slide=info.id,
        slide_index=index,
        missing=info.missing,
        reading=reading,
        is_cluster=info.is_cluster,
        analysed=info.quality.count is not None or info.state is not SlideState.NEW,
        stain=info.stain,
        weights="" if weights is None else weights.of(info.stain),
        slide_state=info.chosen_state,
        annotated=bool(info.annotations),
        selected=selected,
        second=second_of(chromosomes, selected, selection.second, cluster=info.is_cluster),
        count=sum(c.in_karyogram for c in chromosomes.values()),
        doubtful=waiting_for_eyes,
        untouched=sum(map(awaits_judgement, chromosomes.values())),
        left_out=left_out_unseen(chromosomes.values()),
        doubt=", ".join(map(shown, chromosomes[selected].doubts))
        if selected is not None and selected in waiting_for_eyes
        else "",
        proposal=info.proposal,
        undo_title=undo,
        undo_step=step,
        redo_title=redo,
        **base,  # type: ignore[arg-type]
    )
