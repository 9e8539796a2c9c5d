"""Every action of the window, declared once.

Menus, tool bar, shortcut page and tests are made from `ACTIONS`; an action that is not here does not
exist. The id is also the Qt object name, so that the window can be driven by name from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from chromview.app.enabled import (
    EnabledWhen,
    always,
    can_redo,
    can_undo,
    while_busy,
    with_annotations,
    with_chromosomes,
    with_doubtful,
    with_pair,
    with_selected,
    with_slide,
    with_slides,
)
from chromview.texts import tr


class Menu(StrEnum):
    """The menus, in the order of the menu bar."""

    FILE = "File"
    EDIT = "Edit"
    VIEW = "View"
    MASK = "Mask"
    CHROMOSOME = "Chromosome"
    KARYOGRAM = "Karyogram"
    CASE = "Case"
    HELP = "Help"


def menu_title(menu: Menu) -> str:
    """What the menu is called in the window, with its mnemonic."""
    return tr(f"&{menu}")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can ask for.

    Attributes
    ----------
    id
        Name of the action and of its Qt object.
    title
        Text in the menu, with ``&`` for the mnemonic.
    menu
        Where it is found.
    help
        One sentence: tool tip, status tip, shortcut page and F1.
    shortcuts
        Key sequences in Qt's portable text, the first one is shown.
    enabled_when
        Of the view state.
    checkable
        Whether it can be on or off.
    group
        Actions of one group exclude each other.
    submenu
        Title of the submenu it stands in.
    separator
        Whether a line stands above it.
    where
        Where the key works, if not everywhere; for the shortcut page.
    """

    id: str
    title: str
    menu: Menu
    help: str
    shortcuts: tuple[str, ...] = ()
    enabled_when: EnabledWhen = always
    checkable: bool = False
    group: str = ""
    submenu: str = ""
    separator: bool = False
    where: str = ""

    @property
    def plain_title(self) -> str:
        """The title without mnemonic and ellipsis."""
        return plain(self.title)


def plain(title: str) -> str:
    """A title without mnemonic and ellipsis."""
    return title.replace("&", "").rstrip("…")


_VIEWER = "in the viewer"

