"""The character set of old print: kanji by JIS level, old forms, kana. No sentences here."""


def _jis_rows(first: int, last: int) -> str:
    """Return the kanji of rows ``first`` to ``last`` of JIS X 0208, unassigned cells left out."""
    # EUC-JP is JIS X 0208 with both bytes moved up by 0xA0.
    cells = (bytes((0xA0 + row, 0xA0 + cell)) for row in range(first, last + 1) for cell in range(1, 95))
    return "".join(cell.decode("euc_jp", "ignore") for cell in cells)


KANJI_LEVEL_1 = _jis_rows(16, 47)
"""The 2,965 kanji of JIS X 0208 level 1, by reading."""

KANJI_LEVEL_2 = _jis_rows(48, 84)
"""The 3,390 kanji of level 2, by radical; many are forms that print used before 1946."""

HIRAGANA = "".join(map(chr, range(0x3042, 0x3094)))
"""The kana that occur in readings."""

_PAIRS = (
    "国國 学學 体體 会會 気氣 対對 図圖 実實 当當 来來 観觀 広廣 県縣 点點 鉄鐵 銭錢 発發 売賣 読讀 変變 "
    "辺邊 宝寶 万萬 与與 両兩 乱亂 予豫 争爭 亜亞 仏佛 伝傳 余餘 価價 倹儉 児兒 党黨 円圓 写寫 処處 剣劍 "
    "効效 励勵 労勞 勧勸 区區 医醫 単單 厳嚴 参參 号號 営營 団團 囲圍 圧壓 塩鹽 壱壹 声聲 奥奧 寿壽 将將 "
    "専專 尽盡 届屆 属屬 岳嶽 帯帶 帰歸 庁廳 弁辨 弐貳 従從 応應 恵惠 悪惡 戦戰 戯戲 払拂 択擇 担擔 拠據 "
    "挙擧 拡擴 摂攝 数數 断斷 旧舊 昼晝 暁曉 栄榮 桜櫻 検檢 楼樓 楽樂 権權 欧歐 歓歡 歯齒 残殘 殻殼 沢澤 "
    "浅淺 浜濱 済濟 渓溪 湾灣 満滿 滝瀧 潜潛 灯燈 炉爐 焼燒 犠犧 独獨 獣獸 瑶瑤 画畫 畳疊 痴癡 盗盜 礼禮 "
    "秘祕 称稱 穂穗 稲稻 窃竊 竜龍 粋粹 糸絲 経經 絵繪 継繼 続續 総總 縦縱 繊纖 缶罐 聴聽 胆膽 脳腦 芸藝 "
    "茎莖 荘莊 蔵藏 薬藥 虫蟲 蚕蠶 蛍螢 衛衞 装裝 覚覺 覧覽 触觸 証證 訳譯 誉譽 謡謠 豊豐 賛贊 転轉 軽輕 "
    "辞辭 遅遲 遥遙 酔醉 釈釋 鉱鑛 関關 闘鬪 陥陷 険險 隠隱 雑雜 霊靈 静靜 顔顏 顕顯 飲飮 駅驛 駆驅 験驗 "
    "髄髓 黙默 斉齊 斎齋 台臺 条條 収收 叙敘 双雙 鎮鎭 随隨 逓遞"
)

_OLD_FORMS = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def in_old_forms(text: str) -> str:
    """Write ``text`` with the kanji forms that were usual before 1946."""
    return text.translate(_OLD_FORMS)


def in_katakana(text: str) -> str:
    """Write the hiragana of ``text`` in katakana."""
    return text.translate(_TO_KATAKANA)
