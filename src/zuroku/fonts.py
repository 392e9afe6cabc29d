"""The Japanese font that drawings and reports use; it comes with an installed package."""

from importlib.resources import files
from pathlib import Path


def japanese_font_path() -> Path:
    """Return the path of Noto Sans CJK JP Regular."""
    return Path(str(files("noto_cjk_sans_jp_regular") / "NotoSansCJKjp-Regular.otf"))
