"""Pickles from strangers, read without executing anything: lists, dictionaries, numbers and strings only.

A pickle is a program, and ``pickle.load`` runs it. This reader refuses every name that a pickle asks for, so
that nothing callable is ever at hand. What the values mean, other readers know.
"""

import io
import pickle
from pathlib import Path
from typing import Never

from zuroku.errors import SourceError


def read_plain_pickle(path: Path) -> object:
    """Return the plain value in the pickle at ``path``.

    Raises:
        SourceError: the file cannot be read, is truncated or no pickle, or asks for any class or function.
    """
    try:
        return _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except _NotPlainError as error:
        raise SourceError(
            f"the pickle {path} asks for {error}, which reading it would run",
            expected="a pickle of lists, dictionaries, numbers and strings alone",
            remedy="do not open it with other programs; take the file from its publisher again",
        ) from error
    except Exception as error:  # Broken pickles raise nearly anything, as Python's documentation says.
        raise SourceError(
            f"{path} cannot be read as a pickle: {type(error).__name__}: {error}",
            expected="a whole pickle file",
            remedy="take the file from its publisher again",
        ) from error


class _NotPlainError(Exception):
    """A pickle asks for something by name."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Never:
        raise _NotPlainError(f"{module_name}.{global_name}")

    def persistent_load(self, pid: object) -> Never:
        raise _NotPlainError(f"the object {pid!r} from elsewhere")
