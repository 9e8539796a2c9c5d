"""The images of the slides: read when asked for, never written."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.core.chromosome import SlideImage
from chromview.errors import UserError
from chromview.storage.case_schema import is_there

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance

    from chromview.app.slide_list import SlideList

_IMAGES_KEPT = 3


class SlideImages:
    """The part of a `Document` that reads images."""

    if TYPE_CHECKING:
        _slides: SlideList
        _images: OrderedDict[int, SlideImage]
        problem: SignalInstance
        slide_changed: SignalInstance

    def image(self, slide_id: int) -> SlideImage:
        """The image of a slide; the last few are kept in memory.

        Raises
        ------
        UserError
            If it is missing or cannot be read. The slide is then marked, and keeps its masks.
        """
        if slide_id in self._images:
            self._images.move_to_end(slide_id)
            return self._images[slide_id]
        from chromview.storage.images import read_image

        slide = self._slides[slide_id]
        try:
            image = read_image(slide.row.path)
        except UserError as error:
            missing = not is_there(slide.row.path)
            self._mark(slide_id, missing=missing, changed=slide.changed)
            if missing:
                raise UserError(
                    "the image of this slide is not there any more",
                    path=slide.row.path,
                    advice="Bring it back, or add the file from where it is now: it is recognised by its content.",
                ) from error
            raise
        self.give_image(slide_id, image)
        return image

    def give_image(self, slide_id: int, image: SlideImage) -> None:
        """Take an image that was read elsewhere (on the worker thread), and check that it is the slide's.

        One of another file, asked for before another case was opened, is left alone.
        """
        slide = self._slides.get(slide_id)
        if slide is None or Path(image.path) != slide.row.path:
            return
        changed = image.sha256 != slide.row.sha256
        if changed and not slide.changed:
            self.problem.emit(
                f"{slide.row.path}: the image is not the one that was added, its content is different. "
                "Its masks may not fit; bring the old file back, or analyse the slide again."
            )
        self._mark(slide_id, missing=False, changed=changed)
        self._images[slide_id] = image
        while len(self._images) > _IMAGES_KEPT:
            self._images.popitem(last=False)

    def _mark(self, slide_id: int, *, missing: bool, changed: bool) -> None:
        if self._slides.mark(slide_id, missing=missing, changed=changed):
            self.slide_changed.emit(slide_id)
