"""Every image that a microscope writes opens; every file that is not one is named with what to do."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from chromview.core.chromosome import SlideImage
from chromview.errors import UserError
from chromview.storage.images import MAX_PIXELS, find_images, read_image, thumbnail


def picture(height: int = 61, width: int = 83, dtype: type = np.uint8) -> np.ndarray:
    """A grey picture in which every row and column differs."""
    rows, columns = np.mgrid[:height, :width]
    values = (rows * 7 + columns * 13 + rows * columns) % 251
    return (values * (257 if dtype is np.uint16 else 1)).astype(dtype)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_grey_is_read_exactly(tmp_path: Path, name: str) -> None:
    Image.fromarray(picture()).save(tmp_path / name)
    image = read_image(tmp_path / name)
    np.testing.assert_array_equal(image.pixels, picture())
    assert image.pixels.dtype == np.uint8
    assert image.path == str(tmp_path / name)
    assert len(image.sha256) == 64


def test_jpeg_in_grey_and_colour(tmp_path: Path) -> None:
    smooth = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (60, 1))
    for mode in ("L", "RGB", "CMYK"):
        Image.fromarray(smooth).convert("RGB").convert(mode).save(tmp_path / "a.jpg", quality=95)
        assert np.abs(read_image(tmp_path / "a.jpg").pixels.astype(int) - smooth).max() <= 6, mode


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_equal_colours_are_the_grey_value(tmp_path: Path, mode: str) -> None:
    Image.fromarray(picture()).convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, picture())


def test_one_bit_uses_the_whole_range(tmp_path: Path) -> None:
    bits = picture() > 100
    for name in ("a.png", "a.bmp", "a.tif"):
        Image.fromarray(bits).save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name).pixels, bits * np.uint8(255))


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    deep = picture(dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", deep)
    tifffile.imwrite(tmp_path / "big_endian.tif", deep, byteorder=">")
    tifffile.imwrite(tmp_path / "big.tif", deep, bigtiff=True)
    for name in ("a.png", "a.tif", "big_endian.tif", "big.tif"):
        image = read_image(tmp_path / name)
        assert image.pixels.dtype == np.uint16
        np.testing.assert_array_equal(image.pixels, deep)


def test_sixteen_bit_colour_png_loses_nothing(tmp_path: Path) -> None:
    import imagecodecs

    deep = picture(dtype=np.uint16) + np.uint16(3)
    opaque = np.full_like(deep, 65535)
    for channels in ((deep, deep, deep), (deep, deep, deep, opaque), (deep, opaque)):
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.dstack(channels)))
        np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, deep)


def test_opacity_is_over_white(tmp_path: Path) -> None:
    grey = np.full((20, 30), 40, np.uint8)
    opacity = np.full((20, 30), 255, np.uint8)
    opacity[:, :10], opacity[:, 10:20] = 0, 128
    rgba = np.dstack([grey, grey, grey, opacity])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    for name in ("a.png", "a.tif"):
        row = read_image(tmp_path / name).pixels[0]
        assert (row[0], row[25]) == (255, 40)
        assert abs(int(row[15]) - 147) <= 1


def test_opacity_of_zero_everywhere_is_not_meant(tmp_path: Path) -> None:
    grey = picture()
    Image.fromarray(np.dstack([grey, grey, grey, np.zeros_like(grey)])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, grey)


def test_stain_shown_in_one_colour_keeps_its_contrast(tmp_path: Path) -> None:
    nothing = np.zeros_like(picture())
    tifffile.imwrite(tmp_path / "dapi.tif", np.dstack([nothing, nothing, picture()]), photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "dapi.tif").pixels, picture())


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "zstd", "jpeg"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_tiff_compressions(tmp_path: Path, compression: str | None, tile: tuple[int, int] | None) -> None:
    smooth = np.tile(np.arange(0, 240, 3, dtype=np.uint8), (60, 1))
    tifffile.imwrite(tmp_path / "a.tif", smooth, compression=compression, tile=tile)
    tolerance = 4 if compression == "jpeg" else 0
    assert np.abs(read_image(tmp_path / "a.tif").pixels.astype(int) - smooth).max() <= tolerance


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_lzw_with_predictor(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(dtype=dtype), compression="lzw", predictor=True, rowsperstrip=8)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture(dtype=dtype))


def test_white_is_zero_is_shown_as_a_viewer_shows_it(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        stored = picture(dtype=dtype)
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, np.iinfo(dtype).max - stored)


def test_tiff_palette(tmp_path: Path) -> None:
    ramp = np.arange(255, -1, -1, dtype=np.uint16)
    for scale in (1, 257):
        tifffile.imwrite(tmp_path / "a.tif", picture(), photometric="palette", colormap=np.stack([ramp * scale] * 3))
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, 255 - picture())


def test_colour_planes_one_after_another(tmp_path: Path) -> None:
    planes = np.stack([picture()] * 3)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", compression="lzw")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture())


def test_first_of_several_pages_and_it_is_said(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.stack([picture(), picture()[::-1], picture() // 2]), photometric="minisblack"
    )
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, picture())
    assert image.notes == ("first of 3 pages",)


def test_a_preview_before_the_picture_is_passed_over(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture(10, 12), subfiletype=1)
        file.write(picture())
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture())


def test_floats_and_wide_integers_become_sixteen_bits(tmp_path: Path) -> None:
    deep = picture(dtype=np.uint16)
    tifffile.imwrite(tmp_path / "share.tif", deep.astype(np.float32) / 65535)
    np.testing.assert_array_equal(read_image(tmp_path / "share.tif").pixels, deep)
    counts = deep.astype(np.float64) * 3.5 - 800
    counts[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "counts.tif", counts)
    pixels = read_image(tmp_path / "counts.tif").pixels
    assert (pixels.min(), pixels.max()) == (0, 65535)
    tifffile.imwrite(tmp_path / "signed.tif", deep.astype(np.int32) - 40000)
    assert read_image(tmp_path / "signed.tif").pixels.max() == 65535
    tifffile.imwrite(tmp_path / "wide.tif", deep.astype(np.uint32))
    np.testing.assert_array_equal(read_image(tmp_path / "wide.tif").pixels, deep)


def entries(data: bytearray) -> dict[int, tuple[int, int, int, int]]:
    """Tag -> (position of its entry, type, count, value) of the first directory of a little-endian TIFF."""
    start = struct.unpack_from("<I", data, 4)[0]
    number = struct.unpack_from("<H", data, start)[0]
    found = {}
    for position in range(start + 2, start + 2 + 12 * number, 12):
        tag, kind, count, value = struct.unpack_from("<HHII", data, position)
        found[tag] = (position, kind, count, value)
    return found


def damaged_tables(how: str, **options: object) -> bytes:
    """An LZW TIFF of `picture` with wrong strip tables; the pixels are all there."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture(), rowsperstrip=8, **options)  # type: ignore[arg-type]
    data = bytearray(buffer.getvalue())
    tags = entries(data)
    position, kind, count, value = tags[279]  # StripByteCounts
    size = {3: 2, 4: 4}[kind]
    code = {2: "H", 4: "I"}[size]
    if how == "counts too large":
        struct.pack_into(f"<{count}{code}", data, value, *[65000] * count)
    elif how == "counts of zero":
        struct.pack_into(f"<{count}{code}", data, value, *[0] * count)
    elif how == "one count":
        struct.pack_into("<I", data, position + 4, 1)
        struct.pack_into("<I", data, position + 8, struct.unpack_from(f"<{code}", data, value)[0])
    elif how == "rows in a strip unknown":
        struct.pack_into("<HHII", data, tags[278][0], 278, 4, 1, 0xFFFFFFFF)
    elif how == "too few rows in a strip":
        struct.pack_into("<HHII", data, tags[278][0], 278, 4, 1, 3)
    elif how == "too many rows in a strip":
        struct.pack_into("<HHII", data, tags[278][0], 278, 4, 1, 16)
    else:
        raise AssertionError(how)
    return bytes(data)


