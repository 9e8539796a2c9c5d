"""The two classifiers that ship: which chromosomes each is asked about, and that both are read from their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from chromview.core.chromosome import Stain
from chromview.errors import UserError
from chromview.training.classifier_samples import Sheets, simulated_sheets
from chromview.vision.classifier import Classified, Classifier
from chromview.vision.models import CLASSIFIER_FILE, SECOND_CLASSIFIER_FILE, SEGMENTER_FILE
from chromview.vision.weights import Device

CPU = Device(torch.device("cpu"), half=False)


@pytest.fixture(scope="module")
def cell() -> Sheets:
    """A fluorescent metaphase, laid straight."""
    return simulated_sheets(Stain.DAPI, 1, seed=5)


def ask(classifier: Classifier, cell: Sheets, glows: np.ndarray | None = None) -> Classified:
    return classifier(cell.sheets[:, 0].numpy(), cell.scales, cell.brightness, glows)


def test_a_second_network_is_asked_about_what_is_fluorescent_alone(repository: Path, cell: Sheets) -> None:
    models = repository / "models"
    first, second = (ask(Classifier(models / name, CPU), cell) for name in (CLASSIFIER_FILE, SECOND_CLASSIFIER_FILE))
    classifier = Classifier(models / CLASSIFIER_FILE, CPU, models / SECOND_CLASSIFIER_FILE)
    glows = np.arange(len(cell)) % 2 == 0
    both = ask(classifier, cell, glows)
    assert np.allclose(both.probabilities[glows], (first.probabilities + second.probabilities)[glows] / 2, atol=1e-5)
    assert np.allclose(both.p_up[glows], (first.p_up + second.p_up)[glows] / 2, atol=1e-5)
    for none in (None, np.zeros(len(cell), bool)):
        assert np.allclose(ask(classifier, cell, none).probabilities, first.probabilities, atol=1e-6)
    assert np.allclose(both.probabilities[~glows], first.probabilities[~glows], atol=1e-5)


def test_each_reads_a_simulated_cell_and_both_read_it_no_worse(repository: Path, cell: Sheets) -> None:
    models = repository / "models"
    classifier = Classifier(models / CLASSIFIER_FILE, CPU, models / SECOND_CLASSIFIER_FILE)
    truth = cell.numbers.numpy()
    single = [ask(Classifier(models / name, CPU), cell) for name in (CLASSIFIER_FILE, SECOND_CLASSIFIER_FILE)]
    single.append(ask(classifier, cell, np.ones(len(cell), bool)))
    right = [float((said.probabilities.argmax(axis=1) + 1 == truth).mean()) for said in single]
    assert min(right) > 0.6
    assert right[2] >= min(right[:2])
    assert all(float((said.p_up > 0.5).mean()) > 0.8 for said in single)


def test_what_is_no_classifier_is_said(repository: Path) -> None:
    models = repository / "models"
    with pytest.raises(UserError, match=SEGMENTER_FILE):
        Classifier(models / CLASSIFIER_FILE, CPU, models / SEGMENTER_FILE)
    with pytest.raises(UserError, match="missing"):
        Classifier(models / CLASSIFIER_FILE, CPU, models / "none.safetensors")
