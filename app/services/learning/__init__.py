"""Learning: MIDI files in, a style like the packaged ones out, and how near its music comes to theirs."""

from app.services.learning.corpus import Corpus, read_corpus
from app.services.learning.kinship import nearest
from app.services.learning.measuring import distances, tune_of
from app.services.learning.reading import FileUnusable, read_tune
from app.services.learning.teaching import learn

__all__ = ["Corpus", "FileUnusable", "distances", "learn", "nearest", "read_corpus", "read_tune", "tune_of"]