@pytest.mark.parametrize(
    "options", [{"compression": "lzw"}, {"compression": "lzw", "predictor": True}, {"compression": "zlib"}, {}]
)
@pytest.mark.parametrize(
    "how",
    [
        "counts too large",
        "counts of zero",
        "one count",
        "rows in a strip unknown",
        "too few rows in a strip",
        "too many rows in a strip",
    ],
)
def test_wrong_strip_tables_open(tmp_path: Path, how: str, options: dict[str, object]) -> None:
    (tmp_path / "a.tif").write_bytes(damaged_tables(how, **options))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture())


def two_offsets_for_one_strip(compression: int, second: str) -> bytes:
    """A TIFF as an old karyotyping program wrote it: two StripOffsets where RowsPerStrip says one strip.

    The tables stand before the pixels and the directory after them; the second offset is where the pixels end, which is
    where the directory begins. A reader that draws both strips draws the directory over the chromosome.
    """
    import imagecodecs

    pixels = picture(58, 40)
    body = pixels.tobytes()
    parts = [body, b""] if second == "end" else [body[: 40 * 30], body[40 * 30 :]]
    if compression == 5:
        parts = [imagecodecs.lzw_encode(part) if part else b"" for part in parts]
    start = 80
    first = start + len(parts[0])
    directory = first + len(parts[1])
    header = struct.pack("<2sHI", b"II", 42, directory)
    tables = struct.pack("<4I", start, first, len(parts[0]), len(parts[1])) + struct.pack("<4I", 72, 1, 72, 1)
    tags = [
        (254, 3, 1, 0), (256, 4, 1, 40), (257, 4, 1, 58), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 2, 8), (277, 3, 1, 1), (278, 4, 1, 58), (279, 4, 2, 16), (282, 5, 1, 24), (283, 5, 1, 32),
        (305, 2, 1, 40), (306, 2, 1, 55), (315, 2, 1, 65), (33333, 4, 1, 79), (33334, 4, 1, 0),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    before = (header + tables).ljust(start, b"\0")
    return before + parts[0] + parts[1] + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("compression", [1, 5])
