"""The names of a made-up land: of its areas, streets and sights. No prefecture of Japan is called so."""

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PREFECTURES = _words("青波 霧島野 白峰 緑原 月ヶ浜 紅山 雲居 琥珀 銀嶺")
SHRINES = _words("八幡神社 稲荷神社 天満宮 諏訪神社 熊野神社 春日神社 日吉神社 白山神社 浅間神社 愛宕神社")
TEMPLES = _words("光明寺 西福寺 浄念寺 東光寺 妙泉寺 長慶寺 円明寺 宝林寺 永照寺 正覚寺")
MUSEUM_FIELDS = _words("歴史 郷土 民俗 自然 考古 美術 海洋 産業")

HEADS = _words("暁 宵 碧 藍 翠 琴 楓 柊 鷺 雁 珠 蛍 笛 絹 霞 虹 鞠 鈴 朧 露 椿 樺 錦 銀")
TAILS = _words("見 沢 崎 浜 野 原 川 谷 坂 里 代 根 岡 尾 瀬 越")
_TOWN_NAMES = _words(
    "本町 旭町 栄町 緑町 幸町 港町 元町 桜木町 若葉町 城下町 寺町 大工町 鍛冶町 紺屋町 新町 曙町 寿町 "
    "末広町 錦町 弥生町 千歳町 常盤町 昭和町 住吉町 八幡町 中央 泉が丘 光が丘 高砂 美浜"
)
_STREET_HEADS = _words(
    "旭 桜 銀杏 欅 柳 八幡 天神 稲荷 駅前 市場 商店街 学園 公園 並木 中央 元町 本 寺前 川端 浜 山手 東 西 南 "
    "北 栄 幸 錦 若葉 平和 文化 大門 御幸 白鳥 夕陽 日の出"
)
_STREET_TAILS = _words("通り 大路 小路 筋 坂 横丁")
_CHOME = "一二三四五六"


def municipality_names(rng: np.random.Generator, count: int) -> list[str]:
    """Return ``count`` different names without 市, 町 or 村."""
    pairs = [head + tail for head in HEADS for tail in TAILS]
    return [pairs[i] for i in rng.permutation(len(pairs))[:count]]


def town_names(rng: np.random.Generator, count: int) -> list[tuple[str, int]]:
    """Return ``count`` towns in order: the name, and the number of the 丁目 or 0."""
    towns: list[tuple[str, int]] = []
    for name in (_TOWN_NAMES[i] for i in rng.permutation(len(_TOWN_NAMES))):
        parts = int(rng.integers(0, 4))
        towns += [(name, 0)] if parts < 2 else [(name, k + 1) for k in range(parts)]
        if len(towns) >= count:
            break
    return towns[:count]


def chome(number: int) -> str:
    """Return the ending of a town's name: "二丁目", or "" for 0."""
    return f"{_CHOME[number - 1]}丁目" if number else ""


def street_names(rng: np.random.Generator) -> list[str]:
    """Return all names of small streets in a random order."""
    names = [head + tail for head in _STREET_HEADS for tail in _STREET_TAILS]
    return [names[i] for i in rng.permutation(len(names))]
