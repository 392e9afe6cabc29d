"""Checks of a figure corpus, in one pass over its rows."""

import hashlib
from collections import Counter

from pydantic import Field

from zuroku.config import Settings
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.findings import Finding

CORPUS_CHECKS = ("pages_and_figures_agree", "crops_are_whole", "framing")

_CROPS_PER_CORPUS = 64


class CorpusCheckSettings(Settings):
    """What framing is put up with. A page whose text reaches its edge was perhaps photographed cut off."""

    max_cut_share: float = Field(default=0.2, ge=0, le=1)


def corpus_findings(corpus: FigureCorpus, settings: CorpusCheckSettings) -> list[Finding]:
    """Check that the tables agree, that crops drawn evenly are what was recorded, and the framing."""
    return [_agreement(corpus), _crops(corpus), _framing(corpus, settings)]


def _agreement(corpus: FigureCorpus) -> Finding:
    """Compare the number of figures that each page names with those that name it, in their order."""
    named = (
        row["page_id"]
        for batch in corpus.pages(["page_id", "n_figures"])
        for row in batch.to_pylist()
        for _ in range(row["n_figures"])
    )
    differing = 0
    for batch in corpus.figures(["page_id"]):
        differing += sum(row["page_id"] != next(named, None) for row in batch.to_pylist())
    differing += sum(1 for _ in named)
    return Finding(
        "pages_and_figures_agree",
        differing == 0,
        f"{differing} figures are missing, or are not where their page says",
        {"differing": differing},
    )


def _crops(corpus: FigureCorpus) -> Finding:
    step = max(1, corpus.card["figures"] // _CROPS_PER_CORPUS)
    position = looked_at = 0
    changed = []
    for batch in corpus.figures(["figure_id", "sha256", "shard", "offset", "length"]):
        for row in batch.to_pylist()[-position % step :: step]:
            looked_at += 1
            if hashlib.sha256(corpus.crop(row)).hexdigest() != row["sha256"]:
                changed.append(row["figure_id"])
        position += batch.num_rows
    return Finding(
        "crops_are_whole", not changed, f"{len(changed)} of {looked_at} crops have changed {changed[:3]}"
    )


def _framing(corpus: FigureCorpus, settings: CorpusCheckSettings) -> Finding:
    framed = cut = 0
    edges: Counter[str] = Counter()
    for batch in corpus.pages(["margin_left", "cut_edges"]):
        for row in batch.to_pylist():
            framed += row["margin_left"] is not None
            cut += bool(row["cut_edges"])
            edges.update(row["cut_edges"])
    share = cut / max(1, framed)
    counted = ", ".join(f"{edge} {count}" for edge, count in sorted(edges.items()))
    return Finding(
        "framing",
        share <= settings.max_cut_share,
        f"on {cut} of {framed} pages text reaches an edge ({counted or 'none'}); "
        f"up to {settings.max_cut_share:.0%} are allowed",
        {"cut_share": share, "pages_with_text": framed},
    )
