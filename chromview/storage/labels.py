"""Containers of four-label masks, and the way from each to each.

==============  ====================================================================================
form            what it is
==============  ====================================================================================
``hdf5``        HDF5 with ``image`` (N, H, W) uint8 and ``label`` (N, H, W) uint8 0..3
``pairs``       HDF5 with ``dataset_1`` (N, H, W, 2): channel 0 grey, channel 1 label (the 13,434 pairs);
                ``rcc_data`` is read as well (the same layout, of the 500 real G-banded pairs)
``npz``         ``arr_0`` images, ``arr_1`` masks: labels, one-hot, or painted pictures
``png``         a folder of pictures; with ``images`` and ``labels`` in it if there are both, or the images
                beside ``labels``; or one file
``painted``     the same with red = 1, green = 2, blue = 3 on black or white
``coco``        a JSON file, two annotations an image at most, pictures in the folder ``NAME_images``
==============  ====================================================================================

Published sets contain stray values above 3 and single mislabelled pixels; reading corrects both
(`chromview.core.masks.clean_labels`). What this program wrote is exact and is read as it is.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import h5py
import numpy as np
import numpy.typing as npt

from chromview import __version__
from chromview.core.masks import clean_labels, from_four_label
from chromview.errors import UserError
from chromview.storage import coco
from chromview.storage.exports import png, write_folder
from chromview.storage.files import check_readable, is_folder, write_bytes
from chromview.storage.images import IMAGE_SUFFIXES, find_images, read_image
from chromview.storage.label_images import (
    Labels,
    is_painted,
    label_png,
    label_tiff,
    looks_like_labels,
    paint,
    read_label_image,
    read_picture,
)
from chromview.storage.label_set import KNOWN_FORMS, Cleaning, Form, Grey, LabelSet, label_set, to_bytes

CONTAINER_SUFFIXES: tuple[str, ...] = (".h5", ".hdf5", ".npz", ".json")
_IMAGE_FOLDERS = ("images", "image", "imgs", "img")
_LABEL_FOLDERS = ("labels", "label", "masks", "mask", "gt", "painted")
_PAIRS_KEYS = ("dataset_1", "rcc_data")
_MOST_PACKED = 1100  # Deflate makes nothing smaller than by 1032

MAX_CONTAINER_BYTES = 16 << 30
"""Largest container that is read; its arrays are held in memory."""


def convert(source: Path | str, target: Path | str, *, form: Form | None = None, background: str = "black") -> LabelSet:
    """Read one container and write another.

    Parameters
    ----------
    source, target
        Files or folders. The ending of `target` says what it becomes; without an ending, and for pictures, labels
        become painted pictures if `source` is a folder of labels or a picture of them, and labels otherwise.
    form
        The form of `target`, where its name does not say it.
    background
        Of painted pictures: "black" or "white".

    Returns
    -------
    LabelSet
        What was converted.

    Raises
    ------
    UserError
        If `source` cannot be read or does not fit into the form of `target`, or `target` cannot be written.
    """
    content = read_labels(source)
    if form is None:
        form = form_of(target)
        if form is Form.PNG and content.form is Form.PNG and content.labels is not None:
            form = Form.PAINTED
    write_labels(target, content, form, background=background)
    return content


def form_of(path: Path | str) -> Form:
    """What a container of this name becomes when it is written.

    Raises
    ------
    UserError
        If the ending is none that is known.
    """
    suffix = Path(path).suffix.lower()
    forms = {".h5": Form.HDF5, ".hdf5": Form.HDF5, ".npz": Form.NPZ, ".json": Form.COCO, "": Form.PNG, ".png": Form.PNG}
    if is_folder(path) or suffix in (".tif", ".tiff"):
        return Form.PNG
    if suffix in forms:
        return forms[suffix]
    raise UserError(f"has the ending '{suffix}', which no form of labels has", path=path, advice=KNOWN_FORMS)


def read_labels(path: Path | str, *, clean_pairs: Cleaning = clean_labels) -> LabelSet:
    """Read a container, whatever it is.

    Parameters
    ----------
    path
        A file or folder.
    clean_pairs
        What is done to the labels of the published HDF5 files of pairs (form ``pairs``).

    Raises
    ------
    UserError
        If it is missing, damaged, none of the forms of this module, or without anything in it.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if is_folder(path):
        return _read_folder(path)
    if suffix in (".h5", ".hdf5"):
        return _read_hdf5(path, clean_pairs)
    if suffix == ".npz":
        return _read_npz(path)
    if suffix == ".json":
        return _read_coco(path)
    if suffix in IMAGE_SUFFIXES or not path.exists():
        content = _read_pictures([path])
        return replace(content, single=True)
    raise UserError("is no container of images or labels", path=path, advice=KNOWN_FORMS)


