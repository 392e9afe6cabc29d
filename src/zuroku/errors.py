"""Every error zuroku raises on purpose: what was found, what was expected, what to do.

Nothing else belongs here: no handling, no logging.
"""


class ZurokuError(Exception):
    """An error a user can act on.

    ``found`` is what was met, ``expected`` what should have been there, ``remedy`` what to do
    next. All three are whole phrases, so that the message reads as a sentence.
    """

    def __init__(self, found: str, *, expected: str, remedy: str) -> None:
        super().__init__(found, expected, remedy)
        self.found = found
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.found}\n  expected: {self.expected}\n  remedy:   {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments do not survive a process pool otherwise.
        return (_rebuild, (type(self), self.found, self.expected, self.remedy))


def _rebuild(kind: type[ZurokuError], found: str, expected: str, remedy: str) -> ZurokuError:
    return kind(found, expected=expected, remedy=remedy)


class ConfigError(ZurokuError):
    """A configuration file or value cannot be used."""


class SourceError(ZurokuError):
    """A source collection (folder, archive, metadata table) is not in its published layout."""


class GeoDataError(ZurokuError):
    """Geodata or coordinates are not what they should be, or cannot be used."""


class DownloadError(ZurokuError):
    """A server did not give what was asked of it."""


class ImageError(ZurokuError):
    """An image cannot be decoded, or must not be."""


class QuarantineError(ZurokuError):
    """More items were quarantined than the configuration allows."""


class SplitError(ZurokuError):
    """Groups cannot be split as asked."""


class IntegrityError(ZurokuError):
    """Bytes on disk are not the bytes that were recorded."""


class BundleError(ZurokuError):
    """A model or index bundle is missing, incomplete or made for something else."""


class EvaluationError(ZurokuError):
    """Arrays given to a metric do not fit together."""


class BusyError(ZurokuError):
    """Another process holds what this one needs."""


class StorageError(ZurokuError):
    """The disk is full, or the file system refuses to take more."""


class DataStoreError(ZurokuError):
    """A data stage failed."""
