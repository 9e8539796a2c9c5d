"""The language of the window: the system's, or the one that was chosen; it is read when a window is made."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QTranslator

from chromview import texts

SYSTEM = "system"
_KEY = "view/language"
_TRANSLATOR = "language"


def chosen(settings: QSettings) -> str:
    """What was chosen: a key of `texts.LANGUAGES`, or `SYSTEM`."""
    value = str(settings.value(_KEY, SYSTEM))
    return value if value in texts.LANGUAGES else SYSTEM


def remember(settings: QSettings, language: str) -> None:
    """Choose a key of `texts.LANGUAGES`, or `SYSTEM`, for the windows that are made from now on."""
    settings.setValue(_KEY, language)


def wanted(settings: QSettings) -> str:
    """The language of the next window, a key of `texts.LANGUAGES`."""
    language = chosen(settings)
    return texts.known(QLocale.system().uiLanguages()) if language == SYSTEM else language


def use(settings: QSettings) -> None:
    """Have texts of ours and of Qt in the language of the next window."""
    language = wanted(settings)
    texts.use(language)
    app = QCoreApplication.instance()
    assert app is not None
    old = app.findChild(QTranslator, _TRANSLATOR)
    if old is not None:
        app.removeTranslator(old)
        old.setParent(None)
    if language == texts.SOURCE:
        return
    # The names of keys, and the words of the buttons and dialogs that Qt brings.
    own = QTranslator(app)
    own.setObjectName(_TRANSLATOR)
    if own.load(QLocale(language), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(own)