@pytest.mark.parametrize("second", ["end", "rest"])
def test_two_offsets_for_one_strip(tmp_path: Path, compression: int, second: str) -> None:
    (tmp_path / "a.tif").write_bytes(two_offsets_for_one_strip(compression, second))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, picture(58, 40))


# --- files that cannot be used -------------------------------------------------------------------


def problem(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_image(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: "), sentence
    assert caught.value.advice
    assert "\n" not in sentence
    assert ".part" not in sentence
    return sentence


def test_every_cut_of_every_format_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 50), np.uint8)
    variants = {"a.png": {}, "a.jpg": {}, "a.bmp": {}, "a.tif": {}, "b.tif": {"compression": "tiff_lzw"}}
    for name, options in variants.items():
        Image.fromarray(noise).save(tmp_path / name, **options)
    tifffile.imwrite(tmp_path / "c.tif", noise, rowsperstrip=8)
    tifffile.imwrite(tmp_path / "d.tif", noise, rowsperstrip=8, compression="lzw")
    tifffile.imwrite(tmp_path / "e.tif", noise, tile=(16, 16), compression="lzw")
    for name in (*variants, "c.tif", "d.tif", "e.tif"):
        whole = (tmp_path / name).read_bytes()
        for share in (0.02, 0.2, 0.5, 0.8, 0.95):
            cut = tmp_path / f"cut_{name}"
            cut.write_bytes(whole[: max(9, int(len(whole) * share))])
            problem(cut)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("seed", range(8))
def test_damage_anywhere_is_an_image_or_a_sentence(
    tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bytes changed at random: never another exception, never a word from the libraries."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (30, 40), np.uint8)
    whole: list[bytes] = []
    for form, mode, options in (
        ("PNG", "L", {}), ("PNG", "P", {}), ("PNG", "RGBA", {}), ("JPEG", "RGB", {}), ("BMP", "P", {}),
        ("TIFF", "P", {}), ("TIFF", "L", {"compression": "tiff_lzw"}), ("TIFF", "L", {"compression": "jpeg"}),
        ("TIFF", "1", {"compression": "group4"}),
    ):  # fmt: skip
        buffer = io.BytesIO()
        Image.fromarray(noise).convert(mode).save(buffer, form, **options)
        whole.append(buffer.getvalue())
    for array in (noise, noise.astype(np.float32)):
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, array, compression="zlib", rowsperstrip=7)
        whole.append(buffer.getvalue())
    path = tmp_path / "damaged"
    for original in whole * 6:
        data = bytearray(original)
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(min(len(data), 250) if rng.random() < 0.5 else len(data)))] = int(rng.integers(256))
        path.write_bytes(data)
        try:
            assert read_image(path).pixels.ndim == 2
        except UserError as error:
            assert str(error).startswith(f"{path}: ")
    assert capfd.readouterr().err == ""


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert "empty" in problem(tmp_path / "a.png")


