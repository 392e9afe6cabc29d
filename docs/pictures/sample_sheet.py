"""Draws docs/pictures/sample.jpg: two generated figures of each class. Run it from the repository."""

import io
from pathlib import Path

from PIL import Image

from zuroku.datasets.sample.figures import FigurePlan, SampleSettings, plan_figures, render_figure
from zuroku.reports.contact_sheet import contact_sheet

_PER_CLASS = 2


def main() -> None:
    """Draw and write the sheet."""
    by_class: dict[str, list[FigurePlan]] = {}
    for plan in plan_figures(SampleSettings(seed=20210701)):
        by_class.setdefault(plan.label, []).append(plan)
    pictures = []
    for label, plans in sorted(by_class.items()):
        step = len(plans) // _PER_CLASS
        for plan in plans[::step][:_PER_CLASS]:
            pictures.append((Image.open(io.BytesIO(render_figure(plan))), [label]))
    sheet = contact_sheet(pictures, columns=6, title="generated figures")
    Path("docs/pictures/sample.jpg").write_bytes(sheet)


if __name__ == "__main__":
    main()
