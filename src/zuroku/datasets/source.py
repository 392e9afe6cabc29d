"""What a source hands to ingest: items with bytes still to be read.

A source is any iterable of ``SourceItem`` in a stable order. It opens nothing until ``read`` is
called, so that listing is cheap and reading can go on in threads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from zuroku.datasets.zones import ZonedImage

NOT_STATED = "not stated"
"""The licence of what nobody has said one of."""


@dataclass(frozen=True)
class SourceItem:
    """One figure, page or photograph before it is ingested.

    ``item_id`` is unique in the collection (NDL: ``PID_frame_index``); ``label`` is the class, or
    empty where nobody has labelled it; ``group`` is what must not be split (the book, by its PID).
    Where an image may have several classes, ``label`` is empty and ``labels`` holds them all.
    ``read`` returns the encoded image, one that somebody has annotated with its zones, and may raise
    ``ImageError``, ``GoneError``, ``UnusableError`` or ``OSError``, which cost the item, or another
    ``DownloadError``, which stops the ingest. A source that fetches says so with ``retrieved``. ``reviewed``
    is false where the label is a guess.
    """

    item_id: str
    label: str
    group: str
    title: str
    licence: str
    source_url: str
    read: Callable[[], bytes | ZonedImage]
    retrieved: bool = False
    reviewed: bool = True
    labels: tuple[str, ...] = ()

    @property
    def all_labels(self) -> list[str]:
        """The classes of the item, sorted, each once: of one class just that, of nobody's labelling none."""
        return sorted({*self.labels, self.label} - {""})
