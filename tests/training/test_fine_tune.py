"""The segmenter learns from corrections, does not forget, and is only replaced by a better one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chromview.core.chromosome import SlideImage, Stain, State
from chromview.errors import Cancelled, UserError
from chromview.progress import CancelToken
from chromview.simulate.metaphase import simulate_cluster, simulate_metaphase
from chromview.storage.corrections import read_corrections, write_corrections
from chromview.storage.label_export import LabelSource
from chromview.storage.own_weights import in_use, own_weights
from chromview.training import train_corrections
from chromview.training.correction_samples import TruthSlide, draw_batch, simulated, truth_of
from chromview.training.fine_tune import FineTuning, Numbers, _kept, fine_tune, judge, split
from chromview.training.train_corrections import CorrectionOptions, decide, train_on_corrections
from chromview.training.train_segmenter import OUTPUTS, segmenter_loss
from chromview.vision.models import SEGMENTER_FILE, Models
from chromview.vision.networks import UNet
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import load_weights, read_metadata

TINY = FineTuning(steps=2, epochs=2, batch=2, replay=1, size=64)


@pytest.fixture(scope="module")
def corrections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small metaphases, every mask by a person."""
    folder = tmp_path_factory.mktemp("corrections") / "three"
    sources = []
    for seed in range(3):
        made = simulate_metaphase(seed=seed, shape=(360, 440), nuclei=0, debris=0)
        image = SlideImage(made.image, path=f"{seed}.png", sha256=f"{seed}")
        chromosomes = {c.id: replace(c, state=State.EDITED) for c in made.chromosomes}
        sources.append(
            LabelSource(f"{seed}.png", "case", lambda image=image: image, f"{seed}", made.stain, False, chromosomes)
        )
    write_corrections(folder, sources)
    return folder


@pytest.fixture(scope="module")
def slides(corrections: Path) -> list[TruthSlide]:
    return [truth_of(slide) for slide in read_corrections(corrections)]


def test_slides_are_divided_the_same_way_each_time(slides: list[TruthSlide]) -> None:
    train, held_out = split(slides, seed=3)
    assert len(train) == 2 and len(held_out) == 1
    again = split(slides[::-1], seed=3)
    assert [s.name for s in again[1]] == [s.name for s in held_out]
    assert not {s.name for s in train} & {s.name for s in held_out}
    assert {split(slides, seed=seed)[1][0].name for seed in range(20)} == {"0.png", "1.png", "2.png"}
    with pytest.raises(UserError, match="one slide cannot be divided"):
        split(slides[:1], seed=0)


def test_where_nobody_judged_nothing_is_learned() -> None:
    logits = torch.randn(2, 4, 8, 8, requires_grad=True)
    targets = (torch.rand(2, 4, 8, 8) > 0.5).float()
    known = torch.ones(2, 8, 8)
    known[:, :, :4] = 0
    segmenter_loss(logits, targets, torch.tensor([False, False]), known).backward()
    assert logits.grad is not None
    assert not logits.grad[..., :4].any() and logits.grad[:, :3, :, 4:].abs().min() > 0
    everywhere = segmenter_loss(logits, targets, torch.tensor([True, False]), torch.ones(2, 8, 8))
    assert torch.allclose(everywhere, segmenter_loss(logits, targets, torch.tensor([True, False])))


def test_of_a_slide_half_reviewed_only_what_lies_near_is_known(corrections: Path) -> None:
    slide = read_corrections(corrections)[0]
    one = slide.chromosomes[0]
    rest = np.zeros(slide.image.shape, bool)
    for other in slide.chromosomes[1:]:
        rest[other.box.slices] |= other.mask
    part = truth_of(replace(slide, whole=False, chromosomes=(one,), unjudged=rest))
    assert not part.known[rest].any() and not part.known.all()
    own = np.zeros(slide.image.shape, bool)
    own[one.box.slices] = one.mask
    near = own & ~truth_of(replace(slide, unjudged=rest)).unjudged
    assert part.known[near].mean() > 0.6
    assert truth_of(slide).known.all()


def test_windows_hold_what_is_on_the_slide(slides: list[TruthSlide]) -> None:
    batch = draw_batch(np.random.default_rng(0), slides, 6, 96)
    assert batch.inputs.shape == (6, 2, 96, 96) and batch.targets.shape == (6, 4, 96, 96)
    foreground = batch.targets[:, 0] > 0
    assert foreground.any(dim=(1, 2)).all()
    # Turned masks lie where the turned stain is.
    darkness = batch.inputs[:, 0]
    assert darkness[foreground].mean() > 0.35 > 0.2 > darkness[~foreground].mean()
    assert (batch.inputs[batch.prompted, 1].amax(dim=(1, 2)) == 1).all()


