"""Made-up prose in the manner of old books: words with readings, sentences, headings, captions.

Sentences are well formed and mean nothing in particular. How letters are set is in ``typesetting``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from zuroku.datasets.sample.pages.orthography import (
    HIRAGANA,
    KANJI_LEVEL_1,
    KANJI_LEVEL_2,
    in_katakana,
    in_old_forms,
)
from zuroku.datasets.sample.pages.vocabulary import SENTENCES, WORDS
from zuroku.datasets.sample.words import CAPTIONS, FAMILY_NAMES, PLACES

T = TypeVar("T")

Manner = Literal["plain", "literary", "official", "classical"]
"""Spoken style with *de aru*; literary style; the same in katakana (laws, science); old tales in kana."""

_DIGITS = "〇一二三四五六七八九"
_ERAS = (("明治", 45), ("大正", 15), ("昭和", 20), ("文久", 4))
_OLD_ERAS = (("文政", 13), ("寛政", 13), ("天保", 15), ("享保", 21), ("元禄", 17))
_SLOT = re.compile(r"\{(\w)\}")


class Word(NamedTuple):
    """A stretch of text and the reading printed beside it, if any."""

    text: str
    ruby: str = ""


def kanji_number(value: int) -> str:
    """Write ``value`` (0–9999) in kanji numerals: 1234 → 千二百三十四."""
    if value == 0:
        return "零"
    parts = []
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit:
            parts.append(("" if digit == 1 and name else _DIGITS[digit]) + name)
    return "".join(parts)


def _one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


@lru_cache(maxsize=8)
def _templates(manner: str, antique: bool) -> tuple[tuple[str, ...], ...]:
    """Return each sentence of ``manner`` cut into literal text (even places) and slot names (odd)."""
    fitting = (sentence for sentence in SENTENCES[manner] if not (antique and "{K}" in sentence))
    return tuple(tuple(_SLOT.split(sentence)) for sentence in fitting)


@dataclass
class Writer:
    """Writes for one page of a book.

    ``old_forms`` writes 國 for 国; ``ruby_share`` is the share of words that carry their reading;
    ``horizontal`` prose has Arabic numerals; ``antique`` prose knows no foreign word and no era after
    1867.
    """

    rng: np.random.Generator
    manner: Manner = "plain"
    old_forms: bool = False
    ruby_share: float = 0.0
    horizontal: bool = False
    antique: bool = False

    def sentence(self) -> list[Word]:
        """Write one sentence."""
        manner = "literary" if self.manner == "official" else self.manner
        templates = _templates(manner, self.antique)
        parts = templates[int(self.rng.integers(len(templates)))]
        words = []
        for place, part in enumerate(parts):
            if place % 2:
                words.extend(self._spell(self._fill(part)))
            elif part:
                words.append(Word(self._write(part)))
        return words

    def paragraph(self, sentences: int) -> list[Word]:
        """Write a paragraph of that many sentences, with the indent of its first line."""
        indent = [] if self.manner == "classical" else [Word("　")]
        return indent + [word for _ in range(sentences) for word in self.sentence()]

    def heading(self) -> str:
        """Write a heading: a numbered chapter, a numbered section or only its subject."""
        subject = self._noun().text + _one(
            self.rng, ("", "の沿革", "の種類", "と{}", "の起源", "に就て", "の構造")
        )
        subject = subject.format(self._noun().text)
        kind = int(self.rng.integers(4))
        number = int(self.rng.integers(1, 24))
        if kind == 0:
            counted = str(number) if self.horizontal else kanji_number(number)
            subject = "第" + counted + _one(self.rng, "章節編課回") + "　" + subject
        elif kind == 1:
            counted = f"{number}." if self.horizontal else f"({kanji_number(number)})"
            subject = counted + "　" + subject
        return self._write(subject)

    def caption(self, number: int) -> str:
        """Write the caption of a figure; ``number`` counts figures through the book."""
        subject = (
            _one(self.rng, CAPTIONS)
            if self.rng.random() < 0.5
            else f"{_one(self.rng, PLACES)}の{self._noun().text}"
        )
        kind = int(self.rng.integers(4))
        if kind == 0:
            counted = str(number) if self.horizontal else kanji_number(number)
            subject = f"第{counted}図　{subject}"
        elif kind == 1:
            subject = subject + "　" + self._noun().text + "の図"
        return self._write(subject)

    def subject(self) -> str:
        """Name a thing, as short headings do."""
        return self._write(self._noun().text + _one(self.rng, ("", "", "の図", "之事", "の部")))

    def date(self) -> str:
        """Write a year by its era."""
        return self._fill("Y").text

    def name(self) -> str:
        """Write a person's name."""
        return self._write(self._fill("F").text)

    def _write(self, text: str) -> str:
        text = in_katakana(text) if self.manner == "official" else text
        return in_old_forms(text) if self.old_forms else text

    def _spell(self, word: Word) -> list[Word]:
        """Write ``word``, now and then with the reading of its kanji; an ending in kana needs none."""
        if not word.ruby or self.rng.random() >= self.ruby_share:
            return [Word(self._write(word.text))]
        ending = len(word.text) - len(word.text.rstrip(HIRAGANA))
        stem, reading = (part[: len(part) - ending] for part in word)
        return [Word(self._write(stem), reading), Word(self._write(word.text[len(stem) :]))]

    def _noun(self) -> Word:
        """Choose a noun; two in five are invented of kanji drawn evenly, so that rare ones occur."""
        if self.rng.random() < 0.6:
            return Word(*WORDS["N"][int(self.rng.integers(len(WORDS["N"])))])
        pool = KANJI_LEVEL_2 if self.old_forms and self.rng.random() < 0.2 else KANJI_LEVEL_1
        letters = "".join(pool[i] for i in self.rng.integers(len(pool), size=int(self.rng.integers(1, 4))))
        reading = self.rng.integers(len(HIRAGANA), size=2 * len(letters))
        return Word(letters, "".join(HIRAGANA[i] for i in reading))

    def _fill(self, slot: str) -> Word:
        """Fill a slot of a sentence; the names are explained in ``vocabulary``."""
        rng = self.rng
        if slot == "N":
            return self._noun()
        if slot == "P":
            return Word(_one(rng, PLACES))
        if slot == "F":
            given = _one(rng, WORDS["G"])
            return Word(_one(rng, FAMILY_NAMES) + given[0])
        if slot == "Y":
            era, last = _one(rng, _OLD_ERAS if self.antique else _ERAS)
            return Word(era + self._count(int(rng.integers(2, last))) + "年")
        if slot == "Q":
            return Word(self._count(int(rng.integers(2, 3000))) + _one(rng, WORDS["U"])[0])
        return Word(*_one(rng, WORDS[slot]))

    def _count(self, value: int) -> str:
        return str(value) if self.horizontal else kanji_number(value)
