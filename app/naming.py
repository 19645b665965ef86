"""Which organisations a name may mean: any of their names in either language, also where it is misspelt, with a score.

A query is held against all names, after the folding of `app.search`, in three ways:

- `exact`: it is the whole name. The score is the trust in that kind of name (`TRUST`).
- `words`: every word of it occurs in the name, Chinese as a part of it. Half the trust, up to 0.8 of it where all that has weight is covered.
- `near`: other spellings. At most 0.8 of the trust. Looked for only where the query is no proper name of anybody.

So no other match comes before an exact one, and a proven mistranslation after a proper name that is as close.

What a word or a Chinese character weighs goes by the number of organisations that have it, and by a list of generic words: a
small collection does not show by itself that 大学 or `society` tell nobody apart. Nearness is the geometric mean of what is shared by weight
and by plain count, as either alone misleads: by count `Shanghai Commission of Science` is near `Beijing Commission of Science`, by
weight `Chinese Academy` is near `Chinese Society of Gene and Cell Therapy`.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeVar

from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from app import search

NameType = Literal["name", "alias", "former", "abbreviation", "variant", "mistranslation"]
How = Literal["exact", "words", "near"]

TRUST: dict[NameType, float] = {"name": 1.0, "alias": 0.98, "abbreviation": 0.97, "variant": 0.96, "former": 0.94, "mistranslation": 0.85}
"""The score of an exact match by kind of name, and the factor of every other match by it."""

LEAST_SHARED = 0.6
"""What a name must share with the query, of 1, to be near."""

FLOOR = 0.4
"""No match has a lower score."""

_GENERIC_WORDS = """
a academy administration administrative ag agency alliance and association biological biology biomedical biopharm biopharma
biopharmaceutical bioscience biotech biotechnology board bureau cell center centre city clinic clinical co college commission committee
company conference corp corporation council de department development district federation for foundation fund gene genetic gmbh government
group health hospital in inc industrial industry innovation inst institute institution international journal lab laboratory life limited llc
logistic ltd management medical medicine ministry municipal national new news of office organisation organization park pharma pharmaceutical
platform plc press province provincial public research s sa school science service society state technology the therapeutic therapy univ
university
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
_GENERIC_PARTS = re.compile(
    "有限责任公司|股份有限公司|有限公司|公司|集团|控股|大学|学院|研究院|研究所|研究中心|实验室|医院|中心|协会|学会|联盟|委员会|管理|服务|平台|基金会?|"
    "科学技术|科学|科技|技术|生物|医药|制药|药业|医学|医疗|健康|细胞|基因|治疗|国际|国家|中国|全国|省|市|区|局|部|产业|园区|开发区?|报社?|与|和|及|的"
)
_SHORT_FORMS = {
    "acad": "academy",
    "co": "company",
    "corp": "corporation",
    "ctr": "center",
    "centre": "center",
    "hosp": "hospital",
    "inst": "institute",
    "intl": "international",
    "lab": "laboratory",
    "ltd": "limited",
    "natl": "national",
    "tech": "technology",
    "univ": "university",
}
_GENERIC_SHARE = 0.12
"""What a generic word weighs of what it would weigh otherwise."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a record."""

    record: str
    """The record's id."""
    text: str
    """The name."""
    language: str
    """BCP 47."""
    type: NameType
    """`name` for the name in either language, else the term of alias-type."""


@dataclass(frozen=True, slots=True)
class Match:
    """A record that a query may mean."""

    record: str
    """The record's id."""
    score: float
    """From FLOOR to 1, at four decimals; 1: the very name."""
    matched: Name
    """The name by which it was found, the best of the record's."""
    how: How
    """How the query and the name compare."""


