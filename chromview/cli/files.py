"""``chromview convert`` and ``simulate``: files out of other files, or out of nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chromview.cli.common import STAINS, parser_of
from chromview.terminal import Terminal


def convert(given: Sequence[str], terminal: Terminal) -> int:
    """Convert a labelled set, or the labels of a case."""
    parser = parser_of(
        "convert",
        epilog="OUT is told by its ending: .h5, .npz, .json (COCO), .png, or a folder. Painted masks (red 1, green 2, "
        "blue 3 = both) become labels and labels without images become painted masks; --as says it otherwise. "
        "A case (.chromview) becomes a new folder OUT with the labels of all its slides, in the form --as or in every "
        "form, and provenance.json.",
    )
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument(
        "--as",
        dest="form",
        choices=("hdf5", "pairs", "npz", "png", "painted", "coco", "masks", "single"),
        help="form of OUT; masks (one picture a chromosome) and single (straightened, with class) of a case only",
    )
    parser.add_argument("--reviewed", action="store_true", help="of a case: only what a person accepted or corrected")
    parser.add_argument("--background", choices=("black", "white"), default="black", help="of painted masks")
    chosen = parser.parse_args(given)
    if chosen.source.suffix == ".chromview":
        return _convert_case(chosen, terminal)
    if chosen.reviewed or chosen.form in ("masks", "single"):
        parser.error("--reviewed, masks and single are for a case (.chromview)")
    from chromview.storage.label_set import Form
    from chromview.storage.labels import convert as convert_labels

    form = Form(chosen.form) if chosen.form else None
    content = convert_labels(chosen.source, chosen.target, form=form, background=chosen.background)
    terminal.say(f"{len(content)} clusters -> {chosen.target}")
    return 0


def _convert_case(chosen: argparse.Namespace, terminal: Terminal) -> int:
    from chromview.app.document import Document
    from chromview.app.label_sources import FORMS, LabelChoice, label_work
    from chromview.progress import CancelToken

    document = Document.open(chosen.source)
    try:
        forms = (chosen.form,) if chosen.form else tuple(FORMS)
        choice = LabelChoice(chosen.target, forms, True, chosen.reviewed)
        work = label_work(document, [info.id for info in document.slides], choice)
        outcome = work(terminal.progress, CancelToken())
    finally:
        document.close()
    for note in outcome.notes:
        terminal.warn(note)
    terminal.say(outcome.summary)
    return 0


def simulate(given: Sequence[str], terminal: Terminal) -> int:
    """Draw synthetic slides or clusters."""
    parser = parser_of("simulate")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for images and truth")
    parser.add_argument("--samples", action="store_true", help="the samples of the program (into its own folder)")
    parser.add_argument("--karyotype", default="46,XX", help='of metaphases, for example "47,XY,+21" (default: 46,XX)')
    parser.add_argument("--count", type=int, default=1, metavar="N", help="number of images (default: 1)")
    parser.add_argument("--clusters", action="store_true", help="clusters instead of metaphases")
    parser.add_argument("--chromosomes", type=int, default=2, metavar="N", help="in a cluster (default: 2)")
    parser.add_argument("--stain", choices=STAINS[1:], default="g-band")
    parser.add_argument("--seed", type=int, default=1, help="of the first image; each further one has the next")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="pixels")
    parser.add_argument("--bands", type=int, choices=(400, 550, 850), default=550)
    for what in ("crossings", "contacts", "nuclei", "debris"):
        parser.add_argument(f"--{what}", type=int, metavar="N", help="in a metaphase (default: by chance)")
    parser.add_argument("--no-truth", action="store_true", help="write the images only")
    chosen = parser.parse_args(given)
    if chosen.out is None and not chosen.samples:
        parser.error("give --out DIR, or --samples")
    if chosen.count < 1:
        parser.error("--count must be at least 1")
    from chromview.storage.files import make_folder

    if chosen.samples:
        from chromview.places import resources_dir
        from chromview.simulate.samples import write_samples

        folder = make_folder(chosen.out or resources_dir() / "samples")
        written = write_samples(folder, progress=terminal.progress)
        terminal.say(f"{len(written)} files -> {folder}")
        return 0
    from chromview.core.chromosome import Stain
    from chromview.simulate import simulate_cluster, simulate_metaphase, write_simulated

    size: dict[str, Any] = {"shape": tuple(chosen.size)} if chosen.size else {}
    common: dict[str, Any] = {"stain": Stain(chosen.stain), "bands": chosen.bands, **size}
    by_chance = {what: getattr(chosen, what) for what in ("crossings", "contacts", "nuclei", "debris")}
    folder = make_folder(chosen.out)
    for index in range(chosen.count):
        terminal.progress("simulate", index / chosen.count)
        seed = chosen.seed + index
        if chosen.clusters:
            drawn = simulate_cluster(chosen.chromosomes, seed=seed, **common)
        else:
            drawn = simulate_metaphase(chosen.karyotype, seed=seed, **common, **by_chance)
        kind = "cluster" if chosen.clusters else "metaphase"
        write_simulated(folder, drawn, f"{kind}_{seed:05d}", truth=not chosen.no_truth)
    terminal.say(f"{chosen.count} images -> {folder}")
    return 0
