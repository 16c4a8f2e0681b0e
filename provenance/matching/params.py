"""Every number that can change what a scan reports, and the names that record them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from provenance.canonical import digest_of
from provenance.config import MIN_WORDS
from provenance.model.reference import ReferenceKind

INDEX_FORMAT = "provenance.reference-index"
INDEX_VERSION = 7
PACK_RULES = "pack-1"
"""Version of what a pack holds (``pack.py``) and of how matches with it are judged (``sampled.py``); it changes with any number there."""
_LEAST_WINDOW, _MOST_WINDOW = 2, 16
"""Words of a window that kernels were tested with."""
SMALL_REFERENCE_WORDS, LARGE_REFERENCE_WORDS = 4_000_000, 12_000_000
"""Up to the first every window of a reference is a seed, beyond it every second, and of works beyond the second every fourth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexParams:
    """How one segment of a reference index was built. Stored in its header; another value means other hashes."""

    tokens: str
    """Scheme of the tokeniser."""
    window: int = 5
    """Words a seed window holds."""
    one_in: int = 1
    """Of texts: the first window of each reference and every ``one_in``-th after it is a seed, and all windows of the training text are looked up, so that each
    shared run of ``window + one_in - 1`` words is found. Of packs: FracMinHash, a window is kept if its hash is divisible by this power of two."""
    lists: str = "lists1"
    """Version of the rule that leaves out the numbers of list items."""
    escapes: str = "escapes1"
    """Version of the rules by which character references and broken words are read through."""
    spelling: str = "spelling1"
    """Version of the spelling codes."""
    markers: str = "gutenberg-1"
    """Version of the rule that finds a reference's front and back matter."""

    def __post_init__(self) -> None:
        """Refuse what no kernel can read."""
        if not _LEAST_WINDOW <= self.window <= _MOST_WINDOW:
            raise ValueError(f"window of {self.window} words is outside {_LEAST_WINDOW} … {_MOST_WINDOW}")
        if self.one_in < 1 or self.one_in & (self.one_in - 1):
            raise ValueError(f"rate of one in {self.one_in} is not a power of two")

    @property
    def name(self) -> str:
        """Return the scheme's name, which holds every parameter."""
        return f"{self.tokens}/window{self.window}/1in{self.one_in}/{self.lists}/{self.escapes}/{self.spelling}/{self.markers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchParams:
    """How a scan judges what the seeds find. Lengths are in words, scores in matching words less differences."""

    min_words: int = MIN_WORDS
    """Shorter passages are reported as explained: ``short-passage``."""
    floor_words: int = 8
    """Shorter ones are not reported at all, unless the whole field equals a whole reference."""
    min_score: int = 15
    """Alignment score an alarm needs."""
    min_novel: int = 15
    """Aligned words an alarm needs that neither the prompt, nor boilerplate, nor another model's answer explains."""
    min_density: float = 0.45
    """Share of a passage that must be copied word by word (``Candidate.density``), unless it holds an exact run of ``min_words``. Where three words of ten are
    replaced it is .55, give or take .07 in 100 words; of another translation it is below .4 nearly always."""
    common_share: float = 0.8
    """An exact run of ``min_words`` is common to models only if one other model's answer holds this share of it."""
    hits_per_seed: int = 64
    """Places of one seed that are followed; the rest is counted as dropped."""
    x_drop: int = 8
    """An extension stops once its score has fallen this far below its best."""
    anchor_score: int = 7
    """A stretch of this score stands on its own; a weaker one only beside such a stretch."""
    join_words: int = 40
    """Stretches at most this far apart in both texts are one passage."""
    reorder_words: int = 300
    """Strong stretches that follow one another in the training text are one passage if this close in the reference."""
    quote_words: int = 60
    """Longer runs in quotation marks are no quotation."""
    widespread: int = 3
    """A passage of up to ``common_words`` that this many unrelated references hold is common property."""
    common_words: int = 40
    """More words than these, in runs of ``piece_words`` and more, are never common property, whoever holds them too: who shares so much has one source."""
    piece_words: int = 12
    """Exact runs of this length add up over a record."""
    pieces_words: int = 48
    """So many words of one reference, in such runs, are an alarm for all pieces of a record; ``quote_words`` where pieces stand in quotation marks."""
    answer_words: int = 8
    """A whole field that equals a whole reference is an alarm from so many words of its own on, if no other provider's reference holds them."""
    answer_characters: int = 40
    """… and from so many characters on."""

    @property
    def least_pieces(self) -> int:
        """Return how many words of one reference the pieces of a record must hold to be an alarm together: no fewer than a passage."""
        return max(self.pieces_words, self.min_words)

    @property
    def name(self) -> str:
        """Return a name that changes with any parameter."""
        return "match-4-" + digest_of(asdict(self)).removeprefix("sha256:")[:12]


def choose_rate(words: int, kind: ReferenceKind) -> int:
    """Return one in how many windows to keep for the next segment of a set that holds so many words with it.

    Of answers at least every second is kept, however many there are: what other models say too is told by short runs, and with every fourth window too many of these
    are missed (docs/adr/0013-seeds.md has the figures).
    """
    if words <= SMALL_REFERENCE_WORDS:
        return 1
    sparse = words > LARGE_REFERENCE_WORDS and kind in {ReferenceKind.WORK, ReferenceKind.LICENSE_TEXT}
    return 4 if sparse else 2
