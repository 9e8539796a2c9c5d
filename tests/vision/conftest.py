"""The shipped networks, loaded once, and what they say of the bundled samples, each analysed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from chromview.core.chromosome import Analysis
from chromview.simulate.metaphase import Simulated
from chromview.simulate.samples import SAMPLES
from chromview.vision.models import Models
from chromview.vision.pipeline import analyse


class Answered(NamedTuple):
    """A sample with its truth, and what was found on it."""

    truth: Simulated
    found: Analysis


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Many small tests on many threads are slower than on one, and disturb each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(repository: Path) -> Models:
    """The networks that the program ships, on the processor."""
    return Models.load("cpu", repository / "models")


@pytest.fixture(scope="session")
def answered(models: Models) -> Callable[[str], Answered]:
    """Name of a sample -> its truth and its analysis."""

    @cache
    def answer(name: str) -> Answered:
        truth = SAMPLES[name]()
        return Answered(truth, analyse(truth.slide, models))

    return answer
