"""The chromosome: one instance on a slide, its own mask, its overlaps included.

A slide holds a list of chromosomes. An overlap is where two masks are both true, so it
needs no representation of its own; the four-label mask and every export are views.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

CLASS_NAMES: tuple[str, ...] = (*(str(n) for n in range(1, 23)), "X", "Y")
"""Names of the 24 classes; class number 1..24 has name ``CLASS_NAMES[number - 1]``."""


class Stain(StrEnum):
    """How the slide was stained; decides which side of the grey scale is chromosome."""

    G_BAND = "g-band"
    Q_BAND = "q-band"
    DAPI = "dapi"

    @property
    def bright_on_dark(self) -> bool:
        """Whether chromosomes are brighter than the background."""
        return self is not Stain.G_BAND


class Kind(StrEnum):
    """What an instance on the slide is."""

    CHROMOSOME = "chromosome"
    NUCLEUS = "nucleus"
    DEBRIS = "debris"
    CUT = "cut by the border"
    OTHER_CELL = "of another cell"


class State(StrEnum):
    """Who stands behind an instance."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"


class Mark(StrEnum):
    """What a person says of the structure of a chromosome, in ISCN's short forms."""

    NONE = ""
    DERIVATIVE = "der"
    """Rearranged; called after the class of its centromere."""
    MARKER = "mar"
    """Nobody can say what it is; it has no class."""


class DecidedBy(StrEnum):
    """Who chose the class."""

    NETWORK = "network"
    CELL = "cell"
    """The cell as a whole moved it from the network's first choice."""
    PERSON = "person"


class Box(NamedTuple):
    """Half-open rectangle in slide pixels: rows ``top:bottom``, columns ``left:right``."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this box in an ``(H, W)`` array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def union(self, other: Box) -> Box:
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def intersection(self, other: Box) -> Box | None:
        box = Box(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )
        return box if box.height > 0 and box.width > 0 else None

    def grown(self, margin: int, shape: tuple[int, int]) -> Box:
        """This box grown by `margin` pixels on every side, kept inside `shape` (H, W)."""
        return Box(
            max(0, self.top - margin),
            max(0, self.left - margin),
            min(shape[0], self.bottom + margin),
            min(shape[1], self.right + margin),
        )


class Slot(NamedTuple):
    """A place in the karyogram: class number 1..24 and position 0, 1, 2 ... in it.

    A chromosome without a slot lies in the tray.
    """

    number: int
    position: int

    def __str__(self) -> str:
        return f"{CLASS_NAMES[self.number - 1]}.{self.position + 1}"


class Arrow(NamedTuple):
    """An arrow on the karyogram, relative to the straightened chromosome with the first point of its axis up.

    `x` and `y` are where its tip is from the middle of the picture, in lengths of the picture, and `angle` is where it
    points, degrees counter-clockwise from the right. `chromview.core.arrows` says where that is on a karyogram.
    """

    x: float
    y: float
    angle: float


@dataclass(frozen=True, slots=True, eq=False)
class Chromosome:
    """One instance of a slide.

    Attributes
    ----------
    id
        Number on the slide, from 1, never used twice on the same slide.
    box, mask
        Bounding box in slide pixels and its ``(height, width)`` bool mask, read-only.
    kind, state
        What it is, and who stands behind it.
    confidence
        Of the segmentation, 0..1: the expected share of such masks that are right.
    doubts
        Reasons to look at it, in words ("overlap", "third 21", "polarity"); empty if none.
    axis
        ``(n, 2)`` float32 points (y, x) in slide pixels, p tip first as far as known; or None.
    centromere
        Position on the axis, 0..1 of its length from the first point; or None.
    centromere_confidence
        0..1.
    probabilities
        24 class probabilities, or None before classification.
    number
        Class 1..24, or 0 while unknown.
    class_confidence, decided_by
        Probability of that class, and who chose it.
    p_up
        Whether the first point of `axis` is the tip of the p arm, as the model or a person
        has it; the karyogram is drawn with the p arm up.
    polarity_confidence
        0..1.
    slot
        Place in the karyogram, or None for the tray.
    angle
        Extra turn in the karyogram by a person, degrees counter-clockwise.
    axis_placed, centromere_placed
        Whether a person drew the axis, or said where the centromere is; no model moves it then.
    mark, note
        What a person says of its structure, and what a person wrote on it.
    arrows
        What a person points at in the karyogram.
    """

    id: int
    box: Box
    mask: BoolArray
    kind: Kind = Kind.CHROMOSOME
    state: State = State.PROPOSED
    confidence: float = 1.0
    doubts: tuple[str, ...] = ()
    axis: FloatArray | None = None
    centromere: float | None = None
    centromere_confidence: float = 0.0
    probabilities: tuple[float, ...] | None = None
    number: int = 0
    class_confidence: float = 0.0
    decided_by: DecidedBy = DecidedBy.NETWORK
    p_up: bool = True
    polarity_confidence: float = 0.0
    slot: Slot | None = None
    angle: float = 0.0
    axis_placed: bool = False
    centromere_placed: bool = False
    mark: Mark = Mark.NONE
    note: str = ""
    arrows: tuple[Arrow, ...] = ()
    _area: int = field(default=-1, repr=False)

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.shape != (self.box.height, self.box.width):
            raise ValueError(
                f"mask must be bool of shape {(self.box.height, self.box.width)}, "
                f"not {self.mask.dtype} {self.mask.shape}"
            )
        self.mask.flags.writeable = False
        if self._area < 0:
            object.__setattr__(self, "_area", int(np.count_nonzero(self.mask)))

    @classmethod
    def from_slide_mask(cls, id: int, mask: BoolArray, **fields: object) -> Self:
        """Make a chromosome from a mask ``(H, W)`` bool of the whole slide.

        Raises
        ------
        ValueError
            If the mask is empty.
        """
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            raise ValueError("the mask of a chromosome must not be empty")
        box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        return cls(id=id, box=box, mask=np.ascontiguousarray(mask[box.slices]), **fields)  # type: ignore[arg-type]

    @property
    def area(self) -> int:
        """Pixels in the mask."""
        return self._area

    @property
    def class_name(self) -> str:
        """ "1".."22", "X", "Y", or "?" while unknown."""
        return CLASS_NAMES[self.number - 1] if self.number else "?"

    @property
    def caption(self) -> str:
        """What stands beside it in the karyogram: "der(9)", "mar", its note; mostly nothing."""
        marked = f"der({self.class_name})" if self.mark is Mark.DERIVATIVE else str(self.mark)
        return ", ".join(part for part in (marked, self.note) if part)

    @property
    def in_karyogram(self) -> bool:
        """Whether it counts: a chromosome that nobody rejected."""
        return self.kind is Kind.CHROMOSOME and self.state is not State.REJECTED

    def with_mask(self, box: Box, mask: BoolArray) -> Self:
        """The same chromosome with another mask, trimmed to its bounding box."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            return replace(self, box=Box(box.top, box.left, box.top, box.left), mask=np.zeros((0, 0), bool), _area=0)
        trimmed = Box(
            box.top + int(rows[0]),
            box.left + int(columns[0]),
            box.top + int(rows[-1]) + 1,
            box.left + int(columns[-1]) + 1,
        )
        bits = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
        return replace(self, box=trimmed, mask=bits, _area=-1)