def write_labels(
    path: Path | str, content: LabelSet, form: Form, *, background: str = "black", labels_only: bool = False
) -> None:
    """Write a container in one step.

    Parameters
    ----------
    path
        A file; for ``png`` and ``painted`` a folder, or a file if `content` holds one cluster and `path` has an ending.
    content
        What is written.
    form
        see the table of this module.
    background
        Of painted pictures: "black" or "white".
    labels_only
        For pictures: labels straight into the folder, without the images.

    Raises
    ------
    UserError
        If the form needs what `content` does not have, or the disk is full or read-only.
    """
    path = Path(path)
    if form in (Form.PAINTED, Form.COCO) and content.labels is None:
        raise UserError("holds images but no labels", path=path, advice="Make labels first, with 'chromview label'.")
    if form in (Form.HDF5, Form.PAIRS):
        write_bytes(path, _hdf5(path, content, form))
    elif form is Form.NPZ:
        write_bytes(path, _npz(path, content))
    elif form is Form.COCO:
        _write_coco(path, content)
    else:
        _write_pictures(path, content, form, background, labels_only)


# --- HDF5 ----------------------------------------------------------------------------------------


def _read_hdf5(path: Path, clean_pairs: Cleaning) -> LabelSet:
    if not check_readable(path, limit=MAX_CONTAINER_BYTES).startswith(b"\x89HDF\r\n\x1a\n"):
        raise UserError("is not an HDF5 file, or a damaged one", path=path, advice="Copy or export it again.")
    try:
        with h5py.File(path) as file:
            names = None
            # Strings of varying length are not read: damaged ones keep HDF5 busy for ever.
            if "name" in file and file["name"].dtype.kind == "S":
                names = [name.decode("utf-8", "replace") for name in _read_dataset(path, file["name"]).ravel()]
            exact = "chromview" in file.attrs
            for key in _PAIRS_KEYS:
                if key not in file:
                    continue
                pairs = file[key]
                if pairs.ndim != 4 or pairs.shape[3] != 2:
                    raise UserError(
                        f"has '{key}' of shape {pairs.shape}, not (N, H, W, 2)", path=path, advice=KNOWN_FORMS
                    )
                both = _read_dataset(path, pairs)
                return label_set(path, both[..., 0], both[..., 1], names, Form.PAIRS, exact=exact, clean=clean_pairs)
            if "image" in file or "label" in file:
                images, labels = (_read_dataset(path, file[key]) if key in file else None for key in ("image", "label"))
                return label_set(path, images, labels, names, Form.HDF5, exact=exact)
            keys = ", ".join(list(file)[:6]) or "nothing"
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, AttributeError, MemoryError) as error:
        raise UserError(f"is a damaged HDF5 file ({error})", path=path, advice="Copy or export it again.") from error
    raise UserError(
        f"holds no clusters, but {keys}",
        path=path,
        advice="An HDF5 file of clusters has 'image' (N, H, W), or 'dataset_1' (N, H, W, 2).",
    )


def _read_dataset(path: Path, dataset: Any) -> npt.NDArray[Any]:
    """All of a dataset, unless it claims to be larger than the file could hold.

    HDF5 believes a damaged size and fills what is missing, for hours.
    """
    if not isinstance(dataset, h5py.Dataset) or dataset.nbytes > _MOST_PACKED * path.stat().st_size:
        raise ValueError(f"'{dataset.name}' has an impossible size")
    if dataset.nbytes > MAX_CONTAINER_BYTES:
        raise UserError("is too large for the memory of a computer", path=path, advice="Split it into several files.")
    return np.asarray(dataset[:])


def _hdf5(path: Path, content: LabelSet, form: Form) -> bytes:
    images, labels = _stack(path, content.images), _stack(path, content.labels)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["chromview"] = np.bytes_(__version__)
        if form is Form.PAIRS:
            if images is None or labels is None:
                raise UserError("needs both images and labels", path=path, advice="Use a form that needs one of them.")
            file.create_dataset("dataset_1", data=np.stack([images, labels], axis=-1), **_packing)
        else:
            for key, array in (("image", images), ("label", labels)):
                if array is not None:
                    file.create_dataset(key, data=array, **_packing)
        file["name"] = np.array([name.encode("utf-8", "replace") for name in content.names])
    return buffer.getvalue()


