"""The Japanese words printed on figures: places, quantities, captions and book titles.

Only lists and how to choose from them; how letters are set is in ``lettering``.
"""

from collections.abc import Sequence

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PLACES = _words(
    "東京 京都 大阪 神戸 横浜 名古屋 札幌 函館 仙台 新潟 金沢 長崎 熊本 鹿児島 広島 岡山 高松 松山 高知 奈良 "
    "大津 岐阜 甲府 長野 松本 青森 秋田 山形 福島 水戸 宇都宮 前橋 浦和 千葉 小田原 沼津 静岡 浜松 津 和歌山 "
    "鳥取 松江 下関 福岡 佐賀 大分 宮崎 那覇 "
    "台北 旅順 大連 京城 平壌 釜山 本町 新町 北村 南村 東郷 西原 上野 "
    "下田 中島 大川 小山 白浜 黒崎 三島 五条 八幡 十津川 多摩川 利根川 富士山 筑波山 淀川 琵琶湖"
)
MAP_KINDS = _words("市街図 全図 略図 附近図 地図 分布図")
TOPICS = _words(
    "米 麦 生糸 綿花 石炭 鉄 銅 茶 砂糖 人口 出生 死亡 輸出 輸入 工業 農業 商業 水産業 鉱業 其他 男 女"
)
UNITS = _words("石 斤 円 人 噸 町歩 貫 度 割 哩")
MEASURES = _words("戸数 生産額 輸出額 人員 降水量 気温 貯金高 就学率 収穫高 死亡率")
PARTS = _words(
    "アルコール 木片 試験管 導管 軸 歯車 弁 汽罐 活塞 把手 螺旋 発条 胴 翅 葉 花弁 雄蕊 根 茎 鰭 鱗 嘴 "
    "眼 触角 "
    "心臓 肺 水槽 硝子管 電池 磁石 針 秤 釜 煙突 甲 乙 丙 丁 イ ロ ハ ニ ホ"
)
LETTERS = tuple("イロハニホヘトABCDEabcd123456")
CAPTIONS = _words(
    "本堂正面 御所全景 公園ノ春色 港内ノ景 停車場 市役所 博覧会場 古城址 大瀑布 海岸ノ奇岩 講堂内部 教室 "
    "応接室 展覧会場 銅製水瓶 青磁花瓶 木彫仏像 古鏡 石器 刀剣 鎧 漆器 甕 卒業記念 運動会 田植 漁船 "
    "温泉 渓流 橋梁"
)
FAMILY_NAMES = _words(
    "山田 佐藤 高橋 中村 小林 加藤 吉田 渡辺 松本 井上 木村 林 清水 斎藤 森 池田 橋本 石川 前田 岡田"
)
NUMERALS = "一二三四五六七八九十百千"
_KANJI = (
    "日月年時分人民国家学校教育政治経済法律文書物産業工商農林水山川海陸天地風雨雲花草木鳥魚虫石金銀銅鉄土火道路橋船車馬牛"
    "大小高低長短広重軽新旧多少東西南北上下左右前後内外中央一二三四五六七八九十百千万明治大正昭和皇室官府県市町村会社事"
    "者所有無行来見聞言語思考知識力手足目口耳心身体食住衣服生死病医薬科美術音楽歌詩戦争平軍兵士将隊"
)
_KANA = "のにをはがともりたるれしてきかくけこそつなめやよらわんすせへまむノニヲハガトモリタルシテキカク"

_TITLE_HEADS = {
    "geography": _words("帝国 新撰 最新 東北 九州 関西 北海 信濃 武蔵 南洋 支那 朝鮮"),
    "science": _words("新撰 最新 中等 実用 応用 通俗 普通 図解 原色 日本"),
    "literature": _words("夜嵐 花筏 浮世 恋衣 雪中 白露 秋風 曙 春雨 月下 黒髪 紅葉"),
    "memorial": _words("創立 開校 市制 県立 竣工 即位 凱旋 共進会"),
}
_TITLE_TAILS = {
    "geography": _words("地誌 名所図絵 風景写真帖 案内記 全図 郷土誌 紀行 景観集"),
    "science": _words("統計要覧 博物図譜 植物図説 理化学教科書 機械学講義 動物学 年鑑 産業史 工芸大観"),
    "literature": _words("物語 草紙 日記 談 奇譚 姿 絵巻 集"),
    "memorial": _words("記念写真帖 紀念誌 記念帖 五十年史 沿革史 図録"),
}
_VOLUMES = ("", "", "", " 上巻", " 下巻", " 第一輯", " 第二輯", " 第三編", " 増訂版")


def pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    """Choose one of ``words``."""
    return words[int(rng.integers(len(words)))]


def running_text(rng: np.random.Generator, count: int) -> str:
    """Return ``count`` characters that look like a line of prose and mean nothing."""
    pool = _KANJI + _KANA * 3
    return "".join(pool[i] for i in rng.integers(len(pool), size=count))


def seal_text(rng: np.random.Generator, count: int) -> str:
    """Return ``count`` kanji for a seal."""
    return "".join(_KANJI[i] for i in rng.integers(len(_KANJI), size=count))


def book_title(rng: np.random.Generator, subject: str) -> str:
    """Invent a title for a book on ``subject`` (a key of the title lists)."""
    return pick(rng, _TITLE_HEADS[subject]) + pick(rng, _TITLE_TAILS[subject]) + pick(rng, _VOLUMES)
