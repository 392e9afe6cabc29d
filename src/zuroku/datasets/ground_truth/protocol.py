"""The names of the retrieval protocols whose ground truth can be read; what they count lives elsewhere."""

from enum import StrEnum


class Protocol(StrEnum):
    """The protocols by their names on the command line."""

    UKBENCH = "ukbench"
    HOLIDAYS = "holidays"
    OXFORD5K = "oxford5k"
    ROXFORD = "roxford"
    RPARIS = "rparis"
    GLD = "gld"
