"""Music → files: audio in every form, MIDI, stems, JSON."""

from app.services.encoding.clips import keep_clip, read_clip
from app.services.encoding.cover import write_cover
from app.services.encoding.draft import file_facts, write_bytes, write_json
from app.services.encoding.encoder import AUDIO_FORMS, Encoder, encode_from_wav, open_encoder
from app.services.encoding.midi import write_midi
from app.services.encoding.pianoroll import write_piano_roll
from app.services.encoding.spectrogram import write_spectrogram
from app.services.encoding.stems import write_stems
from app.services.encoding.streams import STREAM_FORMS, ByteStream
from app.services.encoding.tags import Tags, make_tags
from app.services.encoding.takes import HeldTake, deliver, delivered, hold_take
from app.services.encoding.wav import wav_head
from app.services.encoding.waveform import write_waveform

__all__ = [
    "AUDIO_FORMS",
    "STREAM_FORMS",
    "ByteStream",
    "Encoder",
    "HeldTake",
    "Tags",
    "deliver",
    "delivered",
    "encode_from_wav",
    "file_facts",
    "hold_take",
    "keep_clip",
    "make_tags",
    "open_encoder",
    "read_clip",
    "wav_head",
    "write_bytes",
    "write_cover",
    "write_json",
    "write_midi",
    "write_piano_roll",
    "write_spectrogram",
    "write_stems",
    "write_waveform",
]
