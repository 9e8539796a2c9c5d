"""What leaves the program for one slide: karyogram picture, table, COCO annotations.

The formats are a contract with scripts outside the project: columns and fields may be added, not changed.
Only chromosomes that count are written: nuclei, debris, what the border cuts and what a
person rejected are not.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview.core.axis import arc_length
from chromview.core.chromosome import Analysis, BoolArray, Chromosome, SlideImage, Stain
from chromview.core.karyogram import layout, render
from chromview.core.masks import overlaps, slide_mask
from chromview.core.numbered import numbered_picture
from chromview.core.straighten import straighten_all
from chromview.errors import UserError
from chromview.storage import coco
from chromview.storage.files import is_folder, make_folder, os_problem, sync_folder, umask, write_bytes, write_text
from chromview.texts import tr

CSV_COLUMNS: tuple[str, ...] = (
    "chromosome_id", "class", "confidence", "decided_by", "slot", "x", "y", "width", "height", "angle_deg", "polarity",
    "polarity_confidence", "length_px", "centromere_index", "area_px", "overlap_px",
)  # fmt: skip
"""Columns of ``karyotype.csv``; what they mean says `row`."""

MARK_COLUMNS: tuple[str, ...] = ("mark", "note")
"""Further columns, of a slide on which a person marked a chromosome or wrote on one."""

DPI = 300
"""Pixels an inch of the pictures that are exported."""
PRINT_WIDTH_MM = 170.0
"""Width of an exported karyogram: the text of an A4 page."""
_CANVAS_DPI = 150
"""Canvas pixels an inch: letters of the karyogram's layout then have 10 points in print."""

ANALYSIS_FILES: tuple[str, ...] = ("annotations.json", "karyotype.csv", "karyogram.png")
"""What `write_analysis` puts into the folder of a slide."""


def counted(chromosomes: Sequence[Chromosome]) -> list[Chromosome]:
    """Those that are exported, by id."""
    return sorted((one for one in chromosomes if one.in_karyogram and one.area), key=lambda one: one.id)


def tilt(chromosome: Chromosome) -> tuple[float, bool]:
    """How a chromosome lies on the slide.

    Returns
    -------
    angle, p_up
        Degrees by which the line between its tips (without an axis: its longer main axis) is turned counter-clockwise
        from the vertical, above -90 up to 90; and whether the tip of the p arm is the upper end of that line. Turned
        clockwise by the angle, and by 180 degrees more if not `p_up`, the chromosome stands upright, p arm up.
    """
    if chromosome.axis is not None and len(chromosome.axis) > 1:
        p_tip, q_tip = chromosome.axis[0], chromosome.axis[-1]
        if not chromosome.p_up:
            p_tip, q_tip = q_tip, p_tip
        up, left = float(q_tip[0] - p_tip[0]), float(q_tip[1] - p_tip[1])  # from q to p: upwards, to the left
    else:
        rows, columns = np.nonzero(chromosome.mask)
        _, directions = (
            np.linalg.eigh(np.cov(np.stack([rows, columns]).astype(float))) if rows.size > 1 else (0, np.eye(2))
        )
        up, left = float(-directions[0, -1]), float(-directions[1, -1])
        if up < 0 or (up == 0 and left < 0):  # no tip is known: the upper end counts as the first
            up, left = -up, -left
        if not chromosome.p_up:
            up, left = -up, -left
    p_up = up > 0 or (up == 0 and left >= 0)
    if not p_up:
        up, left = -up, -left
    return float(np.degrees(np.arctan2(left, up))), p_up