class Names:
    """Names of records, prepared once for many queries; never changed afterwards."""

    def __init__(self, names: Iterable[Name]) -> None:
        """Prepare the names; those without letters and digits are never found."""
        self._names = list(names)
        self._forms = [_Form.of(name.text) for name in self._names]
        self._exact: defaultdict[str, list[int]] = defaultdict(list)
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        self._told_by: defaultdict[str, list[int]] = defaultdict(list)
        for index, form in enumerate(self._forms):
            self._exact[form.words].append(index)
            for stem in dict.fromkeys(form.stems):
                self._having[stem].append(index)
            for stem in form.own:
                self._told_by[stem].append(index)
        records = [name.record for name in self._names]
        count = len(set(records))
        self._rarity = {
            stem: math.log(1 + count / len({records[index] for index in found})) / math.log(1 + count) for stem, found in self._having.items()
        }
        self._weights = [self._weigh(form) for form in self._forms]
        self._chinese = {index: form.squashed for index, form in enumerate(self._forms) if form.has_cjk}
        self._whole: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for index, form in enumerate(self._forms):
            self._whole[len(form.squashed)][index] = form.squashed
        self._vocabulary: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for stem in self._having:
            if not search.is_cjk(stem):
                self._vocabulary[len(stem)][stem] = stem

    def resolve(self, q: str) -> list[Match]:
        """Every record that the query may mean, the likeliest first, those of one score by id; none for a query without letters and digits."""
        query = _Form.of(q)
        if not query.units:
            return []
        best: dict[str, Match] = {}
        exact = self._exact.get(query.words, [])
        self._offer(best, "exact", dict.fromkeys(exact, 1.0))
        self._offer(best, "words", {index: 0.5 + 0.3 * share for index, share in self._with_words(query).items()})
        if all(self._names[index].type == "mistranslation" for index in exact):
            shared: dict[int, float] = {}
            for found in (self._near_whole(query), self._near_chinese(query), self._near_words(query)):
                for index, share in found.items():
                    shared[index] = max(share, shared.get(index, 0.0))
            self._offer(best, "near", {index: 0.8 * share for index, share in shared.items() if share >= LEAST_SHARED})
        return sorted(best.values(), key=lambda match: (-match.score, match.record))

    def _offer(self, best: dict[str, Match], how: How, closeness: dict[int, float]) -> None:
        for index in sorted(closeness):
            name = self._names[index]
            score = round(closeness[index] * TRUST[name.type], 4)
            if name.record not in best or score > best[name.record].score:
                best[name.record] = Match(name.record, score, name, how)

    def _weigh(self, form: "_Form") -> tuple[float, ...]:
        """The weight of each unit of a name or query; 1: nobody or one body has it, and it is not generic."""
        return tuple(
            self._rarity.get(stem, 1.0) * (_GENERIC_SHARE if generic else 1.0) for stem, generic in zip(form.stems, form.generic, strict=True)
        )

    def _with_words(self, query: "_Form") -> dict[int, float]:
        """The names that have every word of the query, with the share of their weight that it covers."""
        found: dict[int, float] = {}
        for index in min((self._having.get(stem, []) for stem in query.stems), key=len):
            form, weights = self._forms[index], self._weights[index]
            covered: set[int] = set()
            for piece in query.pieces:
                if not (places := form.places(piece)):
                    break
                covered.update(places)
            else:
                found[index] = sum(weights[place] for place in sorted(covered)) / sum(weights)
        return found

    def _near_whole(self, query: "_Form") -> dict[int, float]:
        """Names that differ in a letter or two as wholes, wherever spaces and hyphens stand."""
        return self._shared_letters(query, _misspelt(query.squashed, self._whole))

    def _near_chinese(self, query: "_Form") -> dict[int, float]:
        """Names in Chinese of which most characters stand in the query, in the same order, some that are not generic among them."""
        if not query.has_cjk or len(query.squashed) < 4:
            return {}
        told = {index for stem in query.own for index in self._told_by.get(stem, []) if index in self._chinese}
        candidates = {index: self._chinese[index] for index in sorted(told)}
        found = process.extract(query.squashed, candidates, scorer=Indel.normalized_similarity, score_cutoff=LEAST_SHARED, limit=None)
        return self._shared_letters(query, [index for _, _, index in found])

    def _shared_letters(self, query: "_Form", candidates: Iterable[int]) -> dict[int, float]:
        asked = query.by_letter(self._weigh(query))
        found: dict[int, float] = {}
        for index in candidates:
            form = self._forms[index]
            held = form.by_letter(self._weights[index])
            blocks = Indel.opcodes(query.squashed, form.squashed).as_matching_blocks()
            count = sum(block.size for block in blocks)
            by_count = _nearness(count, len(asked) - count, len(held) - count)
            in_query = sum(sum(asked[block.a : block.a + block.size]) for block in blocks)
            in_name = sum(sum(held[block.b : block.b + block.size]) for block in blocks)
            by_weight = _nearness((in_query + in_name) / 2, sum(asked) - in_query, sum(held) - in_name)
            # One slip does not hide a name, even where it is in the only word that tells the name apart.
            least = LEAST_SHARED if OSA.distance(query.squashed, form.squashed) <= 1 else 0.0
            found[index] = max(math.sqrt(by_count * by_weight), least)
        return found

    def _near_words(self, query: "_Form") -> dict[int, float]:
        """Names that share words with the query, in any order, as they stand or misspelt, one that is not generic among them."""
        weights = dict(zip(query.stems, self._weigh(query), strict=True))
        asked = sorted(((stem, weight) for stem, weight in weights.items() if not search.is_cjk(stem)), key=lambda word: (-word[1], word[0]))
        alike = [self._alike(stem) for stem, _ in asked]
        candidates = {index for words in alike for word in words for index in self._told_by.get(word, [])}
        return {index: self._shared_words(asked, alike, index) for index in candidates}

    def _alike(self, stem: str) -> dict[str, float]:
        """The words of the vocabulary that are this word, perhaps misspelt, with their likeness of 1."""
        if stem in _GENERIC:
            return {stem: 1.0}
        return {stem: 1.0} | {word: 1 - distance / max(len(word), len(stem)) for word, distance in _misspelt(stem, self._vocabulary).items()}

    def _shared_words(self, asked: list[tuple[str, float]], alike: list[dict[str, float]], index: int) -> float:
        stems, weights = self._forms[index].stems, self._weights[index]
        free = set(range(len(stems)))
        count = weight = query_count = query_weight = name_count = name_weight = 0.0
        for (_, own_weight), likeness in zip(asked, alike, strict=True):
            place = max((place for place in free if stems[place] in likeness), key=lambda place: (likeness[stems[place]], -place), default=None)
            if place is None:
                query_count, query_weight = query_count + 1, query_weight + own_weight
                continue
            free.remove(place)
            like, unlike = likeness[stems[place]], 1 - likeness[stems[place]]
            count, weight = count + like, weight + like * weights[place]
            query_count, query_weight = query_count + unlike, query_weight + unlike * weights[place]
            name_count, name_weight = name_count + unlike, name_weight + unlike * weights[place]
        name_count, name_weight = name_count + len(free), name_weight + sum(weights[place] for place in sorted(free))
        return math.sqrt(_nearness(count, query_count, name_count) * _nearness(weight, query_weight, name_weight))


