"""The samples that come with the program, all simulated: ``chromview simulate --samples``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chromview.core.chromosome import Stain
from chromview.progress import CancelToken, Progress, silent
from chromview.simulate.files import write_simulated
from chromview.simulate.metaphase import Simulated, simulate_cluster, simulate_metaphase

_Maker = Callable[[], Simulated]

SAMPLES: dict[str, _Maker] = {
    "metaphase_normal_female": lambda: simulate_metaphase("46,XX", seed=11, nuclei=1),
    "metaphase_normal_male": lambda: simulate_metaphase("46,XY", seed=22, nuclei=0),
    "metaphase_trisomy_21": lambda: simulate_metaphase("47,XY,+21", seed=33, nuclei=1),
    "metaphase_45_x": lambda: simulate_metaphase("45,X", seed=44, bands=400, nuclei=0),
    "metaphase_dapi_male": lambda: simulate_metaphase("46,XY", stain=Stain.DAPI, seed=55, shape=(517, 645), nuclei=1),
    "cluster_crossing": lambda: simulate_cluster(2, seed=61, numbers=(2, 8), crossing=True),
    "cluster_touching": lambda: simulate_cluster(2, seed=1, numbers=(5, 11), crossing=False),
    "cluster_bent": lambda: simulate_cluster(2, seed=63, numbers=(1, 4), crossing=True, bends=1.8),
    "cluster_cut_out": lambda: simulate_cluster(2, seed=64, numbers=(3, 9), crossing=True, cut_out=True),
    "cluster_dapi": lambda: simulate_cluster(2, stain=Stain.DAPI, seed=65, numbers=(6, 13), crossing=True),
}
"""Name of each sample and how it is made. Nothing else is in ``resources/samples``."""


def write_samples(
    folder: Path | str, *, truth: bool = False, progress: Progress = silent, cancel: CancelToken | None = None
) -> list[Path]:
    """Write all samples into a folder.

    Parameters
    ----------
    folder
        Where to write; ``resources/samples`` is made this way.
    truth
        Whether to write the truth beside each, see `write_simulated`.
    progress, cancel
        As everywhere in the pipeline.

    Returns
    -------
    The files written.

    Raises
    ------
    UserError
        If they cannot be written.
    Cancelled
        If `cancel` was set; the samples finished by then stay.
    """
    written: list[Path] = []
    for done, (name, make) in enumerate(SAMPLES.items()):
        if cancel is not None:
            cancel.check()
        progress("simulate", done / len(SAMPLES))
        written += write_simulated(folder, make(), name, truth=truth)
    progress("simulate", 1.0)
    return written