def row(chromosome: Chromosome, shared: BoolArray) -> dict[str, str | int | float]:
    """One row of ``karyotype.csv``.

    Parameters
    ----------
    chromosome
        The chromosome.
    shared
        ``(H, W)`` bool: pixels of the slide that belong to two chromosomes or more.

    Returns
    -------
    dict
        By column: `class` "1".."22", "X", "Y" ("" while unknown); `confidence` of the class, 0..1; `decided_by`
        "network", "cell" or "person"; `slot` class and place ("21.3"; "" in the tray); `x`, `y`, `width`, `height`
        of the bounding box, pixels; `angle_deg` and `polarity` ("up" or "down": where the p arm points as the slide
        stands) as in `tilt`; `length_px` along the axis; `centromere_index` length of the p arm by the whole
        length, 0..1 ("" if unknown); `area_px` of the mask; `overlap_px` of it shared with others; where a person
        said something, `mark` "der", "mar" or "" and `note`.
    """
    angle, p_up = tilt(chromosome)
    index: float | str = ""
    if chromosome.centromere is not None:
        index = round(chromosome.centromere if chromosome.p_up else 1 - chromosome.centromere, 4)
    length = (
        float(arc_length(chromosome.axis)[-1]) if chromosome.axis is not None and len(chromosome.axis) > 1 else None
    )
    said = {"mark": str(chromosome.mark), "note": chromosome.note} if chromosome.caption else {}
    return {
        "chromosome_id": chromosome.id,
        "class": chromosome.class_name if chromosome.number else "",
        "confidence": round(float(chromosome.class_confidence), 4),
        "decided_by": str(chromosome.decided_by),
        "slot": str(chromosome.slot) if chromosome.slot else "",
        "x": chromosome.box.left,
        "y": chromosome.box.top,
        "width": chromosome.box.width,
        "height": chromosome.box.height,
        "angle_deg": round(angle, 1) + 0.0,
        "polarity": "up" if p_up else "down",
        "polarity_confidence": round(float(chromosome.polarity_confidence), 4),
        "length_px": "" if length is None else round(length, 1),
        "centromere_index": index,
        "area_px": chromosome.area,
        "overlap_px": int(np.count_nonzero(shared[chromosome.box.slices] & chromosome.mask)),
        **said,
    }


def karyotype_csv(chromosomes: Sequence[Chromosome], shape: tuple[int, int]) -> str:
    """Text of ``karyotype.csv`` for a slide of `shape` (H, W)."""
    counting = counted(chromosomes)
    shared = overlaps(counting, shape)
    text = io.StringIO()
    columns = CSV_COLUMNS + MARK_COLUMNS * any(chromosome.caption for chromosome in counting)
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(row(chromosome, shared) for chromosome in counting)
    return text.getvalue()


def annotations_json(image: SlideImage, chromosomes: Sequence[Chromosome], **info: object) -> str:
    """Text of ``annotations.json`` (COCO): one image, one annotation a chromosome.

    Overlap pixels stand in both masks. `score` is the confidence of the class; `attributes` hold the columns of the
    CSV and `segmentation_confidence`. A chromosome whose class nobody knows has `category_id` 0.
    """
    entry, annotations = slide_annotations(image, counted(chromosomes))
    return coco.document([entry], annotations, info=info)


