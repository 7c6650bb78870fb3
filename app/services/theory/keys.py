"""Keys: a key note with its scale, and the keys that lie so many semitones away, spelt as players read them."""

from dataclasses import dataclass

from app.models.plan import Mode
from app.services.theory.scales import pitch_class, scale, third_of

#: The usual name of a key on each pitch class: the one with fewer accidentals.
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


@dataclass(frozen=True, slots=True)
class Key:
    """A key note and a scale."""

    #: "C", "F#", "Bb".
    tonic: str
    mode: Mode

    @property
    def root(self) -> int:
        """Pitch class of the key note."""
        return pitch_class(self.tonic)

    @property
    def scale(self) -> tuple[int, ...]:
        """Pitch classes from the key note up."""
        return scale(self.root, self.mode)

    def moved(self, semitones: int, mode: Mode | None = None) -> "Key":
        """The key so many semitones above (or below) this one, in its own scale or in another.

        >>> Key("A", "major").moved(2), Key("G", "major").moved(-3, "minor")
        (Key(tonic='B', mode='major'), Key(tonic='E', mode='minor'))
        """
        mode = mode or self.mode
        if semitones % 12 == 0:
            return Key(self.tonic, mode)
        names = _MINOR_NAMES if third_of(mode) == "minor" else _MAJOR_NAMES
        return Key(names[(self.root + semitones) % 12], mode)