def test_the_network_moves_little_from_the_old_one_where_that_is_wanted(
    slides: list[TruthSlide], repository: Path
) -> None:
    weights = repository / "models" / SEGMENTER_FILE
    old = UNet(2, len(OUTPUTS), read_metadata(weights)["widths"])
    load_weights(weights, old)
    batch = draw_batch(np.random.default_rng(0), slides, 2, 64)
    assert _kept(old.eval(), old, batch).item() == pytest.approx(0, abs=1e-4)
    epochs = []
    new = fine_tune(weights, slides, slides[:1], TINY, told=epochs.append)
    assert [(e.number, e.of) for e in epochs] == [(1, 2), (2, 2)]
    before, after = old.state_dict(), new.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name)


def test_a_loss_that_is_no_number_ends_with_a_sentence(slides: list[TruthSlide], repository: Path) -> None:
    bad = replace(slides[0])
    bad.__dict__["darkness"] = np.full(bad.image.shape, np.nan, np.float32)
    with pytest.raises(UserError, match="is no number any more"):
        fine_tune(repository / "models" / SEGMENTER_FILE, [bad], [], TINY)


def test_a_cancelled_training_stops(slides: list[TruthSlide], repository: Path) -> None:
    token = CancelToken()
    with pytest.raises(Cancelled):
        fine_tune(
            repository / "models" / SEGMENTER_FILE, slides, [], TINY, told=lambda epoch: token.cancel(), cancel=token
        )


def test_what_nobody_judged_counts_neither_way(slides: list[TruthSlide], models: Models, repository: Path) -> None:
    weights = repository / "models" / SEGMENTER_FILE
    whole = judge(slides[:1], models, weights)
    assert whole.chromosomes == 46 and 0.5 < whole.f1_50 <= 1
    known = np.zeros(slides[0].image.shape, bool)
    assert judge([replace(slides[0], known=known)], models, weights).f1_50 == 0


def test_only_what_is_better_and_has_not_forgotten_is_kept() -> None:
    assert decide(0.01, 0.0) == (True, False) and decide(0.01, 0.029) == (True, False)
    assert decide(0.0, -0.1) == (False, False) and decide(-0.1, 0.5) == (False, False)
    assert decide(0.01, 0.031) == (True, True)
    # Who gains much may lose a part of that elsewhere.
    assert decide(0.3, 0.09) == (True, False) and decide(0.3, 0.11) == (True, True)


def test_new_weights_are_kept_with_their_card(
    corrections: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = train_corrections.judge
    numbers: list[Numbers] = []
    asked: list[Path] = []

    def told_better(slides: list[TruthSlide], models: Models, weights: Path, **options: Any) -> Numbers:
        """The real numbers of the old weights; of the new ones a little more, since two steps bring nothing."""
        asked.append(weights)
        if len(asked) <= 2:
            numbers.append(real(slides, models, weights, **options))
            return numbers[-1]
        Segmenter(weights, models.device)  # they can be used
        old = numbers[len(asked) - 3]
        return old._replace(solved=old.solved + 0.01)

    monkeypatch.setattr(train_corrections, "judge", told_better)
    result = train_on_corrections(CorrectionOptions((corrections,), "A. Person", how=TINY))
    assert result.kept and not result.forgotten and "used from now on" in result.why
    used = in_use()
    assert used is not None and used.name == result.name
    card = used.card
    assert card["who"] == "A. Person" and card["data"]["slides"] == 3 and card["data"]["corrected"] == 138
    assert len(card["data"]["held_out"]) == 1 and card["held_out"]["new"]["chromosomes"] == 46
    loaded = Models.load("cpu")
    assert loaded.hashes[used.path.name] == card["sha256"] and SEGMENTER_FILE not in loaded.hashes
    assert card["base"] == {"file": SEGMENTER_FILE, "sha256": models.hashes[SEGMENTER_FILE]}
    used.path.write_bytes(b"damaged")
    with pytest.raises(UserError, match="weights --use shipped"):
        Models.load("cpu")


def test_too_few_corrections_are_refused(corrections: Path, tmp_path: Path) -> None:
    made = simulate_cluster(3, seed=1)
    image = SlideImage(made.image)
    chromosomes = {c.id: replace(c, state=State.EDITED) for c in made.chromosomes}
    write_corrections(tmp_path / "few", [LabelSource("a", "b", lambda: image, "", made.stain, False, chromosomes)])
    with pytest.raises(UserError, match="Too few corrections to train on: 2 more slides, 57 more reviewed chromosomes"):
        train_on_corrections(CorrectionOptions((tmp_path / "few",), how=TINY))
    write_corrections(tmp_path / "none", [])
    with pytest.raises(UserError, match="there are no corrections to train on"):
        train_on_corrections(CorrectionOptions((tmp_path / "none",), how=TINY))
    assert own_weights() == []


def test_simulated_slides_have_every_stain_of_their_kind() -> None:
    told: list[float] = []
    drawn = simulated(2, 5, told.append, fluorescent=True)
    assert told == [0, 0.5] and {slide.stain for slide in drawn} == {Stain.DAPI, Stain.Q_BAND}
    assert all(len(slide.instances) == 46 and slide.known.all() for slide in drawn)
    assert {i.kind for slide in drawn for i in slide.instances} == {"free", "touching", "overlapping"}
