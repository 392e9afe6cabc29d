"""Pictures of a figure corpus, for people to look at."""

from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.datasets.images import decode_rgb
from zuroku.reports.contact_sheet import contact_sheet

_SHOWN = 24


def corpus_sheet(corpus: FigureCorpus) -> bytes:
    """Return a JPEG of figures drawn evenly from ``corpus``, with the most special tag of each."""
    step = max(1, -(-corpus.card["figures"] // _SHOWN))
    position = 0
    pictures = []
    for rows in corpus.figures(["figure_id", "tags", "confidences", "shard", "offset", "length"]):
        for row in rows.to_pylist()[-position % step :: step]:
            tag = f"{row['tags'][-1]} {row['confidences'][-1]:.2f}" if row["tags"] else "no tag"
            picture = decode_rgb(corpus.crop(row), min_side_px=256)
            pictures.append((picture, [row["figure_id"], tag]))
        position += rows.num_rows
    return contact_sheet(pictures, title="figures cut from pages")
