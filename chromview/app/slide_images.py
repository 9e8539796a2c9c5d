"""The images of the slides: read when asked for, never written."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from chromview.core.chromosome import SlideImage
from chromview.errors import UserError
from chromview.storage.case_schema import is_there
from chromview.texts import tr

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

    def known_image(self, slide_id: int) -> SlideImage | None:
        """The image of a slide if it is in memory, where the last few are kept."""
        image = self._images.get(slide_id)
        if image is not None:
            self._images.move_to_end(slide_id)
        return image

    def image(self, slide_id: int) -> SlideImage:
        """The image of a slide, read now unless it is in memory.

        Raises
        ------
        UserError
            If it is missing or cannot be read. The slide is then marked, and keeps its masks.
        """
        known = self.known_image(slide_id)
        if known is not None:
            return known
        from chromview.storage.images import read_image

        try:
            image = read_image(self._slides[slide_id].row.path)
        except UserError as error:
            raise self.no_image(slide_id, error) from error
        self.give_image(slide_id, image)
        return image

    def no_image(self, slide_id: int, error: UserError) -> UserError:
        """Take to heart that the image of a slide could not be read; returns what to say."""
        slide = self._slides[slide_id]
        missing = not is_there(slide.row.path)
        self._mark(slide_id, missing=missing, changed=slide.changed)
        if not missing:
            return error
        return UserError(
            tr("the image of this slide is not there any more"),
            path=slide.row.path,
            advice=tr("Bring it back, or add the file from where it is now: it is recognised by its content."),
        )

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
                tr(
                    "{path}: the image is not the one that was added, its content is different. Its masks may not "
                    "fit; bring the old file back, or analyse the slide again.",
                    path=slide.row.path,
                )
            )
        self._mark(slide_id, missing=False, changed=changed)
        self._images[slide_id] = image
        while len(self._images) > _IMAGES_KEPT:
            self._images.popitem(last=False)

    def _mark(self, slide_id: int, *, missing: bool, changed: bool) -> None:
        if self._slides.mark(slide_id, missing=missing, changed=changed):
            self.slide_changed.emit(slide_id)
