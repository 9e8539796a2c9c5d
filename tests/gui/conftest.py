"""A real window on real files: what a person would have in front of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from chromview.app.jobs import Jobs
from chromview.core.chromosome import Analysis, Quality, State
from chromview.core.karyotype import assign_slots
from chromview.errors import UserError
from chromview.simulate.metaphase import Simulated, simulate_cluster, simulate_metaphase
from chromview.ui.main import make_window
from chromview.ui.window import MainWindow

from .helpers import Sample, show_sample


def _sample(path: Path, made: Simulated, *, cluster: bool) -> Sample:
    Image.fromarray(made.image).save(path)
    chromosomes = [
        replace(
            c,
            state=State.PROPOSED,
            class_confidence=0.9 if c.number else 0.0,
            probabilities=tuple(float(n == c.number) for n in range(1, 25)) if c.number else None,
            doubts=("overlap",) if n % 9 == 0 and c.in_karyogram else (),
        )
        for n, c in enumerate(assign_slots(list(made.chromosomes)))
    ]
    analysis = Analysis(
        made.image.shape, made.stain, False, 1.0, tuple(chromosomes), "", cluster, Quality(count=len(chromosomes)), {}
    )
    return Sample(path, analysis)


@pytest.fixture(scope="session")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A metaphase of 47,XY,+21 with six doubtful chromosomes."""
    return _sample(tmp_path_factory.mktemp("cell") / "cell.png", simulate_metaphase("47,XY,+21", seed=3), cluster=False)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Two chromosomes that cross."""
    return _sample(tmp_path_factory.mktemp("cluster") / "cluster.png", simulate_cluster(seed=2), cluster=True)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    """Settings in a file of the test's own."""
    made = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    made.setValue("view/language", "en")  # whatever the system speaks
    return made


def no_models(device: str) -> None:
    """A machine without weights: what networks would read after an edit is not what these tests are about."""
    raise UserError("the weights are missing", advice="Install chromview again.")


@pytest.fixture
def open_window(
    qtbot: Any, settings: QSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MainWindow]]:
    """Opens windows that do not analyse by themselves; closes them at the end."""
    monkeypatch.setenv("CHROMVIEW_CASES", str(tmp_path / "cases"))
    settings.setValue("case/analyse_new", "false")
    windows: list[MainWindow] = []

    def open_one(*paths: Path, **options: Any) -> MainWindow:
        options.setdefault("jobs", Jobs(load_models=no_models))
        window = make_window(settings, list(paths), **options)
        windows.append(window)
        window.resize(1280, 800)
        with qtbot.waitExposed(window):
            window.show()
        QApplication.processEvents()
        return window

    yield open_one
    for window in windows:
        window.close()
        window.deleteLater()


@pytest.fixture
def window(open_window: Callable[..., MainWindow]) -> MainWindow:
    """A window with an empty case."""
    return open_window()


@pytest.fixture
def cell_window(window: MainWindow, cell: Sample) -> MainWindow:
    """A window on the metaphase."""
    show_sample(window, cell)
    return window


@pytest.fixture
def cluster_window(window: MainWindow, cluster: Sample) -> MainWindow:
    """A window on the cluster of two."""
    show_sample(window, cluster)
    return window