ACTIONS: tuple[Action, ...] = (
    # File
    Action("file.new_case", "&New case", Menu.FILE, "Start an empty case; the one open now is kept.", ("Ctrl+N",)),
    Action("file.open_case", "&Open case…", Menu.FILE, "Open a case file.", ("Ctrl+O",)),
    Action("file.save_as", "&Save case as…", Menu.FILE,
           "Put the case in a file of your choice. Every edit is saved at once in any case.", ("Ctrl+Shift+S",)),
    Action("file.add_slides", "&Add slides…", Menu.FILE,
           "Add images of metaphases or clusters.", ("Ctrl+I",), separator=True),
    Action("file.add_folder", "Add &folder…", Menu.FILE, "Add every image in a folder.", ("Ctrl+Shift+I",)),
    Action("file.open_samples", "Open the sa&mples", Menu.FILE, "Add the sample slides that come with the program."),
    Action("file.export", "&Export slide…", Menu.FILE,
           "Write karyogram.png, karyotype.csv and annotations.json of this slide into a folder.", ("Ctrl+E",),
           with_chromosomes, separator=True),
    Action("file.export_karyogram", "Export &karyogram as PNG…", Menu.FILE, "Write the karyogram as a picture.",
           (), with_chromosomes),
    Action("file.export_table", "Export &table as CSV…", Menu.FILE,
           "Write one line a chromosome.", (), with_chromosomes),
    Action("file.export_metaphase", "Export slide with &numbers…", Menu.FILE,
           "Write the slide as a picture, every chromosome outlined and numbered.", (), with_chromosomes),
    Action("file.export_report", "Export &report as PDF…", Menu.FILE,
           "Write karyogram, numbered slide, karyotype and counts of this slide on a page.", (), with_chromosomes),
    Action("file.export_case", "Export &case…", Menu.FILE,
           "Write pictures, tables and the report of this slide or of all slides into a folder.", ("Ctrl+Shift+E",),
           with_slides),
    Action("file.export_labels", "Export &labels for training…", Menu.FILE,
           "Write masks and classes as training data: clusters, slides, single chromosomes; of one slide or all.", (),
           with_slides),
    Action("file.quit", "&Quit", Menu.FILE,
           "Close the window; nothing has to be saved first.", ("Ctrl+Q",), separator=True),
    # Edit
    Action("edit.undo", "&Undo", Menu.EDIT, "Take the last edit of this slide back.", ("Ctrl+Z",), can_undo),
    Action("edit.redo", "&Redo", Menu.EDIT, "Do the edit taken back again.", ("Ctrl+Shift+Z", "Ctrl+Y"), can_redo),
    # View
    Action("view.review_layout", "Layout to &review", Menu.VIEW, "The karyogram large, the slide beside it.", ("F5",)),
    Action("view.correct_layout", "Layout to &correct", Menu.VIEW,
           "The slide large, the karyogram beside it.", ("F6",)),
    Action("view.reset_layout", "Reset &layout", Menu.VIEW, "Put every panel back where it was at first."),
    Action("view.fit", "&Fit slide", Menu.VIEW, "Show the whole slide.", ("Ctrl+0",), with_slide, separator=True),
    Action("view.actual_size", "&Actual size", Menu.VIEW,
           "One slide pixel on one screen pixel.", ("Ctrl+1",), with_slide),
    Action("view.zoom_in", "Zoom &in", Menu.VIEW, "Larger; the wheel does the same around the pointer.",
           ("Ctrl++", "Ctrl+="), with_slide),
    Action("view.zoom_out", "Zoom &out", Menu.VIEW, "Smaller; the wheel does the same around the pointer.",
           ("Ctrl+-",), with_slide),
    Action("view.zoom_selected", "Zoom to the &selected", Menu.VIEW, "Bring the selected chromosome close.",
           ("Z",), with_selected),
    Action("view.invert", "In&vert", Menu.VIEW, "Exchange black and white in the viewer.", ("I",), with_slide,
           checkable=True, separator=True),
    Action("view.auto_contrast", "Auto con&trast", Menu.VIEW, "Spread the slide's grey values over black to white.",
           ("A",), with_slide),
    Action("view.full_contrast", "&Full grey range", Menu.VIEW, "Show the grey values as they were stored.",
           ("Shift+A",), with_slide),
    Action("view.even_ground", "&Even ground", Menu.VIEW,
           "Take slow changes of the ground away in the viewer; the image itself is not touched.", (), with_slide,
           checkable=True, submenu="&Enhance"),
    Action("view.local_contrast", "&Local contrast", Menu.VIEW,
           "Stretch the contrast in each part of the slide in the viewer; the image itself is not touched.", (),
           with_slide, checkable=True, submenu="&Enhance"),
    Action("view.sharpen", "&Sharpen", Menu.VIEW,
           "Make edges steeper in the viewer; the image itself is not touched.", (), with_slide, checkable=True,
           submenu="&Enhance"),
    Action("view.masks", "Show &masks", Menu.VIEW, "Show or hide the outlines of the chromosomes.", ("M",), with_slide,
           checkable=True, separator=True),
    Action("view.fill", "Fi&ll masks", Menu.VIEW, "Fill the masks with their colour, not only outline them.",
           ("Shift+M",), with_slide, checkable=True),
    Action("view.numbers", "Show &numbers", Menu.VIEW, "Write each chromosome's class beside it.", ("Shift+N",),
           with_slide, checkable=True),
    Action("view.axis", "Show a&xis", Menu.VIEW,
           "Draw the axis and the centromere of the selected chromosome on the slide and in the karyogram.", (),
           with_slide, checkable=True),
    Action("view.steps_foreground", "&Foreground", Menu.VIEW,
           "Show how probable the segmenter finds it that each pixel is chromosome.", ("Shift+F5",), with_slide,
           checkable=True, submenu="Ste&ps of the segmentation"),
    Action("view.steps_overlap", "&Overlaps", Menu.VIEW,
           "Show how probable the segmenter finds it that two chromosomes share each pixel.", ("Shift+F6",), with_slide,
           checkable=True, submenu="Ste&ps of the segmentation"),
    Action("view.steps_contact", "&Contact lines", Menu.VIEW,
           "Show how probable the segmenter finds a line along which two chromosomes touch.", ("Shift+F7",), with_slide,
           checkable=True, submenu="Ste&ps of the segmentation"),
    Action("view.steps_pieces", "&Pieces", Menu.VIEW,
           "Show the pieces that overlaps and contact lines cut clusters into, before they are joined.", ("Shift+F8",),
           with_slide, checkable=True, submenu="Ste&ps of the segmentation"),
    Action("view.steps_axes", "&Axes of all", Menu.VIEW,
           "Draw the axis and the centromere of every chromosome on the slide.", ("Shift+F9",), with_chromosomes,
           checkable=True, submenu="Ste&ps of the segmentation"),
    Action("view.ideograms", "In the &karyogram", Menu.VIEW,
           "Draw the ideogram of each class beside its chromosomes.", ("Shift+I",), with_slide, checkable=True,
           submenu="Ideo&grams", separator=True),
    Action("view.bands_400", "&400 bands", Menu.VIEW, "Show ideograms of 400 bands a haploid set.", (),
           checkable=True, group="bands", submenu="Ideo&grams"),
    Action("view.bands_550", "&550 bands", Menu.VIEW, "Show ideograms of 550 bands a haploid set.", (),
           checkable=True, group="bands", submenu="Ideo&grams"),
    Action("view.bands_850", "&850 bands", Menu.VIEW, "Show ideograms of 850 bands a haploid set.", (),
           checkable=True, group="bands", submenu="Ideo&grams"),
    Action("view.sort_added", "As &added", Menu.VIEW, "List the slides in the order in which they were added.", (),
           checkable=True, group="sort", submenu="So&rt slides", separator=True),
    Action("view.sort_name", "By &name", Menu.VIEW, "List the slides by name.", (), checkable=True, group="sort",
           submenu="So&rt slides"),
    Action("view.sort_quality", "By &quality", Menu.VIEW,
           "List the slides with few overlaps and all chromosomes first.", (), checkable=True, group="sort",
           submenu="So&rt slides"),
    Action("view.sort_state", "By &state", Menu.VIEW, "List unfinished slides first.", (), checkable=True,
           group="sort", submenu="So&rt slides"),
    Action("view.system_colours", "As the &system", Menu.VIEW, "Light or dark as the system has it.", (),
           checkable=True, group="colours", submenu="Co&lours", separator=True),
    Action("view.light", "&Light", Menu.VIEW, "Dark text on light panels.", (), checkable=True, group="colours",
           submenu="Co&lours"),
    Action("view.dark", "&Dark", Menu.VIEW, "Light text on dark panels.", (), checkable=True, group="colours",
           submenu="Co&lours"),
    Action("view.language_system", "As the &system", Menu.VIEW,
           "Texts in the language of the system, from the next start.", (), checkable=True, group="language",
           submenu="Lan&guage"),
    Action("view.language_en", "&English", Menu.VIEW, "Texts in English, from the next start.", (), checkable=True,
           group="language", submenu="Lan&guage"),
    Action("view.language_de", "&Deutsch", Menu.VIEW, "Texts in German, from the next start.", (), checkable=True,
           group="language", submenu="Lan&guage"),
    # Mask
    Action("mask.select", "&Select", Menu.MASK,
           "Click selects a chromosome, Ctrl+click a second one, drag moves the slide.", ("S", "Esc"), with_slide,
           checkable=True, group="tool"),
    Action("mask.brush", "&Brush", Menu.MASK, "Paint onto the selected chromosome; the label says onto which.", ("B",),
           with_slide, checkable=True, group="tool"),
    Action("mask.erase", "&Eraser", Menu.MASK, "Take pixels out of the selected chromosome.", ("E",), with_slide,
           checkable=True, group="tool"),
    Action("mask.cut", "&Cut", Menu.MASK, "Draw a line across the selected chromosome; it becomes two.", ("C",),
           with_chromosomes, checkable=True, group="tool"),
    Action("mask.split", "Split a c&rossing", Menu.MASK,
           "Draw along one of two chromosomes that cross, from arm to arm: both keep the pixels they share.",
           ("Shift+O",), with_chromosomes, checkable=True, group="tool"),
    Action("mask.new", "&New chromosome", Menu.MASK, "Paint a chromosome that was not found.", ("N",), with_slide,
           checkable=True, group="tool"),
    Action("mask.lasso", "&Lasso", Menu.MASK,
           "Draw around what belongs to the selected chromosome; with Shift, around what does not.", ("Q",),
           with_slide, checkable=True, group="tool"),
    Action("mask.magic", "&Magic outline", Menu.MASK,
           "Click a stained place: it grows to the edge of the stain. Drag to the right for more, to the left for "
           "less; with Shift it is taken out.", ("W",), with_slide, checkable=True, group="tool"),
    Action("mask.hint", "&Hint", Menu.MASK,
           "Draw a stroke along each chromosome of a cluster; then G asks the model again.", ("H",),
           with_slide, checkable=True, group="tool"),
    Action("mask.axis", "A&xis", Menu.MASK,
           "Drag the axis or the centromere of the selected chromosome; the arms are measured anew.", ("L",),
           with_chromosomes, checkable=True, group="tool"),
    Action("mask.measure", "Meas&ure a width", Menu.MASK,
           "Draw a line across a chromosome, from edge to edge: it tells the scale of the slide.", ("U",),
           with_slide, checkable=True, group="tool"),
    Action("mask.annotate", "Annotate the sli&de", Menu.MASK,
           "Drag from where a text is to stand to what its arrow points at, or click for a text alone; then type.",
           ("D",), with_slide, checkable=True, group="tool"),
    Action("mask.annotate_selected", "Annotate the selec&ted on the slide", Menu.MASK,
           "Put a text with an arrow beside the selected chromosome on the slide; without one, a text alone.",
           ("Shift+T",), with_slide),
    Action("mask.next_annotation", "Next annotat&ion of the slide", Menu.MASK,
           "Arrow keys then move it, with Shift its tip; Enter changes its text, Del takes it away.", ("Shift+D",),
           with_annotations),
    Action("mask.join", "&Join", Menu.MASK, "Make one chromosome of the selected one and the second one.", ("J",),
           with_pair, separator=True),
    Action("mask.split_overlap", "Split &overlap", Menu.MASK,
           "Two chromosomes that share pixels: give each pixel to the nearer one. One that is a crossing: make it two.",
           ("O",), with_selected),
    Action("mask.ask_again", "Ask the model a&gain", Menu.MASK,
           "Segment only this cluster anew, with the number of chromosomes or your strokes; choose from the answers.",
           ("G",), with_slide),
    Action("mask.edges_out", "Edges of all masks out&wards", Menu.MASK,
           "One pixel further out, of every mask that nobody corrected or accepted; how far the stain counts.",
           ("Ctrl+]",), with_chromosomes),
    Action("mask.edges_in", "Edges of all masks in&wards", Menu.MASK,
           "One pixel further in, of every mask that nobody corrected or accepted.", ("Ctrl+[",), with_chromosomes),
    Action("mask.label0", "Label &0: background", Menu.MASK, "The brush takes pixels out of both chromosomes.", ("0",),
           with_slide, checkable=True, group="label", separator=True, where=_VIEWER),
    Action("mask.label1", "Label &1: first chromosome", Menu.MASK, "The brush paints the selected chromosome.", ("1",),
           with_slide, checkable=True, group="label", where=_VIEWER),
    Action("mask.label2", "Label &2: second chromosome", Menu.MASK, "The brush paints the second chromosome.", ("2",),
           with_slide, checkable=True, group="label", where=_VIEWER),
    Action("mask.label3", "Label &3: both", Menu.MASK,
           "The brush paints the overlap: the pixels belong to both.", ("3",),
           with_slide, checkable=True, group="label", where=_VIEWER),
    Action("mask.over_safe", "&All but other chromosomes", Menu.MASK,
           "A neighbour that is finished gets no overlap by accident; label 3 paints one.", ("Alt+S",), with_slide,
           checkable=True, group="over", submenu="&Paint over", separator=True),
    Action("mask.over_anything", "&Everything", Menu.MASK,
           "What is painted over another chromosome belongs to both: an overlap.", ("Alt+A",), with_slide,
           checkable=True, group="over", submenu="&Paint over"),
    Action("mask.over0", "Only label &0: background", Menu.MASK, "Only pixels without a chromosome change.",
           ("Alt+0",), with_slide, checkable=True, group="over", submenu="&Paint over"),
    Action("mask.over1", "Only label &1: first chromosome", Menu.MASK,
           "Only pixels of the selected chromosome alone change.", ("Alt+1",), with_slide, checkable=True,
           group="over", submenu="&Paint over"),
    Action("mask.over2", "Only label &2: second chromosome", Menu.MASK,
           "Only pixels of the second chromosome alone change.", ("Alt+2",), with_slide, checkable=True,
           group="over", submenu="&Paint over"),
    Action("mask.over3", "Only label &3: both", Menu.MASK, "Only pixels that the two share change.", ("Alt+3",),
           with_slide, checkable=True, group="over", submenu="&Paint over"),
    Action("mask.fill_rings", "&Fill rings", Menu.MASK, "A stroke that closes a ring fills it.", ("Alt+R",),
           with_slide, checkable=True),
    Action("mask.smaller", "S&maller brush", Menu.MASK,
           "Ctrl+wheel does the same.", ("[",), with_slide, separator=True),
    Action("mask.larger", "&Larger brush", Menu.MASK, "Ctrl+wheel does the same.", ("]",), with_slide),
    # Chromosome
    Action("chromosome.accept", "&Accept", Menu.CHROMOSOME, "It is right as it stands; go to the next doubtful one.",
           ("Return", "Enter"), with_selected),
    Action("chromosome.accept_rest", "Accept the &rest", Menu.CHROMOSOME,
           "Everything on this slide that is still a proposal is right.", ("Shift+Return", "Shift+Enter"),
           with_chromosomes),
    Action("chromosome.next_doubtful", "&Next doubtful", Menu.CHROMOSOME, "Go to the next one to look at.", ("Tab",),
           with_doubtful, separator=True),
    Action("chromosome.previous_doubtful", "&Previous doubtful", Menu.CHROMOSOME, "Go to the one before.",
           ("Shift+Tab",), with_doubtful),
    Action("chromosome.set_class", "Set &class…", Menu.CHROMOSOME,
           "Type the class into the inspector: 1 to 22, X or Y. In the karyogram typing alone does it.", ("K",),
           with_selected, separator=True),
    Action("chromosome.flip", "&Flip", Menu.CHROMOSOME, "Exchange the p arm and the q arm.", ("F",), with_selected),
    Action("chromosome.turn", "&Turn", Menu.CHROMOSOME, "Turn the picture in the karyogram by 15 degrees.", ("R",),
           with_selected),
    Action("chromosome.turn_back", "Turn &back", Menu.CHROMOSOME, "Turn the picture in the karyogram the other way.",
           ("Shift+R",), with_selected),
    Action("chromosome.find_axis", "Find a&xis anew", Menu.CHROMOSOME,
           "Take axis and centromere back from your hand and find them in the mask.", ("Shift+L",), with_selected),
    Action("chromosome.reject", "Re&ject", Menu.CHROMOSOME, "It is no chromosome, or none of this cell.",
           ("X", "Del"), with_selected, separator=True, where="X in the viewer, Del everywhere"),
    Action("chromosome.restore", "Rest&ore", Menu.CHROMOSOME, "Take a rejection back.", ("Shift+X",), with_selected),
    # Karyogram
    Action("karyogram.swap", "S&wap homologues", Menu.KARYOGRAM,
           "Let the selected chromosome and its homologue, or the second one chosen, change places.", ("Shift+H",),
           with_selected),
    Action("karyogram.compare", "Compare the &homologues…", Menu.KARYOGRAM,
           "Show the chromosomes of the selected one's class large, side by side, beside their ideogram.", ("F8",),
           with_selected),
    Action("karyogram.annotate", "A&nnotate…", Menu.KARYOGRAM,
           "Write a note on the selected chromosome; it stands beside it in the karyogram and on exports.", ("T",),
           with_selected, separator=True),
    Action("karyogram.arrow", "Add an arro&w", Menu.KARYOGRAM,
           "Let an arrow point at the selected chromosome in the karyogram, also on exports; drag its tip or its end.",
           ("P",), with_selected),
    Action("karyogram.next_arrow", "Choose the next &arrow", Menu.KARYOGRAM,
           "Arrow keys then move it, Shift+Left and Shift+Right turn it, Del takes it away.", ("Shift+P",),
           with_selected),
    Action("karyogram.derivative", "&Derivative", Menu.KARYOGRAM,
           "Mark the selected chromosome as a derivative of its class.", (), with_selected, submenu="&Mark"),
    Action("karyogram.marker", "&Marker", Menu.KARYOGRAM,
           "Mark the selected chromosome as a marker; it loses its class and lies in the tray.", (), with_selected,
           submenu="&Mark"),
    Action("karyogram.unmark", "&None", Menu.KARYOGRAM, "Take the mark of the selected chromosome away.", (),
           with_selected, submenu="&Mark"),
    Action("karyogram.to_tray", "Move to the &tray", Menu.KARYOGRAM, "Take the selected chromosome off its place.",
           ("Backspace",), with_selected, separator=True),
    Action("karyogram.back_to_class", "Move to the place of its &class", Menu.KARYOGRAM,
           "Put the selected chromosome where its class belongs.", ("Shift+Backspace",), with_selected),
    Action("karyogram.copy_formula", "&Copy the proposed karyotype", Menu.KARYOGRAM,
           "Put the formula on the clipboard.", (), with_chromosomes),
    # Case
    Action("case.next_slide", "&Next slide", Menu.CASE, "Show the next slide.", ("PgDown",), with_slides),
    Action("case.previous_slide", "&Previous slide", Menu.CASE, "Show the slide before.", ("PgUp",), with_slides),
    Action("case.cells", "C&ompare the cells…", Menu.CASE,
           "Chromosomes of each class in every cell, the consensus, and one class from all cells.", ("F7",),
           with_slides),
    Action("case.history", "&History…", Menu.CASE,
           "Who did what to the case, when, and what was before and after; nothing is ever removed from it.", ("F9",)),
    Action("case.backups", "&Backups…", Menu.CASE,
           "The copies of the case that are made while you work, and the way back to one.", ()),
    Action("case.person", "&Who works here…", Menu.CASE, "The name that is recorded with every step.", ()),
    Action("case.analyse", "&Analyse slide", Menu.CASE,
           "Find, classify and place the chromosomes; what a person edited stays.", ("Ctrl+R",), with_slide,
           separator=True),
    Action("case.analyse_all", "Analyse a&ll slides", Menu.CASE, "Analyse every slide without an analysis.",
           ("Ctrl+Shift+R",), with_slides),
    Action("case.analyse_new", "Analyse &new slides by itself", Menu.CASE,
           "Start the analysis as soon as a slide is added.",
           (), checkable=True),
    Action("case.cancel", "&Cancel what runs", Menu.CASE,
           "Stop the analysis or export that runs and forget what waits; if there is none, stop the training.",
           ("Ctrl+.",), while_busy),
    Action("case.train", "&Train on my corrections…", Menu.CASE,
           "Train the segmenter on with the masks that people corrected, on this machine, and use it if it is better.",
           (), with_slides, separator=True),
    Action("case.weights", "&Weights of the segmenter…", Menu.CASE,
           "Which weights find the chromosomes: those that ship, or those trained on this machine."),
    Action("case.state_by_work", "As its chromosomes &say", Menu.CASE,
           "Let the state of the slide follow from what was done on it.", ("Ctrl+5",), with_slide,
           submenu="State o&f the slide", separator=True),
    Action("case.state_started", "In &work", Menu.CASE, "Say that somebody works on this slide.", ("Ctrl+6",),
           with_slide, submenu="State o&f the slide"),
    Action("case.state_done", "&Reviewed", Menu.CASE,
           "Say that this slide is done; no proposal may be left on it.", ("Ctrl+7",), with_slide,
           submenu="State o&f the slide"),
    Action("case.state_counted", "&Counted only", Menu.CASE,
           "Say that only the number of chromosomes of this slide counts, not its karyotype.", ("Ctrl+8",),
           with_slide, submenu="State o&f the slide"),
    Action("case.state_rejected", "Re&jected", Menu.CASE, "Say that this slide is of no use.", ("Ctrl+9",),
           with_slide, submenu="State o&f the slide"),
    Action("case.remove_slide", "&Remove slide from the case", Menu.CASE,
           "Take the slide out of the case; the image file stays.", (), lambda state: state.slide is not None,
           separator=True),
    Action("case.stain_g", "&G-banded (dark on bright)", Menu.CASE, "Say that this slide was stained with Giemsa.", (),
           with_slide, checkable=True, group="stain", submenu="&Stain", separator=True),
    Action("case.stain_q", "&Q-banded (bright on dark)", Menu.CASE, "Say that this slide was stained with quinacrine.",
           (), with_slide, checkable=True, group="stain", submenu="&Stain"),
    Action("case.stain_dapi", "&DAPI (bright on dark)", Menu.CASE, "Say that this slide was stained with DAPI.", (),
           with_slide, checkable=True, group="stain", submenu="&Stain"),
    Action("case.scale", "S&cale of the slide…", Menu.CASE,
           "Show how wide chromosomes are taken to be, and say or measure it otherwise.", ("Ctrl+Shift+W",),
           with_slide),
    Action("case.device_auto", "&Automatic", Menu.CASE, "The fastest device there is.", (), checkable=True,
           group="device", submenu="&Device", separator=True),
    Action("case.device_cuda", "&CUDA", Menu.CASE, "Compute on the NVIDIA graphics card.", (), checkable=True,
           group="device", submenu="&Device"),
    Action("case.device_mps", "&MPS", Menu.CASE, "Compute on the Apple graphics processor.", (), checkable=True,
           group="device", submenu="&Device"),
    Action("case.device_cpu", "C&PU", Menu.CASE, "Compute on the processor.", (), checkable=True, group="device",
           submenu="&Device"),
    # Help
    Action("help.under_cursor", "&What is under the pointer?", Menu.HELP, "Explain what the pointer is on.", ("F1",)),
    Action("help.shortcuts", "&Keys", Menu.HELP, "Every action with its key, on one page.", ("Ctrl+F1",)),
    Action("help.tour", "Take the &tour", Menu.HELP,
           "A few callouts lead through the window, on the samples; Esc ends it."),
    Action("help.about", "&About chromview", Menu.HELP, "Version, licence and purpose.", (), separator=True),
)  # fmt: skip

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