def test_text_with_the_name_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("46,XX, twenty cells counted\n" * 200)
    assert "text" in problem(tmp_path / "notes.png")


def test_other_things_with_the_name_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(bytes(range(256)) * 20)
    problem(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"%PDF-1.7 ...")
    assert "PDF" in problem(tmp_path / "b.png")


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture())
    (tmp_path / "a.tif").rename(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, picture())


def test_missing_file_and_folder_in_place_of_a_file(tmp_path: Path) -> None:
    assert "does not exist" in problem(tmp_path / "gone.png")
    assert "folder" in problem(tmp_path)
    assert "not a file" in problem(Path("/dev/zero"))


@pytest.mark.parametrize("value", [0, 255, 77])
def test_no_contrast(tmp_path: Path, value: int) -> None:
    Image.fromarray(np.full((50, 60), value, np.uint8)).save(tmp_path / "a.png")
    assert f"every pixel has the value {value}" in problem(tmp_path / "a.png")


def huge_png(side: int) -> bytes:
    """A true PNG, all black, whose pixels would take `side` squared bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = [packer.compress(bytes(side + 1)) for _ in range(side)]
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = b"".join(rows) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_huge_images_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(huge_png(30_000)[:5000])
    assert "30,000 x 30,000" in problem(tmp_path / "a.png")  # the header alone is enough to refuse it
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture(), rowsperstrip=61)
    data = bytearray(buffer.getvalue())
    for tag in (256, 257):
        struct.pack_into("<HHII", data, entries(data)[tag][0], tag, 4, 1, 30_000)
    (tmp_path / "a.tif").write_bytes(data)
    assert "30,000 x 30,000" in problem(tmp_path / "a.tif")
    assert MAX_PIXELS > 4096 * 4096


def test_a_large_camera_image_is_read(tmp_path: Path) -> None:
    large = np.zeros((4096, 4096), np.uint8)
    large[1000:1100] = 200
    Image.fromarray(large).save(tmp_path / "a.png", compress_level=1)
    assert read_image(tmp_path / "a.png").shape == (4096, 4096)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """The administrator may read everything, so there another user does the reading."""
    path = tmp_path / "a.png"
    Image.fromarray(picture()).save(path)
    path.chmod(0)
    if os.geteuid() != 0:
        assert "permission" in problem(path)
        return
    code = (
        "import os, sys\n"
        "from chromview.storage.images import read_image\n"
        "from chromview.errors import UserError\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: read_image(sys.argv[1])\n"
        "except UserError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "permission" in done.stdout


def test_images_of_a_folder_in_the_order_of_a_person(tmp_path: Path) -> None:
    for name in ("cell10.png", "cell2.TIF", "Cell1.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below.png").mkdir()
    assert [p.name for p in find_images([tmp_path])] == ["Cell1.jpg", "cell2.TIF", "cell10.png"]
    assert find_images([tmp_path / "cell10.png", tmp_path, tmp_path / "cell10.png"])[0].name == "cell10.png"


def test_folder_without_images_and_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="without images"):
        find_images([tmp_path])
    with pytest.raises(UserError, match="does not exist"):
        find_images([tmp_path / "gone"])


def test_thumbnail_of_a_dark_sixteen_bit_slide_is_visible() -> None:
    deep = np.full((300, 200), 90, np.uint16)
    deep[100:200, 50:150] = 400
    small = thumbnail(SlideImage(deep), 96)
    assert small.shape == (96, 64)
    assert small.dtype == np.uint8
    assert (small.min(), small.max()) == (0, 255)
    assert thumbnail(SlideImage(deep[:20, :30]), 96).shape == (20, 30)
