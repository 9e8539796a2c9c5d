"""Labels for training say exactly what is on the slides, whose it is, and what could not be said."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.core._cv import cv2
from chromview.core.chromosome import Chromosome, DecidedBy, Kind, SlideImage, State
from chromview.core.commands import Command, Created, FieldsChanged, MaskChanged, SlideChanged, difference
from chromview.core.masks import clusters, slide_mask
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken
from chromview.simulate.metaphase import Simulated, simulate_cluster, simulate_metaphase
from chromview.storage import coco
from chromview.storage.label_export import LabelSource, Product, export_labels
from chromview.storage.labels import read_labels
from chromview.storage.provenance import provenance
from chromview.training.datasets import read_karyotypes
from chromview.training.labelled import read_labelled


def source_of(made: Simulated, name: str, state: State = State.ACCEPTED, **fields: object) -> LabelSource:
    image = SlideImage(made.image, path=name, sha256="ab")
    chromosomes = {c.id: replace(c, state=state) for c in made.chromosomes}
    source = LabelSource(name, "case 1", lambda: image, "ab", made.stain, False, chromosomes)
    return replace(source, **fields)


@pytest.fixture(scope="module")
def cell() -> LabelSource:
    return source_of(simulate_metaphase("46,XY", seed=5, crossings=4, contacts=3, nuclei=2), "cell 1.tif")


@pytest.fixture(scope="module")
def cluster() -> LabelSource:
    return source_of(simulate_cluster(seed=2), "cluster.png", is_cluster=True)


def counting(source: LabelSource) -> list[Chromosome]:
    return [c for c in source.chromosomes.values() if c.in_karyogram]


def content(folder: Path) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    return loaded


def test_clusters_of_two_are_exact_in_every_form(cell: LabelSource, cluster: LabelSource, tmp_path: Path) -> None:
    outcome = export_labels(tmp_path / "out", [cell, cluster])
    pairs = [group for group in clusters(counting(cell)) if len(group) == 2]
    assert outcome.clusters == len(pairs) + 1 > 2
    plain = read_labels(tmp_path / "out" / "clusters")
    painted = read_labels(tmp_path / "out" / "clusters_painted")
    assert plain.labels is not None and plain.images is not None and painted.labels is not None
    assert len(plain) == outcome.clusters
    for group, label in zip(pairs, plain.labels, strict=False):
        first, second = (cell.chromosomes[id] for id in group)
        assert np.count_nonzero(label & 1) == first.area and np.count_nonzero(label & 2) == second.area
    for form in ("clusters.h5", "clusters_pairs.h5", "clusters.npz"):
        read = read_labels(tmp_path / "out" / form)
        assert read.labels is not None and read.images is not None
        for one, other in zip(read.labels, plain.labels, strict=True):
            assert np.array_equal(trimmed(one), trimmed(other))
    for one, other in zip(painted.labels, plain.labels, strict=True):
        assert np.array_equal(one, other)
    # Training on them keeps cases apart.
    assert set(read_labelled(tmp_path / "out" / "clusters").groups) == {"case 1"}
    assert set(read_labelled(tmp_path / "out" / "clusters.h5").groups) == {"case 1"}


def trimmed(label: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(label.any(axis=1)), np.flatnonzero(label.any(axis=0))
    return label[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_neighbours_of_a_cluster_are_not_in_its_image(cell: LabelSource, tmp_path: Path) -> None:
    export_labels(tmp_path / "out", [cell], [Product.PNG])
    read = read_labels(tmp_path / "out" / "clusters")
    assert read.images is not None and read.labels is not None
    for image, label in zip(read.images, read.labels, strict=True):
        # Stained pixels away from the masks would teach that a chromosome is background.
        away = cv2.distanceTransform((label == 0).astype(np.uint8), cv2.DIST_L2, 5) > 5
        assert np.count_nonzero(image[away] < np.median(image[away]) - 50) < 0.005 * away.sum()


def test_every_chromosome_of_a_slide_is_in_coco_and_in_the_masks(cell: LabelSource, tmp_path: Path) -> None:
    export_labels(tmp_path / "out", [cell], [Product.COCO, Product.MASKS])
    document = coco.read_document(tmp_path / "out" / "slides.json")
    (entry,) = document["images"]
    assert (tmp_path / "out" / entry["file_name"]).is_file()
    assert len(document["annotations"]) == len(counting(cell))
    by_id = {a["attributes"]["chromosome_id"]: a for a in document["annotations"]}
    shape = entry["height"], entry["width"]
    for chromosome in counting(cell):
        mask = slide_mask(chromosome, shape)
        assert np.array_equal(coco.decode(by_id[chromosome.id]["segmentation"], *shape), mask)
        assert by_id[chromosome.id]["category_id"] == chromosome.number
        with Image.open(tmp_path / "out" / "slides" / "masks" / "cell_1" / f"{chromosome.id}.png") as picture:
            assert np.array_equal(np.asarray(picture) > 0, mask)


def test_single_chromosomes_are_read_by_training_with_their_class(cell: LabelSource, tmp_path: Path) -> None:
    outcome = export_labels(tmp_path / "out", [cell], [Product.SINGLE])
    read = read_karyotypes(tmp_path / "out" / "chromosomes_gband_karyotypes.h5", "train")
    assert sorted(read.numbers) == sorted(c.number for c in counting(cell))
    assert outcome.chromosomes == len(read) == len(counting(cell))
    assert read.readable and set(read.cases) == {"case 1"}
    with (tmp_path / "out" / "chromosomes" / "chromosomes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, image in zip(rows, read.images, strict=True):
        with Image.open(tmp_path / "out" / "chromosomes" / row["file"]) as picture:
            assert np.array_equal(np.asarray(picture), image)


def test_what_no_form_can_say_is_said(cell: LabelSource, tmp_path: Path) -> None:
    ids = [c.id for c in counting(cell)]
    three = [group for group in clusters(counting(cell)) if len(group) > 2]
    chromosomes = dict(cell.chromosomes)
    chromosomes[ids[0]] = replace(chromosomes[ids[0]], number=0)
    chromosomes[ids[1]] = replace(chromosomes[ids[1]], kind=Kind.CUT)
    outcome = export_labels(tmp_path / "out", [replace(cell, chromosomes=chromosomes)])
    said = "\n".join(outcome.notes)
    assert "nucle" in said and "1 chromosome cut by the border" in said
    assert "1 chromosome without a class" in said
    assert ("more than two" in said) == bool(three)
    assert content(tmp_path / "out")["not_expressed"] == list(outcome.notes)


def test_only_what_was_reviewed(cell: LabelSource, cluster: LabelSource, tmp_path: Path) -> None:
    first = counting(cell)[0]
    chromosomes = {**cell.chromosomes, first.id: replace(first, state=State.PROPOSED)}
    part = replace(cell, chromosomes=chromosomes)
    outcome = export_labels(tmp_path / "out", [part, cluster], reviewed=True)
    assert outcome.slides == 1 and outcome.chromosomes == len(counting(cell)) - 1 + len(counting(cluster))
    assert any("1 chromosome not accepted yet" in note for note in outcome.notes)
    everything = export_labels(tmp_path / "all", [part, cluster])
    assert everything.slides == 2


def test_slides_of_one_name_do_not_overwrite_each_other(cluster: LabelSource, tmp_path: Path) -> None:
    export_labels(tmp_path / "out", [cluster, replace(cluster, name="CLUSTER.tif")], [Product.PNG, Product.MASKS])
    assert len(read_labels(tmp_path / "out" / "clusters")) == 2
    assert len(list((tmp_path / "out" / "slides" / "images").iterdir())) == 2


def test_sixteen_bits_stay_in_coco_and_are_said(cluster: LabelSource, tmp_path: Path) -> None:
    deep = SlideImage(cluster.read().pixels.astype(np.uint16) * 100, sha256="ab")
    outcome = export_labels(tmp_path / "out", [replace(cluster, read=lambda: deep)], [Product.COCO])
    with Image.open(next((tmp_path / "out" / "slides_images").iterdir())) as picture:
        assert np.array_equal(np.asarray(picture), deep.pixels)
    assert any("16 bits" in note for note in outcome.notes)


def unreadable() -> SlideImage:
    raise UserError("is damaged", path="cluster.png")


@pytest.mark.parametrize(
    ("read", "said"),
    [(unreadable, "cannot be read"), (lambda: SlideImage(np.zeros((9, 9), np.uint8), sha256="cd"), "differs")],
)
def test_a_slide_whose_image_does_not_fit_is_left_out_and_said(
    cell: LabelSource, cluster: LabelSource, tmp_path: Path, read: Callable[[], SlideImage], said: str
) -> None:
    outcome = export_labels(tmp_path / "out", [cell, replace(cluster, read=read)], [Product.COCO])
    assert outcome.slides == 1
    assert any(said in note and "cluster.png" in note for note in outcome.notes)


def test_nothing_to_write_leaves_no_folder(cluster: LabelSource, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no labels to write"):
        export_labels(tmp_path / "out", [replace(cluster, chromosomes={})])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_left_alone(cluster: LabelSource, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="has files in it"):
        export_labels(tmp_path / "out", [cluster])
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_cancelled_leaves_nothing(cell: LabelSource, cluster: LabelSource, tmp_path: Path) -> None:
    token = CancelToken()

    def progress(stage: str, share: float) -> None:
        if share > 0:
            token.cancel()

    with pytest.raises(Cancelled):
        export_labels(tmp_path / "out", [cluster, cell, cluster], progress=progress, cancel=token)
    assert list(tmp_path.iterdir()) == []


# --- where each chromosome comes from --------------------------------------------------------------


def painted(old: Chromosome, **fields: object) -> Chromosome:
    mask = old.mask.copy()
    mask[np.nonzero(mask)[0][0], np.nonzero(mask)[1][0]] = False
    return replace(old.with_mask(old.box, mask), **fields)


def test_provenance_tells_model_from_person(cluster: LabelSource, tmp_path: Path) -> None:
    first, second = (replace(c, state=State.PROPOSED) for c in counting(cluster))
    models = {"segmenter.safetensors": "12" * 32}
    mended = painted(first, state=State.EDITED)
    accepted = replace(second, state=State.ACCEPTED)
    steps = [
        (100.0, Command("Analysis", (Created(first), Created(second), SlideChanged({}, {"models": models})))),
        (200.0, Command("Brush on a chromosome", tuple(difference(first, mended)))),
        (300.0, Command("Acceptance", tuple(difference(second, accepted)))),
    ]
    now = {first.id: mended, second.id: accepted}
    known = provenance(steps, now)
    assert known[first.id].mask.by == "person" and known[first.id].mask.when == 200.0
    assert known[second.id].mask.by == "model" and known[second.id].mask.models == models
    assert known[second.id].decided is not None and known[second.id].decided.when == 300.0
    source = replace(cluster, chromosomes=now, steps=lambda: steps)
    export_labels(tmp_path / "out", [source], [Product.PNG, Product.SINGLE])
    (slide,) = json.loads((tmp_path / "out" / "provenance.json").read_text())["slides"]
    records = {record["chromosome_id"]: record for record in slide["chromosomes"]}
    assert records[first.id]["mask_from"]["step"] == "Brush on a chromosome"
    assert records[second.id]["mask_from"]["models"] == models
    assert records[second.id]["mask_from"]["when"] == "1970-01-01T00:01:40+00:00"
    for number, id in enumerate((first.id, second.id), start=1):
        places = {place["file"]: place for place in records[id]["written_to"]}
        assert places["clusters"]["label"] == number
        assert "chromosomes_gband_karyotypes.h5" in places
        assert any(file.startswith("chromosomes/") and (tmp_path / "out" / file).is_file() for file in places)


def test_a_class_that_a_person_chose_is_a_persons(cluster: LabelSource) -> None:
    first = replace(counting(cluster)[0], state=State.PROPOSED)
    chosen = {"number": 7, "decided_by": DecidedBy.PERSON, "state": State.EDITED}
    steps = [
        (1.0, Command("Analysis", (Created(first),))),
        (2.0, Command("Class 7", (FieldsChanged(first.id, {}, chosen),))),
    ]
    known = provenance(steps, {first.id: replace(first, number=7, state=State.EDITED)})[first.id]
    assert known.chromosome_class.by == "person" and known.chromosome_class.when == 2.0
    assert known.mask.by == "model"


def test_a_chromosome_whose_steps_are_unknown_is_judged_by_its_state(cluster: LabelSource) -> None:
    first = counting(cluster)[0]
    for state, by in ((State.PROPOSED, "model"), (State.EDITED, "person"), (State.ACCEPTED, "model")):
        known = provenance([], {first.id: replace(first, state=state)})[first.id]
        assert known.mask.by == by and known.mask.when is None


def test_a_new_mask_of_a_model_is_a_models(cluster: LabelSource) -> None:
    first = replace(counting(cluster)[0], state=State.PROPOSED)
    (change, *_) = difference(first, painted(first))
    assert isinstance(change, MaskChanged)
    steps = [(1.0, Command("Analysis", (Created(first),))), (2.0, Command("Segmentation", (change,)))]
    assert provenance(steps, {first.id: first})[first.id].mask.by == "model"