GESTURES: tuple[tuple[str, str], ...] = (
    ("Wheel", "Zoom around the pointer"),
    ("Ctrl+wheel", "Size of the brush"),
    ("Space held, or middle button", "Move the slide"),
    ("Ctrl+click", "Choose the second chromosome, for label 2, join and split overlap"),
    ("Shift held, tools Lasso and Magic outline", "Take the pixels out of the chromosome"),
    ("Drag to the right or left, tool Magic outline", "Reach further, or less far"),
    ("Drag across a chromosome, tool Measure a width", "Tell how wide it is, in pixels of the slide"),
    ("Drag on the axis, tool Axis", "Move that point of the axis; at a tip, make it longer or shorter"),
    ("Drag on the bar across, tool Axis", "Move the centromere along the chromosome"),
    ("Drag in the picture of the inspector", "Move the centromere up or down"),
    ("1 4, X, Y in the karyogram", "Set the class of the selected chromosome by typing it"),
    ("Arrow keys in the karyogram", "Select the neighbour; with an arrow chosen, move that"),
    ("Drag the tip or the end of an arrow", "Move it, or turn it"),
    ("Double-click on a text, tool Annotate the slide", "Change it; no text at all leaves its arrow"),
    ("Drag in the karyogram", "Move a chromosome to another place; allowed places light up"),
)
"""What the mouse and typing do, for the page of keys."""


def of_menu(menu: Menu) -> Iterator[Action]:
    """The actions of one menu, in order."""
    return (action for action in ACTIONS if action.menu is menu)
