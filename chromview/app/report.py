"""What a report says of a slide and of a case; `chromview.ui.report` sets it on pages.

What is a proposal is called one. Only where a person stands behind every chromosome is it called reviewed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview import __version__
from chromview.app.cells import cells_of
from chromview.app.confidence import calibration_of, calibration_text
from chromview.app.document import Document
from chromview.app.exporting import snapshot
from chromview.app.slides import STATE_WORDS, SlideInfo, SlideState, is_doubtful, quality_text
from chromview.core.cells import find_clones
from chromview.core.chromosome import CLASS_NAMES, Analysis, Chromosome, SlideImage, State
from chromview.core.doubts import left_out_unseen
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress
from chromview.texts import shown, tr, tr_n

RGB = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on every page, and the table of the first one.

    Attributes
    ----------
    case, signed, written
        Name of the case, who made the report ("" if nobody said), and when.
    program
        Name and version.
    clones
        Karyotype of the case after ISCN, "" if there is none or the report is about one slide.
    reviewed
        Whether a person stands behind every chromosome of the cells that the clones are made of.
    table
        One line a slide: name, state, chromosomes, karyotype, "reviewed" or "proposal"; empty for one slide.
    """

    case: str
    signed: str
    written: str
    program: str
    clones: str = ""
    reviewed: bool = False
    table: tuple[tuple[str, str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One slide.

    Attributes
    ----------
    name, karyotype
        Of the slide; "" if it has none.
    verdict, reviewed
        Whose it is, in a sentence, and whether a person stands behind all of it.
    facts
        Pairs of a heading and a text.
    karyogram, picture
        ``(h, w, 3)`` uint8: the karyogram without title, and the slide with numbers.
    dpi
        Pixels an inch of the karyogram.
    """

    name: str
    karyotype: str
    verdict: str
    reviewed: bool
    facts: tuple[tuple[str, str], ...]
    karyogram: RGB
    picture: RGB
    dpi: int


Render = Callable[[Head, Iterator[Page]], bytes]
"""Makes the file."""


def report_work(
    document: Document, infos: list[SlideInfo], signed: str, render: Render, *, whole_case: bool, bands: int = 0
) -> Callable[[Progress, CancelToken], bytes]:
    """The work of making a report on these slides as they are now; it returns the bytes of the file.

    The karyograms have ideograms of so many `bands`, if there are any.

    Raises
    ------
    UserError
        If there is nothing to report on, or the case file is damaged.
    """
    pages_of = [info for info in infos if info.count and not info.missing]
    if whole_case:  # the table of the case still has the others
        pages_of = [info for info in pages_of if info.state is not SlideState.REJECTED]
    if not pages_of:
        raise UserError(tr("no slide has chromosomes to report on"), advice=tr("Analyse a slide first."))
    head = _head(document, infos, signed, whole_case=whole_case)
    takers = [_taker(document, info, bands) for info in pages_of]

    def work(progress: Progress, cancel: CancelToken) -> bytes:
        def pages() -> Iterator[Page]:
            for index, take in enumerate(takers):
                cancel.check()
                progress("report", index / len(takers))
                yield take()

        return render(head, pages())

    return work


def _head(document: Document, infos: list[SlideInfo], signed: str, *, whole_case: bool) -> Head:
    written = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()
    head = Head(document.name, signed, written, f"chromview {__version__}")
    if not whole_case:
        return head
    cells = cells_of(document)
    found = find_clones(cells)
    rows = [
        (
            i.name,
            shown(STATE_WORDS[i.state]),
            str(i.count or ""),
            i.proposal,
            tr("reviewed") if is_reviewed(i) else tr("proposal"),
        )
        for i in infos
    ]
    table = tuple((*row[:4], row[4] if row[3] or row[2] else "") for row in rows)
    reviewed = bool(cells) and all(cell.accepted for cell in cells)
    return Head(head.case, signed, written, head.program, found.formula, reviewed, table)


def is_reviewed(info: SlideInfo) -> bool:
    """Whether a person stands behind every chromosome that counts."""
    return info.count > 0 and info.untouched == 0


def _taker(document: Document, info: SlideInfo, bands: int) -> Callable[[], Page]:
    """Makes the page later, from what the slide is now."""
    steps = document.steps(info.id)
    last = steps[-1][0] if steps else None
    known = document.known_image(info.id)
    if known is not None:
        return partial(_page, info, snapshot(document, info), last, bands)
    chromosomes = tuple(document.chromosomes(info.id).values())

    def read() -> Page:
        from chromview.app.exporting import analysis_of
        from chromview.storage.images import read_image

        image = read_image(info.path)
        return _page(info, (image, analysis_of(info, image.shape, chromosomes)), last, bands)

    return read


def _page(info: SlideInfo, taken: tuple[SlideImage, Analysis], last: float | None, bands: int) -> Page:
    from chromview.storage.exports import DPI, counted, karyogram_picture, numbered

    image, analysis = taken
    chromosomes = counted(analysis.chromosomes)
    left_out = left_out_unseen(analysis.chromosomes)
    options: dict[str, Any] = {"inverted": analysis.inverted, "footer": "", "bands": bands}
    karyogram = karyogram_picture(image, chromosomes, analysis.stain, **options)
    reviewed = is_reviewed(info)
    return Page(
        info.name,
        info.proposal,
        verdict(chromosomes, left_out, has_karyotype=bool(info.proposal)),
        reviewed,
        tuple(facts(info, chromosomes, last, left_out)),
        karyogram,
        numbered(image, chromosomes, annotations=info.annotations, footer="", letters=1 / 30),
        DPI,
    )


def verdict(chromosomes: list[Chromosome], left_out: int = 0, *, has_karyotype: bool = True) -> str:
    """Whose the karyotype is, in a sentence; `left_out` as no chromosome of the cell, looked at by nobody."""
    open_ones = sum(c.state is State.PROPOSED for c in chromosomes)
    if not open_ones and not left_out:
        return tr("Reviewed: a person accepted or corrected every chromosome.")
    what = tr("PROPOSAL, not a finding") if has_karyotype else tr("PROPOSAL")
    if not open_ones:
        return tr_n(
            "{what}: nobody has looked at {n} that was left out as no chromosome.",
            "{what}: nobody has looked at {n} that were left out as no chromosome.",
            left_out, what=what,
        )  # fmt: skip
    return tr(
        "{what}: nobody has accepted {left} of {count} chromosomes yet.",
        what=what, left=open_ones, count=len(chromosomes),
    )  # fmt: skip


def facts(
    info: SlideInfo, chromosomes: list[Chromosome], last: float | None, left_out: int = 0
) -> Iterator[tuple[str, str]]:
    """Headings and texts about a slide; `left_out` as in `verdict`."""
    states = Counter(c.state for c in chromosomes)
    doubtful = sum(is_doubtful(c) for c in chromosomes)
    parts = [
        tr_n("{n} accepted", "{n} accepted", states[State.ACCEPTED]),
        tr_n("{n} corrected", "{n} corrected", states[State.EDITED]),
        tr_n("{n} proposed", "{n} proposed", states[State.PROPOSED])
        + (f" ({tr_n('{n} doubtful', '{n} doubtful', doubtful)})" if doubtful else ""),
    ]
    yield tr("Slide"), info.name
    yield tr("State"), shown(STATE_WORDS[info.state])
    yield tr("Stain"), tr("unknown") if info.stain is None else str(info.stain)
    if left_out:
        parts.append(tr_n("{n} left out as no chromosome", "{n} left out as no chromosome", left_out))
    yield tr("Chromosomes"), f"{len(chromosomes)}: {', '.join(parts)}"
    counts = Counter(c.number for c in chromosomes)
    if info.proposal:
        unusual = [f"{CLASS_NAMES[n - 1]} ×{counts[n]}" for n in range(1, 23) if counts[n] != 2]
        autosomes = tr("autosomes two each")
        if unusual:
            autosomes = tr("autosomes two each, except {list}", list=", ".join(unusual))
        yield tr("Classes"), f"{autosomes}; X ×{counts[23]}, Y ×{counts[24]}"
    if captions := [f"{c.class_name}: {c.caption}" if c.number else c.caption for c in chromosomes if c.caption]:
        yield tr("Notes"), "; ".join(captions)
    if counts[0]:
        yield tr("Without a class"), str(counts[0])
    yield tr("Quality"), quality_text(info.quality)
    yield tr("Confidence"), calibration_text(calibration_of(info))
    if last is not None:
        yield tr("Last change"), datetime.fromtimestamp(last).astimezone().strftime("%Y-%m-%d %H:%M %Z").strip()
    yield tr("Weights"), ", ".join(f"{name} {sha256[:12]}" for name, sha256 in info.models) or tr("not recorded")
    yield tr("Image"), f"SHA-256 {info.sha256[:16]}…"
