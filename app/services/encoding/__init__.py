"""Music → files: audio in every form, MIDI, stems, JSON."""

from app.services.encoding.draft import file_facts, write_json
from app.services.encoding.encoder import AUDIO_FORMS, Encoder, encode_from_wav, open_encoder
from app.services.encoding.midi import write_midi
from app.services.encoding.stems import write_stems
from app.services.encoding.tags import Tags, make_tags

__all__ = [
    "AUDIO_FORMS",
    "Encoder",
    "Tags",
    "encode_from_wav",
    "file_facts",
    "make_tags",
    "open_encoder",
    "write_json",
    "write_midi",
    "write_stems",
]