_packing: dict[str, Any] = {"compression": "gzip", "compression_opts": 1}


# --- npz -----------------------------------------------------------------------------------------


def _read_npz(path: Path) -> LabelSet:
    check_readable(path, limit=MAX_CONTAINER_BYTES)
    try:
        # numpy leaves a file open that it opened and could not read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if key in ("arr_0", "arr_1", "names", "chromview")}
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        BadZipFile,
        zlib.error,
        MemoryError,
    ) as error:
        raise UserError(f"is a damaged npz file ({error})", path=path, advice="Copy or export it again.") from error
    if "arr_0" not in arrays and "arr_1" not in arrays:
        raise UserError("holds neither 'arr_0' (images) nor 'arr_1' (masks)", path=path, advice=KNOWN_FORMS)
    names = [str(n) for n in arrays["names"]] if "names" in arrays else None
    images = arrays.get("arr_0")
    return label_set(path, images, arrays.get("arr_1"), names, Form.NPZ, exact="chromview" in arrays)


def _npz(path: Path, content: LabelSet) -> bytes:
    images, labels = _stack(path, content.images), _stack(path, content.labels)
    arrays: dict[str, Any] = {"names": np.array(content.names), "chromview": np.array(__version__)}
    arrays.update({key: array for key, array in (("arr_0", images), ("arr_1", labels)) if array is not None})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


# --- pictures ------------------------------------------------------------------------------------


def _read_folder(folder: Path) -> LabelSet:
    image_folder, label_folder = (
        next((folder / name for name in names if (folder / name).is_dir()), None)
        for names in (_IMAGE_FOLDERS, _LABEL_FOLDERS)
    )
    if label_folder is None:
        return _read_pictures(find_images([folder]))
    if image_folder is None:  # beside their labels, as the simulator writes them
        image_folder = folder
    images = {file.stem: file for file in find_images([image_folder])}
    labels = {file.stem: file for file in find_images([label_folder])}
    for stem in images.keys() ^ labels.keys():
        raise UserError(
            f"has '{stem}' in only one of '{image_folder.name}' and '{label_folder.name}'",
            path=folder,
            advice="Give each image a label picture of the same name.",
        )
    read = _read_pictures([labels[stem] for stem in images])
    if read.labels is None:
        raise UserError("holds pictures that are no four-label masks", path=label_folder, advice=KNOWN_FORMS)
    grey = [to_bytes(read_image(file).pixels) for file in images.values()]
    for file, image, label in zip(images.values(), grey, read.labels, strict=True):
        _same_size(file, image, label)
    return LabelSet(tuple(file.name for file in images.values()), grey, read.labels, read.form)


def _read_pictures(files: Sequence[Path]) -> LabelSet:
    """Labels, painted masks or images: what most of the files look like, all of them are."""
    names = tuple(file.name for file in files)
    first = [read_picture(file)[0] for file in files[:5]]
    if any(picture.ndim == 3 and is_painted(picture) for picture in first):
        return LabelSet(names, None, [read_label_image(file) for file in files], Form.PAINTED)
    if all(looks_like_labels(picture) for picture in first):
        return LabelSet(names, None, [read_label_image(file) for file in files], Form.PNG)
    return LabelSet(names, [to_bytes(read_image(file).pixels) for file in files], None, Form.PNG)


def _write_pictures(path: Path, content: LabelSet, form: Form, background: str, labels_only: bool) -> None:
    def label(index: int, name: str) -> bytes:
        assert content.labels is not None
        one = content.labels[index]
        picture = paint(one, background) if form is Form.PAINTED else one
        return label_tiff(picture) if Path(name).suffix.lower() in (".tif", ".tiff") else label_png(picture)

    if len(content) == 1 and path.suffix.lower() in IMAGE_SUFFIXES and not is_folder(path):
        if content.labels is None:
            raise UserError("holds images but no labels", path=path, advice="Make labels with 'chromview label'.")
        write_bytes(path, label(0, path.name))
        return
    if path.suffix.lower() in IMAGE_SUFFIXES and not is_folder(path):
        raise UserError(f"is one picture, but there are {len(content)}", path=path, advice="Give the name of a folder.")
    both = content.images is not None and content.labels is not None and not labels_only
    files: dict[str, Callable[[], bytes]] = {}
    for index, given in enumerate(content.names):
        name = given if Path(given).suffix.lower() in (".png", ".tif", ".tiff") else f"{Path(given).stem}.png"
        if f"labels/{name}" in files or name in files:
            name = f"{Path(given).name}.png"  # cell.bmp beside cell.png
        if content.labels is not None:
            files[f"labels/{name}" if both else name] = partial(label, index, name)
        if content.images is not None and not labels_only:
            files[f"images/{Path(name).stem}.png" if both else name] = partial(_png_of, content.images, index)
    write_folder(path, files)


