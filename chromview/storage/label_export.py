"""Masks that people corrected, as data to train on: every form of labels, and where each chromosome comes from.

One folder gets, of the forms that are asked for,

- ``clusters.h5``, ``clusters_pairs.h5``, ``clusters.npz``, ``clusters/``, ``clusters_painted/``: four-label masks of
  clusters of two, cut out of their slides;
- ``slides.json`` with ``slides_images/``: COCO, every chromosome of every slide, overlaps in both;
- ``slides/``: ``images/NAME.png`` and one black and white mask a chromosome, ``masks/NAME/ID.png``;
- ``chromosomes_STAIN_karyotypes.h5`` and ``chromosomes/`` with ``chromosomes.csv``: single chromosomes laid straight, p
  arm up, with their class;

and always ``provenance.json``: what the files hold, from whom each mask and class is, and what no form could say.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chromview import __version__
from chromview.core.chromosome import CLASS_NAMES, Chromosome, Kind, SlideImage, Stain, State
from chromview.core.commands import Command
from chromview.core.masks import clusters, slide_mask
from chromview.core.straighten import find_levels, straighten
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress, silent
from chromview.storage import coco
from chromview.storage.cluster_cuts import cut_out, padded
from chromview.storage.exports import counted, png, slide_annotations
from chromview.storage.files import free_stem, new_folder, write_bytes, write_text
from chromview.storage.label_images import label_png
from chromview.storage.label_set import Form, Grey, LabelSet, to_bytes
from chromview.storage.labels import write_labels
from chromview.storage.provenance import chromosome_record, iso, provenance
from chromview.storage.single_chromosomes import Single, karyotypes_hdf5
from chromview.texts import tr


class Product(StrEnum):
    """What can be written."""

    HDF5 = "hdf5"
    PAIRS = "pairs"
    NPZ = "npz"
    PNG = "png"
    PAINTED = "painted"
    COCO = "coco"
    MASKS = "masks"
    SINGLE = "single"


CLUSTER_FILES: Mapping[Product, str] = {
    Product.HDF5: "clusters.h5",
    Product.PAIRS: "clusters_pairs.h5",
    Product.NPZ: "clusters.npz",
    Product.PNG: "clusters",
    Product.PAINTED: "clusters_painted",
}
"""Names of the containers of four-label masks."""

_STACKED = (Product.HDF5, Product.PAIRS, Product.NPZ)


@dataclass(frozen=True, slots=True, eq=False)
class LabelSource:
    """One slide of a case whose labels are written.

    Attributes
    ----------
    name, case
        Of the image file, and of the case.
    read
        Reads the image.
    sha256
        Of the image that the masks were made on.
    stain, inverted
        As in `Analysis`.
    chromosomes
        All of them, by id.
    steps
        Reads when each command was done, and the command.
    is_cluster
        Whether the slide is a single cluster.
    left_out
        Why nothing of it is written; "" if it is.
    """

    name: str
    case: str
    read: Callable[[], SlideImage]
    sha256: str
    stain: Stain
    inverted: bool
    chromosomes: Mapping[int, Chromosome]
    steps: Callable[[], Iterable[tuple[float, Command]]] = tuple
    is_cluster: bool = False
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written: numbers of each kind, and in sentences what was not, and why."""

    folder: Path
    clusters: int = 0
    slides: int = 0
    chromosomes: int = 0
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line."""
        parts = [(self.clusters, "cluster", "of two"), (self.slides, "slide", ""), (self.chromosomes, "chromosome", "")]
        said = [f"{n} {what}{'s' * (n != 1)} {more}".strip() for n, what, more in parts if n]
        return f"Labels of {', '.join(said) or 'nothing'}: {self.folder}"


@dataclass(slots=True)
class _Writing:
    """What has been collected so far."""

    folder: Path
    products: frozenset[Product]
    reviewed: bool
    names: list[str] = field(default_factory=list)
    images: list[Grey] = field(default_factory=list)
    labels: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    cluster_cases: list[str] = field(default_factory=list)
    coco_images: list[dict[str, Any]] = field(default_factory=list)
    coco_annotations: list[dict[str, Any]] = field(default_factory=list)
    single: list[Single] = field(default_factory=list)
    slides: list[dict[str, Any]] = field(default_factory=list)
    mask_slides: int = 0
    taken: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    where: dict[tuple[int, int], list[dict[str, Any]]] = field(default_factory=dict)

    def wants(self, *products: Product) -> bool:
        return not self.products.isdisjoint(products)

    def put(self, slide: int, chromosome: int, file: str, **place: Any) -> None:
        self.where.setdefault((slide, chromosome), []).append({"file": file, **place})


def export_labels(
    folder: Path | str,
    sources: Sequence[LabelSource],
    products: Iterable[Product] = tuple(Product),
    *,
    reviewed: bool = False,
    progress: Progress = silent,
    cancel: CancelToken | None = None,
) -> Outcome:
    """Write the labels of slides into a new folder: all of it, or nothing.

    Parameters
    ----------
    folder
        Must not exist, or be empty.
    sources
        The slides.
    products
        What is written.
    reviewed
        Whether only what a person accepted or corrected is written: clusters and single chromosomes each for itself,
        slides only if all of their chromosomes are.
    progress, cancel
        Told of each slide; looked at before each.

    Raises
    ------
    UserError
        If there is nothing to write, `folder` has files in it, or the disk is full or read-only.
    Cancelled
        If the token was set.
    """
    cancel = cancel or CancelToken()
    with new_folder(folder) as part:
        writing = _Writing(part, frozenset(products), reviewed)
        for index, source in enumerate(sources):
            cancel.check()
            progress("labels", index / max(len(sources), 1))
            _write_slide(writing, index, source)
        cancel.check()
        if not (writing.labels or writing.coco_images or writing.mask_slides or writing.single):
            raise UserError(
                tr("there are no labels to write:") + " " + (" ".join(writing.notes) or tr("no slide has chromosomes")),
                advice=tr("Analyse and review slides first, or choose other forms."),
            )
        _write_clusters(writing)
        _write_coco(writing)
        _write_single(writing)
        if Product.MASKS in writing.products and writing.mask_slides:
            write_text(part / "slides" / "cases.csv", _cases((s["file_stem"], s["case"]) for s in writing.slides))
        if writing.coco_images:
            rows = [(Path(i["file_name"]).name, i["case"]) for i in writing.coco_images]
            write_text(part / "slides_cases.csv", _cases(rows))
        write_text(part / "provenance.json", _provenance(writing))
    whole = len(writing.coco_images) or writing.mask_slides
    return Outcome(Path(folder), len(writing.labels), whole, len(writing.single), tuple(writing.notes))


# --- one slide -----------------------------------------------------------------------------------


def _write_slide(writing: _Writing, index: int, source: LabelSource) -> None:
    record: dict[str, Any] = {
        "name": source.name,
        "file_stem": free_stem(source.name, writing.taken),
        "case": source.case,
        "sha256": source.sha256,
        "stain": str(source.stain),
        "chromosomes": [],
    }
    writing.slides.append(record)
    if source.left_out:
        writing.notes.append(f"{source.name} is left out: {source.left_out}.")
    counting = [] if source.left_out else counted(tuple(source.chromosomes.values()))
    _note_left_out(writing, source, counting)
    image = _read(writing, source) if counting else None
    if image is not None:
        pixels = to_bytes(image.pixels)
        if image.pixels.dtype != np.uint8:
            writing.notes.append(
                f"{source.name}: grey values of {8 * image.pixels.itemsize} bits were stretched to 8 bits; only the "
                "COCO images keep them as they are."
            )
        if writing.wants(*CLUSTER_FILES):
            _cut_clusters(writing, index, source, counting, pixels)
        if writing.wants(Product.COCO, Product.MASKS):
            _whole_slide(writing, index, source, counting, image, pixels)
        if writing.wants(Product.SINGLE):
            _straighten(writing, index, source, counting, image)
    known = provenance(source.steps(), source.chromosomes)
    record["chromosomes"] = [
        chromosome_record(c, known[c.id], writing.where.get((index, c.id), [])) for c in source.chromosomes.values()
    ]


def _read(writing: _Writing, source: LabelSource) -> SlideImage | None:
    try:
        image = source.read()
    except UserError as error:
        writing.notes.append(f"{source.name} is left out, its image cannot be read: {error}")
        return None
    if source.sha256 and image.sha256 and image.sha256 != source.sha256:
        writing.notes.append(
            f"{source.name} is left out: the image is not the one that its masks were made on, its content differs."
        )
        return None
    return image


def _note_left_out(writing: _Writing, source: LabelSource, counting: Sequence[Chromosome]) -> None:
    """Say what no form holds."""
    everything = () if source.left_out else source.chromosomes.values()
    kinds = Counter(c.kind for c in everything if c.kind is not Kind.CHROMOSOME and c.state is not State.REJECTED)
    plural = {
        Kind.NUCLEUS: "nuclei",
        Kind.DEBRIS: "pieces of debris",
        Kind.CUT: "chromosomes cut by the border",
        Kind.OTHER_CELL: "chromosomes of another cell",
    }
    singular = {
        Kind.NUCLEUS: "nucleus",
        Kind.DEBRIS: "piece of debris",
        Kind.CUT: "chromosome cut by the border",
        Kind.OTHER_CELL: "chromosome of another cell",
    }
    said = [f"{n} {(singular if n == 1 else plural)[kind]}" for kind, n in kinds.items()]
    if said:
        writing.notes.append(
            f"{source.name}: {' and '.join(said)} {'is' if kinds.total() == 1 else 'are'} in no form, which hold "
            "chromosomes only."
        )
    unknown = sum(not c.number for c in counting)
    if unknown and writing.wants(Product.COCO, Product.SINGLE):
        writing.notes.append(
            f"{source.name}: {_many(unknown)} without a class: category 0 in COCO, and not among the single ones."
        )


def _open(writing: _Writing, chromosomes: Iterable[Chromosome]) -> int:
    """How many of these nobody accepted, if that matters."""
    return sum(c.state is State.PROPOSED for c in chromosomes) if writing.reviewed else 0


def _cut_clusters(
    writing: _Writing, index: int, source: LabelSource, counting: Sequence[Chromosome], pixels: Grey
) -> None:
    by_id = {c.id: c for c in counting}
    groups = clusters(counting)
    if source.is_cluster and len(counting) == 2:
        groups = [tuple(by_id)]
    larger = [len(group) for group in groups if len(group) > 2]
    if larger:
        sizes = ", ".join(str(n) for n in sorted(larger))
        writing.notes.append(
            f"{source.name}: {_many(len(larger), 'cluster')} of more than two chromosomes ({sizes}) cannot be "
            "four-label masks, which hold two; COCO and the masks of slides hold them."
        )
    pairs = [[by_id[id] for id in group] for group in groups if len(group) == 2]
    waiting = sum(bool(_open(writing, pair)) for pair in pairs)
    if waiting:
        writing.notes.append(f"{source.name}: {_many(waiting, 'cluster')} of two left out, not accepted yet.")
    others = list(source.chromosomes.values())
    for number, pair in enumerate((p for p in pairs if not _open(writing, p)), start=1):
        image, label = cut_out(pixels, pair, others, whole=source.is_cluster)
        for place, chromosome in enumerate(pair, start=1):
            for product, file in CLUSTER_FILES.items():
                if product in writing.products:
                    writing.put(index, chromosome.id, file, index=len(writing.labels), label=place)
        writing.names.append(f"{writing.slides[index]['file_stem']}_{number:02d}.png")
        writing.cluster_cases.append(source.case)
        writing.images.append(image)
        writing.labels.append(label)


def _whole_slide(
    writing: _Writing, index: int, source: LabelSource, counting: Sequence[Chromosome], image: SlideImage, pixels: Grey
) -> None:
    waiting = _open(writing, counting)
    if waiting:
        writing.notes.append(
            f"{source.name}: left out of the labels of whole slides, {_many(waiting)} not accepted yet; what is not "
            "labelled would count as background."
        )
        return
    stem = writing.slides[index]["file_stem"]
    if Product.COCO in writing.products:
        entry, annotations = slide_annotations(
            image, counting, image_id=len(writing.coco_images) + 1, first=len(writing.coco_annotations) + 1
        )
        entry["file_name"] = f"slides_images/{stem}.png"
        entry["case"] = source.case
        folder = writing.folder / "slides_images"
        folder.mkdir(exist_ok=True)
        write_bytes(folder / f"{stem}.png", png(image.pixels))
        for chromosome, annotation in zip(counting, annotations, strict=True):
            writing.put(index, chromosome.id, "slides.json", annotation=annotation["id"])
        writing.coco_images.append(entry)
        writing.coco_annotations += annotations
    if Product.MASKS in writing.products:
        images, masks = writing.folder / "slides" / "images", writing.folder / "slides" / "masks" / stem
        images.mkdir(parents=True, exist_ok=True)
        masks.mkdir(parents=True, exist_ok=True)
        write_bytes(images / f"{stem}.png", png(pixels))
        for chromosome in counting:
            mask = slide_mask(chromosome, image.shape).astype(np.uint8) * np.uint8(255)
            write_bytes(masks / f"{chromosome.id}.png", label_png(mask))
            writing.put(index, chromosome.id, f"slides/masks/{stem}/{chromosome.id}.png")
        writing.mask_slides += 1


def _straighten(
    writing: _Writing, index: int, source: LabelSource, counting: Sequence[Chromosome], image: SlideImage
) -> None:
    levels = find_levels(image, source.stain, source.inverted)
    wanted = [c for c in counting if c.number and not _open(writing, (c,))]
    waiting = sum(bool(c.number) for c in counting) - len(wanted)
    if waiting:
        writing.notes.append(f"{source.name}: {_many(waiting)} not among the single ones, not accepted yet.")
    stem = writing.slides[index]["file_stem"]
    for chromosome in wanted:
        try:
            straight = straighten(image, chromosome, source.stain, inverted=source.inverted, levels=levels)
        except ValueError:
            writing.notes.append(
                f"{source.name}: chromosome number {chromosome.id} is too small to be laid straight and not among the "
                "single ones."
            )
            continue
        file = f"chromosomes/{stem}_{chromosome.id:03d}_class{chromosome.class_name}.png"
        copy = chromosome.slot.position if chromosome.slot else 0
        writing.single.append(
            Single(straight.image, chromosome.number, source.stain, source.case, stem, copy, file, index, chromosome.id)
        )
        writing.put(index, chromosome.id, file)


# --- what is written at the end ------------------------------------------------------------------


def _write_clusters(writing: _Writing) -> None:
    if not writing.labels:
        return
    plain = LabelSet(tuple(writing.names), writing.images, writing.labels, Form.PNG)
    stacked = plain
    sizes = {label.shape for label in writing.labels}
    if len(sizes) > 1 and writing.wants(*_STACKED):
        tall, wide = (max(size[axis] for size in sizes) for axis in (0, 1))
        wider = [padded(i, y, (tall, wide)) for i, y in zip(writing.images, writing.labels, strict=True)]
        stacked = LabelSet(plain.names, [i for i, _ in wider], [y for _, y in wider], Form.PNG)
        writing.notes.append(
            f"The clusters differ in size: in HDF5 and npz, which hold one size, ground was added around them up to "
            f"{tall} x {wide} pixels (height, width). In the folders of pictures they are as they were cut out."
        )
    cases = _cases(zip(writing.names, writing.cluster_cases, strict=True))
    for product, file in CLUSTER_FILES.items():
        if product not in writing.products:
            continue
        path = writing.folder / file
        write_labels(path, stacked if product in _STACKED else plain, Form(str(product)))
        write_text(path / "cases.csv" if path.is_dir() else path.with_name(f"{path.stem}_cases.csv"), cases)


def _write_coco(writing: _Writing) -> None:
    if writing.coco_images:
        write_text(writing.folder / "slides.json", coco.document(writing.coco_images, writing.coco_annotations))


def _write_single(writing: _Writing) -> None:
    if not writing.single:
        return
    folder = writing.folder / "chromosomes"
    folder.mkdir()
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "class", "case", "slide", "chromosome_id", "stain"])
    for one in writing.single:
        write_bytes(writing.folder / one.file, png(one.image))
        name, slide = CLASS_NAMES[one.number - 1], writing.slides[one.slide]["name"]
        rows.writerow([Path(one.file).name, name, one.case, slide, one.chromosome, one.stain])
    write_text(folder / "chromosomes.csv", table.getvalue())
    for stain in Stain:
        members = [one for one in writing.single if one.stain is stain]
        if members:
            file = f"chromosomes_{stain.replace('-', '')}_karyotypes.h5"
            write_bytes(writing.folder / file, karyotypes_hdf5(members, stain))
            for place, one in enumerate(members):
                writing.put(one.slide, one.chromosome, file, split="train", index=place)


def _cases(rows: Iterable[tuple[str, str]]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["name", "case"])
    writer.writerows(rows)
    return table.getvalue()


def _provenance(writing: _Writing) -> str:
    # What was put last, the files of single chromosomes, belongs into the records as well.
    for index, slide in enumerate(writing.slides):
        for record in slide["chromosomes"]:
            record["written_to"] = writing.where.get((index, record["chromosome_id"]), [])
    content = {
        "program": "chromview",
        "version": __version__,
        "purpose": "For research use",
        "written": iso(time.time()),
        "only_reviewed": writing.reviewed,
        "forms": sorted(str(product) for product in writing.products),
        "not_expressed": writing.notes,
        "slides": writing.slides,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def _many(count: int, what: str = "chromosome") -> str:
    return f"{count} {what}{'s' * (count != 1)}"