def slide_annotations(
    image: SlideImage, counting: Sequence[Chromosome], *, image_id: int = 1, first: int | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """COCO's entry of a slide, and one annotation for each of `counting`.

    Parameters
    ----------
    image, counting
        The slide, and its chromosomes as `counted` gives them.
    image_id
        Number of the slide in the document.
    first
        Number of the first annotation; each has the number of its chromosome if None.
    """
    shared = overlaps(counting, image.shape)
    annotations = []
    for place, chromosome in enumerate(counting):
        values = row(chromosome, shared)
        annotations.append(
            coco.annotation(
                chromosome.id if first is None else first + place,
                image_id,
                slide_mask(chromosome, image.shape),
                chromosome.number,
                score=values["confidence"],
                attributes={
                    **{key: None if value == "" else value for key, value in values.items()},
                    "segmentation_confidence": round(float(chromosome.confidence), 4),
                    "state": str(chromosome.state),
                },
            )
        )
    height, width = image.shape
    name = Path(image.path).name
    entry = {"id": image_id, "file_name": name, "width": width, "height": height, "sha256": image.sha256}
    return entry, annotations


def karyogram_picture(
    image: SlideImage,
    chromosomes: Sequence[Chromosome],
    stain: Stain,
    *,
    inverted: bool = False,
    title: str = "",
    footer: str = "For research use",
    bands: int = 0,
) -> npt.NDArray[np.uint8]:
    """The karyogram as ``(h, w, 3)`` uint8 RGB, `PRINT_WIDTH_MM` wide at `DPI` where letters and gaps allow.

    With ideograms of so many `bands`, if there are any.
    """
    counting = counted(chromosomes)
    straightened = straighten_all(image, counting, stain, inverted=inverted)
    plan = layout(counting, straightened, width=PRINT_WIDTH_MM / 25.4 * _CANVAS_DPI, ideograms=bands > 0)
    captions = {c.id: c.caption for c in counting if c.caption}
    zoom = DPI / _CANVAS_DPI
    pointed_at = {c.id: c for c in counting if c.arrows}
    options: dict[str, Any] = {"captions": captions, "pointed_at": pointed_at, "zoom": zoom, "bands": bands or 550}
    return render(plan, straightened, stain=stain, title=title, footer=footer, **options)


def numbered(image: SlideImage, chromosomes: Sequence[Chromosome], **options: Any) -> npt.NDArray[np.uint8]:
    """The slide with its chromosomes outlined and numbered; `options` and result as `numbered_picture`."""
    names = {c.id: c.caption.partition(",")[0] for c in chromosomes if c.mark}
    return numbered_picture(image, counted(chromosomes), names=names, **options)


def write_karyotype_csv(path: Path | str, chromosomes: Sequence[Chromosome], shape: tuple[int, int]) -> None:
    """Write ``karyotype.csv`` of a slide of `shape` (H, W); raises `UserError` if that fails."""
    write_text(path, karyotype_csv(chromosomes, shape))


def write_coco(path: Path | str, image: SlideImage, chromosomes: Sequence[Chromosome], **info: object) -> None:
    """Write ``annotations.json`` of a slide; raises `UserError` if that fails."""
    write_text(path, annotations_json(image, chromosomes, **info))


def write_karyogram_png(
    path: Path | str,
    image: SlideImage,
    chromosomes: Sequence[Chromosome],
    stain: Stain,
    *,
    inverted: bool = False,
    title: str = "",
    bands: int = 0,
) -> None:
    """Write the karyogram as PNG, with ideograms if `bands`; raises `UserError` if that fails."""
    picture = karyogram_picture(image, chromosomes, stain, inverted=inverted, title=title, bands=bands)
    write_bytes(path, png(picture, dpi=DPI))


def write_numbered_png(path: Path | str, image: SlideImage, chromosomes: Sequence[Chromosome], **options: Any) -> None:
    """Write the slide as `numbered` shows it as PNG; raises `UserError` if that fails."""
    write_bytes(path, png(numbered(image, chromosomes, **options), dpi=DPI))


def png(pixels: npt.NDArray[Any], *, dpi: float | None = None) -> bytes:
    """`pixels` ``(H, W)`` or ``(H, W, 3)`` as the bytes of a PNG file, which says the pixels an inch if given."""
    from PIL import Image

    buffer = io.BytesIO()
    options: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


def write_analysis(folder: Path | str, image: SlideImage, analysis: Analysis) -> None:
    """Write ``karyogram.png``, ``karyotype.csv`` and ``annotations.json`` of a slide.

    They are made in a folder beside `folder` and moved when all are whole. If `folder` exists, the three are replaced
    and everything else in it stays.

    Raises
    ------
    UserError
        If the disk is full or read-only, or `folder` is a file. What was there before is still there, unchanged.
    """
    write_folder(folder, analysis_files(image, analysis))


def analysis_files(image: SlideImage, analysis: Analysis) -> dict[str, Callable[[], bytes]]:
    """Each of `ANALYSIS_FILES` by name, with what makes its content."""
    # Names of files need not be text; letters that are none are drawn as question marks.
    name = Path(image.path).name.encode("utf-8", "replace").decode("utf-8")
    title = " - ".join(part for part in (name, analysis.proposal and f"{analysis.proposal} (proposal)") if part)
    info: dict[str, Any] = {"stain": str(analysis.stain), "proposal": analysis.proposal}
    chromosomes = analysis.chromosomes
    return {
        "annotations.json": lambda: annotations_json(image, chromosomes, **info).encode(),
        "karyotype.csv": lambda: karyotype_csv(chromosomes, image.shape).encode(),
        "karyogram.png": lambda: png(
            karyogram_picture(image, chromosomes, analysis.stain, inverted=analysis.inverted, title=title), dpi=DPI
        ),
    }


def write_folder(folder: Path | str, files: dict[str, Callable[[], bytes]]) -> None:
    """Write several files into `folder`: all of them, or none.

    Parameters
    ----------
    folder
        Made if it does not exist; files with other names in it are left alone.
    files
        Name in the folder, which may hold a slash, and what makes the content.

    Raises
    ------
    UserError
        As `write_analysis`.
    """
    folder = Path(folder)
    if not is_folder(folder) and folder.exists():
        raise UserError(tr("is a file, not a folder"), path=folder, advice=tr("Choose another folder for the output."))
    make_folder(folder.parent)
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name[:100]}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise os_problem(error, folder) from error
    try:
        beside.chmod(0o777 & ~umask())  # mkdtemp makes a folder for its owner alone
        for name, content in files.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            _write_whole(beside / name, content(), folder / name)
        if not folder.exists():
            beside.replace(folder)
        else:
            for name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (beside / name).replace(folder / name)
        sync_folder(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_problem(error, folder) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_whole(part: Path, content: bytes, shown: Path) -> None:
    try:
        write_bytes(part, content)
    except UserError as error:
        # The person knows the file by the name it was going to have.
        raise UserError(error.what, path=shown, advice=error.advice) from error
