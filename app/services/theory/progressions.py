"""What each mode says for itself: the chords that show its own colour, as Roman numerals, bars divided by `|`."""

from app.models.plan import Mode

#: What each mode does where a style is silent: the loops that show its own colour.
MODAL_PROGRESSIONS: dict[Mode, tuple[str, ...]] = {
    "major": ("I | vi | IV | V", "I | V | vi | IV", "I | IV | ii | V"),
    "minor": ("i | VI | III | VII", "i | iv | VI | V", "i | VII | VI | VII"),
    "dorian": ("i | IV | i | VII", "i | ii | III | IV", "i | VII | IV | i"),
    "phrygian": ("i | II | i | vii", "i | II | III | II", "i | VI | II | i"),
    "lydian": ("I | II | iii | II", "I | V | II | vi", "I | II | vi | V"),
    "mixolydian": ("I | VII | IV | I", "I | v | IV | I", "I | IV | VII | IV"),
    "harmonic_minor": ("i | iv | V7 | i", "i | VI | iiø7 | V7", "i | VII | VI | V"),
}

#: What leads into the final tonic where a style is silent.
MODAL_CADENCES: dict[Mode, tuple[str, ...]] = {
    "major": ("IV V", "ii V7", "IV | V7"),
    "minor": ("iv V", "VI V7", "iv | V"),
    "dorian": ("IV v", "ii VII", "IV | VII"),
    "phrygian": ("vii II", "iv II"),
    "lydian": ("II V", "vi V"),
    "mixolydian": ("IV VII", "v VII", "VII | IV"),
    "harmonic_minor": ("iv V7", "iiø7 V7", "iv | V7"),
}
