from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromview.core.chromosome import Kind
from chromview.core.masks import four_label
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken
from chromview.simulate import read_truth, simulate_cluster, simulate_metaphase, write_simulated
from chromview.simulate.samples import SAMPLES, write_samples


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    found = simulate_metaphase("46,XX", seed=1, shape=(300, 320), nuclei=1, debris=2)
    image, truth = write_simulated(tmp_path / "new", found, "cell")
    assert image == tmp_path / "new" / "cell.png"
    assert (np.asarray(Image.open(image)) == found.image).all()
    again = read_truth(truth)
    assert len(again) == len(found.chromosomes)
    for ours, theirs in zip(again, found.chromosomes, strict=True):
        assert (ours.id, ours.kind, ours.number, ours.box) == (theirs.id, theirs.kind, theirs.number, theirs.box)
        assert (ours.mask == theirs.mask).all()
        if theirs.kind is Kind.CHROMOSOME:
            assert ours.centromere == pytest.approx(theirs.centromere, abs=1e-6)
            assert ours.axis is not None
            assert theirs.axis is not None
            assert np.array_equal(ours.axis, theirs.axis)
        else:
            assert ours.axis is None
            assert ours.centromere is None
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"cell.png", "cell_truth.npz"}


def test_a_cluster_of_two_gets_its_four_label_mask(tmp_path: Path) -> None:
    found = simulate_cluster(2, seed=2)
    written = write_simulated(tmp_path, found, "pair")
    assert written[2] == tmp_path / "labels" / "pair.png"
    label = np.asarray(Image.open(written[2]))
    assert (label == four_label(found.chromosomes, (128, 128))).all()
    assert (np.load(written[1])["masks"].sum(axis=0) > 0).sum() == (label > 0).sum()


def test_clusters_of_three_have_none(tmp_path: Path) -> None:
    write_simulated(tmp_path, simulate_cluster(3, seed=2, shape=(180, 180)), "three")
    assert not (tmp_path / "labels").exists()


def test_a_folder_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    with pytest.raises(UserError, match="blocked"):
        write_simulated(blocked, simulate_cluster(2, seed=2), "pair")
    assert blocked.read_text() == "a file, not a folder"
    # A folder of the name that the picture should have: replacing fails at the last step.
    (tmp_path / "pair.png").mkdir()
    with pytest.raises(UserError, match=r"pair\.png"):
        write_simulated(tmp_path, simulate_cluster(2, seed=2), "pair")
    assert {path.name for path in tmp_path.iterdir()} == {"blocked", "pair.png"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_what_is_no_truth_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cell_truth.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cell_truth\.npz"):
        read_truth(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(UserError, match="simulated"):
        read_truth(path)
    with pytest.raises(UserError, match="missing"):
        read_truth(tmp_path / "missing.npz")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, float]]]:
    folder = tmp_path_factory.mktemp("samples")
    steps: list[tuple[str, float]] = []
    write_samples(folder, progress=lambda stage, share: steps.append((stage, share)))
    return folder, steps


def test_the_samples_that_ship_are_what_the_command_makes(
    samples: tuple[Path, list[tuple[str, float]]], repository: Path
) -> None:
    folder, steps = samples
    shipped = repository / "resources" / "samples"
    names = {f"{name}.png" for name in SAMPLES}
    assert {path.name for path in folder.iterdir()} == names
    assert {path.name for path in shipped.iterdir()} == names
    for name in names:
        new, old = (np.asarray(Image.open(place / name)).astype(int) for place in (folder, shipped))
        assert new.shape == old.shape
        # Other versions of OpenCV round otherwise; nothing more may differ.
        assert (np.abs(new - old) <= 2).mean() > 0.999, name
    assert steps[0] == ("simulate", 0.0)
    assert steps[-1] == ("simulate", 1.0)


def test_the_samples_are_small_enough_to_ship(repository: Path) -> None:
    sizes = [path.stat().st_size for path in (repository / "resources" / "samples").iterdir()]
    assert max(sizes) < 400_000
    assert sum(sizes) < 2_000_000


def test_writing_samples_can_be_cancelled(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        write_samples(tmp_path, cancel=token)
    assert not list(tmp_path.iterdir())
