"""A case with one slide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication

from chromview.app.document import Document


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes an image file and returns its path."""

    def write(name: str = "cell.png", seed: int = 0, shape: tuple[int, int] = (200, 200)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def document(qapp: QCoreApplication, tmp_path: Path) -> Iterator[Document]:
    """An empty case."""
    document = Document.new(tmp_path / "case.chromview")
    yield document
    document.close()
    document.deleteLater()


@pytest.fixture
def slide(document: Document, picture: Callable[..., Path]) -> int:
    """The only slide of `document`."""
    (slide,) = document.add_slides([picture()])
    return slide
