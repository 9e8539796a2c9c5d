"""From corrections to better weights: train on, compare with the weights in use on slides left out, keep the better."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from chromview import __version__
from chromview.errors import UserError
from chromview.places import models_dir, own_segmenter
from chromview.progress import CancelToken
from chromview.storage import own_weights
from chromview.storage.corrections import CorrectedSlide, read_corrections, tally_of
from chromview.storage.provenance import iso
from chromview.training.correction_samples import simulated, truth_of
from chromview.training.fine_tune import Epoch, FineTuning, Numbers, fine_tune, judge, split
from chromview.training.runs import save_weights
from chromview.vision.models import FLUORESCENT_FILE, SEGMENTER_FILE, Models
from chromview.vision.weights import hash_of

ALLOWED_LOSS, LOSS_FOR_GAIN = 0.03, 1 / 3
"""By how much the score on simulated slides of the usual look may fall before new weights are refused, and which share
of what is gained on the held-out corrections that may be where much is gained."""


@dataclass(frozen=True)
class CorrectionOptions:
    """What is trained on and how.

    Attributes
    ----------
    corrections
        Folders of corrections (`chromview.storage.corrections`).
    who
        Person whose training this is, for the card.
    threads
        Of the processor.
    how
        See `FineTuning`.
    """

    corrections: tuple[Path, ...]
    who: str = ""
    threads: int = 1
    how: FineTuning = field(default_factory=FineTuning)

    @property
    def replay(self) -> int:
        """How many simulated slides keep the network from forgetting; a short training sees no more of them."""
        return min(12, 2 + self.how.steps // 20)

    @property
    def guard(self) -> int:
        """On how many others it is judged what was forgotten."""
        return min(4, 1 + self.how.steps // 50)


@dataclass(frozen=True)
class Result:
    """How it ended.

    Attributes
    ----------
    kept
        Whether the new weights are used from now on.
    forgotten
        Whether they are not because of what they have forgotten.
    name
        Of the new weights; "" if the old ones stay.
    old, new
        Numbers on the held-out corrections.
    old_elsewhere, new_elsewhere
        Numbers on simulated slides that neither network has seen.
    why
        One sentence for a person.
    """

    kept: bool
    forgotten: bool
    name: str
    old: Numbers
    new: Numbers
    old_elsewhere: Numbers
    new_elsewhere: Numbers
    why: str

    def as_json(self) -> dict[str, Any]:
        """For scripts and for the window."""
        return {
            "kept": self.kept,
            "forgotten": self.forgotten,
            "name": self.name,
            "held_out": {"old": self.old.as_json(), "new": self.new.as_json()},
            "simulated": {"old": self.old_elsewhere.as_json(), "new": self.new_elsewhere.as_json()},
            "why": self.why,
        }


class Told(Protocol):
    """Told what is done, in words, which share of the whole is, and the epoch that has ended, if one has."""

    def __call__(self, stage: str, share: float, epoch: Epoch | None = None) -> object: ...


def silent(stage: str, share: float, epoch: Epoch | None = None) -> None:
    """For callers that do not want to be told."""


def train_on_corrections(options: CorrectionOptions, told: Told = silent, cancel: CancelToken | None = None) -> Result:
    """Train on from the weights in use, and use the new ones from now on if they are better.

    Raises
    ------
    UserError
        If there are no corrections or too few, the folder of own weights cannot be written, or the loss is no number.
    Cancelled
        If the token was set. Nothing is different then.
    """
    cancel = cancel or CancelToken()
    torch.set_num_threads(max(1, options.threads))
    told("reading the corrections", 0.0)
    corrections = [slide for folder in options.corrections for slide in read_corrections(folder)]
    seen = [(slide, truth_of(slide)) for slide in corrections if slide.chromosomes]
    # Each kind of slide has a network of its own; the one that most corrections are of is trained on.
    fluorescent = 2 * sum(truth.stain.bright_on_dark for _, truth in seen) > len(seen)
    seen = [(slide, truth) for slide, truth in seen if truth.stain.bright_on_dark == fluorescent]
    corrections = [slide for slide, _ in seen]
    count = tally_of(corrections)
    if not corrections:
        raise UserError(
            "there are no corrections to train on",
            path=options.corrections[0] if options.corrections else None,
            advice="Correct the masks of some slides, and accept the others on them.",
        )
    if count.too_few:
        raise UserError(count.too_few)
    shipped = FLUORESCENT_FILE if fluorescent else SEGMENTER_FILE
    old = own_segmenter(fluorescent=fluorescent) or models_dir() / shipped
    base = hash_of(old)
    own_weights.check_room(3 * old.stat().st_size)
    models = Models.load("cpu")
    train, held_out = split([truth for _, truth in seen], options.how.seed)
    seed = options.how.seed
    replay = simulated(
        options.replay,
        1000 + seed,
        lambda share: told("simulating slides", 0.01 + 0.04 * share),
        fluorescent=fluorescent,
    )
    guard = simulated(options.guard, 2000 + seed, lambda share: None, fluorescent=fluorescent)
    to_judge = [*held_out, *guard]
    told("looking with the old weights", 0.05)
    before = judge(held_out, models, old, cancel=cancel)
    before_elsewhere = judge(guard, models, old, cancel=cancel)
    # The share of the training follows from what a step and an analysis take, about 0.35 s and 1 s.
    steps, rest = 0.35 * options.how.steps, 1.0 * len(to_judge)
    trained = 0.1 + 0.85 * steps / (steps + rest)
    network = fine_tune(
        old,
        train,
        replay,
        options.how,
        told=lambda e: told(f"epoch {e.number} of {e.of}", 0.1 + (trained - 0.1) * e.number / e.of, e),
        cancel=cancel,
    )
    with tempfile.TemporaryDirectory(prefix="chromview-") as folder:
        candidate = Path(folder) / shipped
        metadata = {"architecture": "UNet", "widths": list(network.widths), "base": base}
        save_weights(candidate, network, **metadata)
        told("looking with the new weights", trained)
        after = judge(held_out, models, candidate, cancel=cancel)
        after_elsewhere = judge(guard, models, candidate, cancel=cancel)
        cancel.check()
        gained, lost = after.score - before.score, before_elsewhere.score - after_elsewhere.score
        better, forgotten = decide(gained, lost)
        name = ""
        if better and not forgotten:
            card = _card(options, corrections, held_out_names=[s.name for s in held_out], base=(old, base))
            card |= {
                "sha256": hash_of(candidate),
                "held_out": {"old": before.as_json(), "new": after.as_json()},
                "simulated": {"old": before_elsewhere.as_json(), "new": after_elsewhere.as_json()},
            }
            name = own_weights.keep(candidate.read_bytes(), card, fluorescent=fluorescent).name
    told("done", 1.0)
    why = _why(before, after, before_elsewhere, after_elsewhere, better=better, forgotten=forgotten)
    return Result(bool(name), forgotten, name, before, after, before_elsewhere, after_elsewhere, why)


def decide(gained: float, lost: float) -> tuple[bool, bool]:
    """Whether new weights are better, and whether they are refused all the same for what they forgot.

    Parameters
    ----------
    gained
        New score less old score on held-out corrections; weights that are only as good are not better.
    lost
        Old score less new score on simulated slides.
    """
    better = gained > 0
    return better, better and lost > max(ALLOWED_LOSS, LOSS_FOR_GAIN * gained)


def _why(
    old: Numbers, new: Numbers, old_elsewhere: Numbers, new_elsewhere: Numbers, *, better: bool, forgotten: bool
) -> str:
    numbers = (
        f"on {new.slides} held-out slides with {new.chromosomes} chromosomes: F1 at IoU .5 {old.f1_50:.3f} -> "
        f"{new.f1_50:.3f}, at .75 {old.f1_75:.3f} -> {new.f1_75:.3f}, solved {old.solved:.3f} -> {new.solved:.3f}"
    )
    if not better:
        return f"The weights stay as they were: the new ones are not better {numbers}."
    if forgotten:
        return (
            f"The weights stay as they were: the new ones are better {numbers}, but have forgotten too much elsewhere "
            f"(simulated slides: F1 at IoU .75 {old_elsewhere.f1_75:.3f} -> {new_elsewhere.f1_75:.3f})."
        )
    return f"New weights are used from now on: better {numbers}."


def _card(
    options: CorrectionOptions,
    corrections: Sequence[CorrectedSlide],
    *,
    held_out_names: Sequence[str],
    base: tuple[Path, str],
) -> dict[str, Any]:
    count = tally_of(corrections)
    return {
        "program": "chromview",
        "version": __version__,
        "purpose": "For research use",
        "trained": time.strftime("%Y-%m-%d %H:%M"),
        "written": iso(time.time()),
        "who": options.who,
        "base": {"file": base[0].name, "sha256": base[1]},
        "data": {
            "slides": count.slides,
            "reviewed_as_a_whole": count.whole,
            "chromosomes": count.chromosomes,
            "corrected": count.corrected,
            "clusters": count.clusters,
            "cases": sorted(count.cases),
            "images": [{"name": slide.name, "case": slide.case, "sha256": slide.sha256} for slide in corrections],
            "held_out": list(held_out_names),
        },
        "training": {"threads": options.threads, "replay": options.replay, **asdict(options.how)},
    }
