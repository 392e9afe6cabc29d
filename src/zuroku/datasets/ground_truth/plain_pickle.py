"""Pickles from strangers, read without executing anything: lists, dictionaries, numbers and strings only.

A pickle is a program, and ``pickle.load`` runs it. This reader refuses every name that a pickle asks for, so
that nothing callable is ever at hand, and every number of a memory cell that a file so short cannot fill:
Python makes room for all cells below it. What the values mean, other readers know.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Never

from zuroku.errors import SourceError


def read_plain_pickle(path: Path) -> object:
    """Return the plain value in the pickle at ``path``.

    Raises:
        SourceError: the file cannot be read, is truncated or no pickle, asks for any class or function, or
            for more room than its length can fill.
    """
    try:
        data = path.read_bytes()
        _refuse_vast(data)
        return _PlainUnpickler(io.BytesIO(data)).load()
    except _NotPlainError as error:
        raise SourceError(
            f"the pickle {path} asks for {error}",
            expected="a pickle of lists, dictionaries, numbers and strings alone",
            remedy="do not open it with other programs; take the file from its publisher again",
        ) from error
    except Exception as error:  # Broken pickles raise nearly anything, as Python's documentation says.
        raise SourceError(
            f"{path} cannot be read as a pickle: {type(error).__name__}: {error}",
            expected="a whole pickle file",
            remedy="take the file from its publisher again",
        ) from error


# These number a memory cell. Lengths of what follows are compared with the file by ``pickletools`` itself.
_MEMORISING = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


class _NotPlainError(Exception):
    """A pickle asks for something by name, or for room that no plain values of its length need."""


def _refuse_vast(data: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(data):
        cell = argument if opcode.name in _MEMORISING else None
        if cell is not None and cell > len(data):
            raise _NotPlainError(f"room for {cell} values in a file of {len(data)} bytes")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Never:
        raise _NotPlainError(f"{module_name}.{global_name}, which reading it would run")

    def persistent_load(self, pid: object) -> Never:
        raise _NotPlainError(f"the object {pid!r} from elsewhere, which reading it would fetch")