# --- COCO ----------------------------------------------------------------------------------------


def _read_coco(path: Path) -> LabelSet:
    content = coco.read_document(path)
    by_image: dict[object, list[dict[str, Any]]] = {entry["id"]: [] for entry in content["images"]}
    for entry in content["annotations"]:
        if entry["image_id"] not in by_image:
            raise UserError(f"has an annotation of an image {entry['image_id']} that it does not list", path=path)
        by_image[entry["image_id"]].append(entry)
    names, labels, images = [], [], []
    for entry in content["images"]:
        height, width = entry["height"], entry["width"]
        file = str(entry.get("file_name") or f"{entry['id']}.png")
        label = np.zeros((height, width), np.uint8)
        masks = by_image[entry["id"]]
        if len(masks) > 2:
            raise UserError(
                f"has {len(masks)} chromosomes in '{file}', and a four-label mask holds two",
                path=path,
                advice="Give a file of two-chromosome clusters.",
            )
        for place, mask in enumerate(masks):
            bit = _coco_label(mask, place)
            try:
                label |= np.uint8(bit) * coco.decode(mask["segmentation"], height, width).astype(np.uint8)
            except (ValueError, TypeError) as error:
                raise UserError(f"has a damaged mask in '{file}' ({error})", path=path) from error
        names.append(Path(file).name)
        labels.append(label)
        picture = path.parent / file
        # A file name that leads out of the folder is not followed.
        if not Path(file).is_absolute() and ".." not in Path(file).parts and picture.is_file():
            images.append(to_bytes(read_image(picture).pixels))
            _same_size(picture, images[-1], label)
    if not names:
        raise UserError("lists no images", path=path, advice="Give a COCO file with images.")
    return LabelSet(tuple(names), images if len(images) == len(names) else None, labels, Form.COCO)


def _coco_label(mask: dict[str, Any], place: int) -> int:
    attributes = mask.get("attributes")
    told = attributes.get("label") if isinstance(attributes, dict) else None
    return told if told in (1, 2) else place + 1


def _png_of(pictures: Sequence[Grey], index: int) -> bytes:
    return png(pictures[index])


def _write_coco(path: Path, content: LabelSet) -> None:
    pictures = content.images
    assert content.labels is not None
    folder = f"{path.stem}_images"
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    files: dict[str, Callable[[], bytes]] = {}
    for index, (name, label) in enumerate(zip(content.names, content.labels, strict=True)):
        file = f"{Path(name).stem}.png"
        if file in files:
            file = f"{Path(name).name}.png"
        height, width = label.shape
        at = f"{folder}/{file}" if pictures is not None else Path(name).name
        images.append({"id": index + 1, "file_name": at, "width": width, "height": height})
        for bit, mask in zip((1, 2), from_four_label(label), strict=True):
            if mask.any():
                number = len(annotations) + 1
                annotations.append(coco.annotation(number, index + 1, mask, 1, attributes={"label": bit}))
        if pictures is not None:
            files[file] = partial(_png_of, pictures, index)
    if files:
        write_folder(path.parent / folder, files)
    text = coco.document(images, annotations, [{"id": 1, "name": "chromosome", "supercategory": "chromosome"}])
    write_bytes(path, text.encode("utf-8"))


def _stack(path: Path, arrays: Sequence[Grey] | None) -> npt.NDArray[np.uint8] | None:
    if arrays is None:
        return None
    if len({array.shape for array in arrays}) > 1:
        raise UserError(
            "can only hold images of one size, and these have several", path=path, advice="Write a folder or COCO."
        )
    return np.stack(list(arrays))


def _same_size(file: Path, image: Grey, label: Labels) -> None:
    if image.shape != label.shape:
        raise UserError(f"is {image.shape} pixels (height, width), but its label {label.shape}", path=file)