@dataclass(frozen=True, slots=True)
class _Form:
    """A name or query, folded. Its units are words in Latin script and single Chinese characters."""

    pieces: tuple[str, ...]
    """Words in Latin script and runs of Chinese."""
    units: tuple[str, ...]
    stems: tuple[str, ...]
    """The units in the singular, short forms written out."""
    generic: tuple[bool, ...]
    """Which units tell nobody apart."""

    @classmethod
    def of(cls, text: str) -> "_Form":
        pieces: list[str] = []
        units: list[str] = []
        stems: list[str] = []
        generic: list[bool] = []
        # Chinese is written without spaces: what stands between two runs is of layout.
        for is_cjk, found in groupby(search.RUN.findall(search.fold(text)), search.is_cjk):
            if is_cjk:
                run = "".join(found)
                pieces.append(run)
                units += run
                stems += run
                generic += [mark == "-" for mark in _GENERIC_PARTS.sub(lambda part: "-" * len(part[0]), run)]
            else:
                words = list(found)
                pieces += words
                units += words
                stems += map(_stem, words)
                generic += [stem in _GENERIC for stem in stems[-len(words) :]]
        return cls(tuple(pieces), tuple(units), tuple(stems), tuple(generic))

    def places(self, wanted: str) -> list[int]:
        """The places of the units where a wanted piece stands first: a whole word, or a part of a run of Chinese."""
        if not search.is_cjk(wanted):
            return [self.units.index(wanted)] if wanted in self.units else []
        first = 0
        for piece in self.pieces:
            if not search.is_cjk(piece):
                first += 1
            elif (start := piece.find(wanted)) >= 0:
                return list(range(first + start, first + start + len(wanted)))
            else:
                first += len(piece)
        return []

    @property
    def own(self) -> dict[str, None]:
        """The stems, in order, that tell the name apart: those that are not generic, or all if there are no others."""
        found = dict.fromkeys(stem for stem, generic in zip(self.stems, self.generic, strict=True) if not generic)
        return found or dict.fromkeys(self.stems)

    @property
    def words(self) -> str:
        return " ".join(self.pieces)

    @property
    def squashed(self) -> str:
        return "".join(self.pieces)

    @property
    def has_cjk(self) -> bool:
        return any(map(search.is_cjk, self.pieces))

    def by_letter(self, weights: tuple[float, ...]) -> tuple[float, ...]:
        """The weights of the units, spread over the letters of the squashed text."""
        return tuple(weight / len(unit) for unit, weight in zip(self.units, weights, strict=True) for _ in unit)


def _stem(word: str) -> str:
    """A word in the singular, written out where it is a usual short form."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return _SHORT_FORMS.get(word, word)


def _edits(length: int) -> int:
    """Slips of the pen that a word or name of this length may have."""
    return 0 if length < 4 else 1 if length < 10 else 2


K = TypeVar("K")


def _misspelt(text: str, by_length: Mapping[int, Mapping[K, str]]) -> dict[K, int]:
    """The keys of the texts that this one may be by slips of the pen, with the number of slips."""
    edits = _edits(len(text) + 2)
    lengths = range(len(text) - edits, len(text) + edits + 1)
    found = [
        hit
        for length in lengths
        if length in by_length
        for hit in process.extract(text, by_length[length], scorer=OSA.distance, score_cutoff=min(edits, _edits(max(length, len(text)))), limit=None)
    ]
    # Of a short word or abbreviation each letter counts (ASGCT, CSGCT): only neighbours may be transposed.
    return {
        key: int(distance)
        for other, distance, key in found
        if max(len(other), len(text)) >= 6 or search.is_cjk(text) or sorted(other) == sorted(text)
    }


def _nearness(shared: float, only_query: float, only_name: float) -> float:
    """The share of what is common (Tversky's index): what only the query has tells more against a name than what only the name has."""
    total = shared + 0.7 * only_query + 0.3 * only_name
    return shared / total if total else 0.0