@dataclass(frozen=True, slots=True, eq=False)
class SlideImage:
    """One image as it was read.

    Attributes
    ----------
    pixels
        ``(H, W)`` uint8 or uint16 grey values, as stored (not inverted).
    path
        Where it was read from.
    sha256
        Of the file's bytes, hexadecimal.
    notes
        What a person should know about the reading ("first of 5 pages"); empty if nothing.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    path: str = ""
    sha256: str = ""
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a slide is, as the analysis saw it; None where it is not known.

    Attributes
    ----------
    count
        Chromosomes that count.
    clusters
        Groups of two and more that touch or overlap.
    overlaps
        Pairs of chromosomes that share pixels: an estimate, since masks are.
    spread
        Median distance from the middle of a chromosome to the nearest other one, in widths of a chromosome. The
        distance to the nearest neighbour is the measure of spacing of Clark and Evans (Ecology 35, 1954).
    overall
        0 to 1, of a metaphase: the mean of the share of chromosomes that touch no other, of their mean confidence, and
        of how near their number is to 46, ``exp(-abs(count - 46) / 6)``. A rule of thumb for sorting slides, no
        probability.
    band_clarity
        0 (no bands) to 1, the median contrast of neighbouring bands (`chromview.core.bands.band_contrast`).
    """

    count: int | None = None
    clusters: int | None = None
    overlaps: int | None = None
    spread: float | None = None
    overall: float | None = None
    band_clarity: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What `analyse` found on one slide.

    Attributes
    ----------
    shape
        (H, W) of the slide.
    stain, inverted
        The stain that was told or given, and whether the grey scale runs the other way
        than this stain usually has it.
    scale
        Pixels of the networks' canonical scale for one pixel of the slide.
    chromosomes
        All instances, nuclei and debris included (see `Chromosome.kind`).
    proposal
        The proposed karyotype, for example "47,XY,+21"; empty for a cluster.
    is_cluster
        Whether the slide is a single cluster and not a whole metaphase.
    seconds
        Time of each stage.
    models
        SHA-256 of each weight file that was used, by the file's name; empty where nobody knows.
    """

    shape: tuple[int, int]
    stain: Stain
    inverted: bool
    scale: float
    chromosomes: tuple[Chromosome, ...]
    proposal: str
    is_cluster: bool
    quality: Quality
    seconds: dict[str, float]
    models: dict[str, str] = field(default_factory=dict)
