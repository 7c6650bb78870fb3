"""Drum keys of General MIDI (level 1 and the level 2 additions), by the names that grooves use."""

#: Name to MIDI key of the percussion channel.
DRUM_KEYS: dict[str, int] = {
    "kick_soft": 35, "kick": 36, "rim": 37, "snare": 38, "clap": 39, "snare_2": 40, "floor_tom": 41, "hat": 42,
    "low_tom": 45, "pedal": 44, "low_floor_tom": 43, "open_hat": 46, "mid_tom": 47, "high_mid_tom": 48, "crash": 49,
    "high_tom": 50, "ride": 51, "china": 52, "bell": 53, "tambourine": 54, "splash": 55, "cowbell": 56, "crash_2": 57,
    "ride_2": 59, "bongo_high": 60, "bongo_low": 61, "conga_mute": 62, "conga_open": 63, "conga_low": 64,
    "timbale_high": 65, "timbale_low": 66, "agogo_high": 67, "agogo_low": 68, "cabasa": 69, "maracas": 70,
    "guiro_short": 73, "guiro_long": 74, "claves": 75, "woodblock_high": 76, "woodblock_low": 77, "cuica_mute": 78,
    "cuica_open": 79, "triangle_mute": 80, "triangle": 81, "shaker": 82, "jingle_bell": 83, "castanets": 85,
    "surdo_mute": 86, "surdo": 87, "timpani": 41, "timpani_fifth": 45,
}  # fmt: skip

#: What kits of the orchestra have in place of a band's drums.
_ORCHESTRA = {
    "kick": 36, "kick_soft": 35, "snare": 38, "rim": 37, "clap": 39, "crash": 59, "crash_2": 57, "hat": 80,
    "open_hat": 81, "pedal": 80, "ride": 81, "bell": 81, "tambourine": 54,
}  # fmt: skip

#: Semitones above the tonic of the drums that an orchestra tunes: the General MIDI 2 orchestra kit has its timpani
#: on the keys 41 (F) to 53 (f).
_TIMPANI = {
    "timpani": 0, "timpani_fifth": 7, "high_tom": 0, "high_mid_tom": 7, "mid_tom": 7, "low_tom": 0, "floor_tom": 0,
    "low_floor_tom": 7, "surdo": 0, "surdo_mute": 7,
}  # fmt: skip


def drum_key(drum: str, kit: str, tonic: int) -> int:
    """The key that sounds a drum on a kit; an orchestra's timpani are tuned to the tonic's pitch class.

    >>> drum_key("kick", "standard_kit", 0), drum_key("timpani_fifth", "orchestra_kit", 9)
    (36, 52)
    """
    if kit != "orchestra_kit":
        return DRUM_KEYS[drum]
    if drum in _TIMPANI:
        return 41 + (tonic + _TIMPANI[drum] - 41) % 12
    return _ORCHESTRA.get(drum, DRUM_KEYS[drum])
