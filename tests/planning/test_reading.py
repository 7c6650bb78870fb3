# ruff: noqa: E501 - one prompt a line reads better than a line limit
"""What prompts say: each line a prompt as people write it, and what must have been understood."""

from typing import Any

import pytest

from app.models.brief import Brief
from app.services.planning import genres, moods, read

PIANO = "acoustic_grand_piano"

#: Prompt to the fields that must be so; tuples are sets of keys, None means that the words were silent.
PROMPTS: list[tuple[str, dict[str, Any]]] = [
    # From the user's own document.
    ("relaxing piano melody for meditation", {"moods": ["relaxing"], "instruments": [PIANO], "lead": PIANO, "use": "meditation", "genre": None, "drums": None}),
    ("upbeat electronic dance music", {"genre": "electronic", "moods": ["uplifting"], "instruments": []}),
    ("jazz piano with saxophone", {"genre": "jazz", "instruments": [PIANO, "saxophone"], "solo": None}),
    ("calm acoustic guitar for background music", {"moods": ["peaceful"], "instruments": ["acoustic_guitar"], "use": "background", "genre": None}),
    # Numbers.
    ("techno at 132 bpm", {"genre": "techno", "tempo_bpm": 132}),
    ("hip hop beat, 90bpm", {"genre": "hip-hop", "tempo_bpm": 90, "drums": None}),
    ("100 bmp lofi", {"genre": "lo-fi", "tempo_bpm": 100}),
    ("a march at 90", {"genre": "march", "tempo_bpm": 90}),
    ("tempo 90, strings", {"tempo_bpm": 90, "instruments": ["strings"]}),
    ("Tempo: 72.5 BPM", {"tempo_bpm": 72.5}),
    ("90-100 bpm house", {"genre": "house", "tempo_bpm": 95}),
    ("around 110 beats per minute", {"tempo_bpm": 110}),
    ("１２０ｂｐｍ", {"tempo_bpm": 120}),
    ("90 seconds of rain", {"tempo_bpm": None, "moods": ["rain"]}),
    ("party at 8 pm in the 90s", {"tempo_bpm": None}),
    ("8-bit game music from the 80s", {"tempo_bpm": None, "genre": "chiptune"}),
    ("900 bpm speedcore", {"tempo_bpm": None, "conflicts": 1}),
    ("slow but 170 bpm", {"tempo_bpm": 170, "tempo_feel": -0.65, "conflicts": 1}),
    ("120 bpm or 90 bpm", {"tempo_bpm": 120, "conflicts": 1}),
    ("ninety bpm boom bap", {"genre": "boom-bap", "tempo_bpm": 90}),
    ("one hundred and twenty five beats per minute", {"tempo_bpm": 125}),
    ("tempo of one forty", {"tempo_bpm": 140}),
    ("centoventi bpm", {"tempo_bpm": 120}),
    ("quatre-vingt-quinze bpm", {"tempo_bpm": 95}),
    ("fünfundneunzig Schläge pro Minute", {"tempo_bpm": 95}),
    ("cento e vinte bpm", {"tempo_bpm": 120}),
    ("テンポ80", {"tempo_bpm": 80}),
    ("dubstep wobble 140, dark", {"genre": "dubstep", "tempo_bpm": 140}),
    ("garage 132 shuffled", {"genre": "garage", "tempo_bpm": 132, "feel": "shuffle"}),
    ("hardstyle 150 reverse bass", {"genre": "hardstyle", "tempo_bpm": 150}),
    ("route 66 rock", {"tempo_bpm": None}),
    ("100 jazz songs", {"tempo_bpm": None}),
    ("two guitars and a hundred people", {"tempo_bpm": None}),
    ("ten minutes of rain", {"tempo_bpm": None}),
    # Keys and modes.
    ("in F#m", {"tonic": "F#", "mode": "minor"}),
    ("piano in C minor", {"tonic": "C", "mode": "minor", "instruments": [PIANO]}),
    ("D major fanfare", {"tonic": "D", "mode": "major", "genre": "fanfare"}),
    ("Bb major waltz", {"tonic": "Bb", "mode": "major", "genre": "waltz"}),
    ("ballad in Eb", {"tonic": "Eb", "mode": None}),
    ("e flat minor nocturne", {"tonic": "Eb", "mode": "minor"}),
    ("C sharp minor", {"tonic": "C#", "mode": "minor"}),
    ("A minor blues", {"tonic": "A", "mode": "minor", "genre": "blues"}),
    ("a song in a minor", {"tonic": "A", "mode": "minor"}),
    ("a waltz in a minor key", {"tonic": None, "mode": "minor", "genre": "waltz"}),
    ("a minor key ballad", {"tonic": None, "mode": "minor"}),
    ("song in A minor key", {"tonic": "A", "mode": "minor"}),
    ("A minor key piece", {"tonic": None, "mode": "minor"}),
    ("music for a major event", {"tonic": None, "mode": None}),
    ("a minor setback in the story", {"tonic": None, "mode": None}),
    ("key of G, happy", {"tonic": "G", "mode": None, "moods": ["happy"]}),
    ("key: am", {"tonic": "A", "mode": "minor"}),
    ("I am happy in a big city", {"tonic": None, "mode": None}),
    ("a #1 hit", {"tonic": None}),
    ("sad, minor, slow", {"tonic": None, "mode": "minor", "tempo_feel": -0.65}),
    ("D dorian jam", {"tonic": "D", "mode": "dorian"}),
    ("phrygian metal", {"tonic": None, "mode": "phrygian", "genre": "metal"}),
    ("B# major, then C minor", {"tonic": "C", "mode": "major"}),
    ("E minor and G major", {"tonic": "E", "mode": "minor", "conflicts": 1}),
    # Metres.
    ("a jig in 6/8", {"time_signature": "6/8", "genre": "jig"}),
    ("7/8 prog rock", {"time_signature": "7/8", "genre": "progressive-rock"}),
    ("in waltz time", {"time_signature": "3/4"}),
    ("9/8 folk dance", {"time_signature": "12/8", "conflicts": 1}),
    ("open 24/7 store", {"time_signature": None}),
    ("3/4 and 4/4", {"time_signature": "3/4", "conflicts": 1}),
    # Refusals.
    ("ambient, no drums", {"genre": "ambient", "drums": False}),
    ("rock without vocals", {"genre": "rock", "excluded_instruments": ["voice"], "drums": None}),
    ("no drums, bass or vocals, just soft piano", {"drums": False, "excluded_instruments": ["bass", "voice"], "instruments": [PIANO], "solo": True}),
    ("no drums, piano and strings", {"drums": False, "instruments": [PIANO, "strings"], "excluded_instruments": []}),
    ("without drums and vocals, gentle guitar", {"drums": False, "excluded_instruments": ["voice"], "instruments": ["guitar"]}),
    ("no drums and a flute", {"drums": False, "instruments": ["flute"], "excluded_instruments": []}),
    ("a slow beat with pads", {"drums": None, "instruments": ["pad"]}),
    ("no drums and a soft flute", {"drums": False, "instruments": ["flute"], "excluded_instruments": []}),
    ("no drums but hand percussion", {"drums": False, "instruments": ["percussion"]}),
    ("drumless jazz", {"genre": "jazz", "drums": False}),
    ("drum-free ambient", {"genre": "ambient", "drums": False}),
    ("no beat, only pads", {"drums": False, "instruments": ["pad"], "solo": True}),
    ("not sad", {"moods": [], "valence": 0.4}),
    ("not sad piano music", {"moods": [], "instruments": [PIANO]}),
    ("no sad vocals please", {"excluded_instruments": ["voice"]}),
    ("not too fast", {"tempo_feel": -0.3}),
    ("not jazz, rather funk", {"genre": "funk", "excluded_genres": ["jazz"]}),
    ("don't stop the music, dance!", {"use": "dance", "excluded_instruments": []}),
    ("piano, but no piano", {"instruments": [], "excluded_instruments": [PIANO], "conflicts": 1}),
    ("instrumental, no singing", {"genre": "instrumental", "excluded_instruments": ["voice"]}),
    ("everything except guitar", {"excluded_instruments": ["guitar"], "instruments": []}),
    ("no drums. Guitar and bass.", {"drums": False, "instruments": ["guitar", "bass"]}),
    ("neither drums nor bass", {"drums": False, "excluded_instruments": ["bass"]}),
    ("nothing with drums please", {"drums": False}),
    ("ambient pads without any percussion", {"genre": "ambient", "drums": False, "instruments": ["pad"]}),
    ("hold the drums, just bass and rhodes", {"drums": False, "instruments": ["bass", "electric_piano"]}),
    ("everything but drums", {"drums": False}),
    ("no melody stuff just 808 and bells", {"drums": True, "instruments": ["synth_808", "bells"]}),
    ("solo cello, mournful, free time", {"moods": ["sad"], "instruments": ["cello"], "solo": True}),
    ("ピアノもギターもなし、シンセだけ", {"instruments": ["synth"], "excluded_instruments": [PIANO, "guitar"]}),
    ("violoncelo e piano, nada de percussão", {"instruments": ["cello", PIANO], "drums": False}),
    ("a cello, nothing else", {"instruments": ["cello"], "solo": True}),
    ("rock, no cymbals", {"drums": None, "conflicts": 1}),
    ("starts with solo violin, then full orchestra", {"instruments": ["violin"], "lead": "violin", "solo": None}),
    ("EDM 128 no vocals", {"tempo_bpm": 128, "excluded_instruments": ["voice"]}),
    # Names within names.
    ("dark ambient drone", {"genre": "drone"}),
    ("western soundtrack", {"genre": "western"}),
    ("stadium rock with a march", {"genre": "hard-rock"}),
    ("flamenco guitar, slow", {"genre": "flamenco"}),
    ("ethereal choir", {"moods": ["dreamy"], "instruments": ["choir"]}),
    ("deep sub, clean guitar", {"moods": []}),
    ("we finally got the keys to our first house", {"genre": None, "instruments": []}),
    ("kids on a swing in the jungle", {"genre": None}),
    # Degrees, speed, density.
    ("very slow", {"tempo_feel": -0.878}),
    ("a bit dark", {"moods": ["dark"], "valence": -0.275}),
    ("mid-tempo rock", {"tempo_feel": 0.0, "genre": "rock"}),
    ("allegro", {"tempo_feel": 0.6}),
    ("sparse and minimal", {"density": -0.72}),
    ("busy, complex arrangement", {"density": 0.78}),
    ("fast but slow", {"tempo_feel": -0.025, "conflicts": 1}),
    ("quite dark", {"valence": -0.632}),
    ("barely sad", {"valence": -0.4}),
    ("incredibly happy", {"valence": 1.0}),
    # Players.
    ("solo piano", {"instruments": [PIANO], "solo": True}),
    ("piano only", {"instruments": [PIANO], "solo": True}),
    ("just a guitar", {"instruments": ["guitar"], "solo": True}),
    ("solo drums", {"drums": True, "instruments": [], "solo": True}),
    ("solo drum kit, 120 bpm", {"drums": True, "instruments": [], "tempo_bpm": 120, "solo": True}),
    ("piano with solo drums", {"drums": True, "instruments": [PIANO], "solo": None}),
    ("only piano and strings", {"instruments": [PIANO, "strings"], "solo": True}),
    ("metal with a guitar solo", {"genre": "metal", "instruments": ["guitar"], "lead": "guitar", "solo": None}),
    ("solo violin over strings", {"instruments": ["violin", "strings"], "lead": "violin", "solo": None}),
    ("lead flute over warm pads and walking bass", {"instruments": ["flute", "pad", "acoustic_bass"], "lead": "flute"}),
    ("4/4 120bpm Am", {"tempo_bpm": 120, "time_signature": "4/4", "tonic": "A", "mode": "minor"}),
    ("I Am Legend style music", {"tonic": None, "mode": None}),
    ("piano at 3 Am", {"tonic": None, "tempo_bpm": None}),
    ("bebop, 220", {"genre": "jazz", "tempo_bpm": 220}),
    ("fast as hell rock", {"genre": "rock", "moods": [], "not_understood": []}),
    ("something beautiful", {"moods": ["romantic"]}),
    ("flute plays the melody over harp", {"instruments": ["flute", "harp"], "lead": "flute", "excluded_instruments": []}),
    ("strings with a melody on piano", {"instruments": ["strings", PIANO], "lead": PIANO}),
    ("techno without a melody", {"genre": "techno", "excluded_instruments": ["melody"], "instruments": [], "lead": None}),
    ("no drums or melody, just pads", {"drums": False, "excluded_instruments": ["melody"], "instruments": ["pad"]}),
    ("techno sin melodía", {"genre": "techno", "excluded_instruments": ["melody"]}),
    ("lofi, pas de mélodie", {"genre": "lo-fi", "excluded_instruments": ["melody"]}),
    ("メロディなしのテクノ", {"genre": "techno", "excluded_instruments": ["melody"]}),
    ("a storm builds slowly then breaks", {"genre": None, "moods": ["storm"]}),
    ("neon city night drive, retro synths", {"genre": "synthwave"}),
    ("music for a cat food commercial", {"use": "product_video"}),
    ("violin melody with harp", {"instruments": ["violin", "harp"], "lead": "violin"}),
    ("folk song featuring banjo", {"genre": "folk", "instruments": ["banjo"], "lead": "banjo"}),
    ("string quartet", {"instruments": ["violin", "viola", "cello"], "solo": True}),
    ("classical guitar", {"genre": None, "instruments": ["nylon_guitar"]}),
    ("steel drums on the beach", {"instruments": ["steel_drums"], "drums": None}),
    ("drum and bass", {"genre": "drum-and-bass", "instruments": [], "drums": None}),
    ("no guitars", {"excluded_instruments": ["guitar"]}),
    ("drums only", {"drums": True, "solo": True}),
    ("ambient, no rhythm", {"drums": False}),
    ("808 drums and slap bass", {"drums": True, "instruments": ["synth_808", "slap_bass_1"]}),
    ("music box", {"instruments": ["music_box"]}),
    # Genres.
    ("folk rock", {"genre": "soft-rock"}),
    ("reggae rock", {"genre": "rock", "conflicts": 1}),
    ("rock, with some reggae", {"genre": "rock", "conflicts": 1}),
    ("lofi hip hop", {"genre": "lo-fi"}),
    ("R&B slow jam", {"genre": "rnb"}),
    ("rock'n'roll", {"genre": "rock"}),
    ("jazz, then some techno", {"genre": "techno", "conflicts": 1}),
    ("acoustic pop", {"genre": "acoustic"}),
    ("acoustic jazz", {"genre": "jazz"}),
    ("minimal piano piece like Satie", {"genre": "impressionist", "instruments": [PIANO], "conflicts": 0}),
    ("flamenco guitar", {"genre": "flamenco", "instruments": ["nylon_guitar"]}),
    ("instrumental hip-hop", {"genre": "hip-hop"}),
    # Uses and scenes.
    ("boss fight in a video game", {"use": "boss_fight", "valence": -0.4}),
    ("podcast intro", {"use": "podcast_intro"}),
    ("lullaby for my baby", {"use": "lullaby", "moods": ["baby"]}),
    ("wedding in the rain", {"use": "wedding", "moods": ["rain"]}),
    ("the last bus home after we lost the final", {"moods": ["loss", "melancholic"], "not_understood": []}),
    ("happy and sad", {"moods": ["happy", "sad"], "conflicts": 1}),
    # Typing errors, and words that are none.
    ("relaxng paino musci", {"moods": ["relaxing"], "instruments": [PIANO]}),
    ("classcal orchstra", {"genre": "orchestral"}),
    ("melancolic saxaphone", {"moods": ["melancholic"], "instruments": ["saxophone"]}),
    ("the beast and the horse saw an angle", {"moods": [], "genre": None, "instruments": []}),
    # Other languages.
    ("música triste sin percusión con guitarra española", {"moods": ["sad"], "drums": False, "instruments": ["nylon_guitar"]}),
    ("canción de cuna muy lenta en la menor", {"use": "lullaby", "tempo_feel": -0.878, "tonic": "A", "mode": "minor"}),
    ("rock alegre y rápido, sin voz", {"genre": "rock", "moods": ["happy"], "tempo_feel": 0.6, "excluded_instruments": ["voice"]}),
    ("música calma para dormir, sem bateria", {"moods": ["peaceful"], "use": "sleep", "drums": False}),
    ("samba alegre com violão e pandeiro", {"genre": "samba", "moods": ["happy"], "instruments": ["acoustic_guitar", "percussion"]}),
    ("musique douce sans batterie avec piano et violon", {"moods": ["peaceful"], "drums": False, "instruments": [PIANO, "violin"]}),
    ("une valse mélancolique pour accordéon", {"genre": "waltz", "moods": ["melancholic"], "instruments": ["accordion"]}),
    ("ruhige Klaviermusik ohne Schlagzeug", {"moods": ["peaceful"], "drums": False, "genre": "solo-piano"}),
    ("düsterer Techno", {"genre": "techno", "moods": ["dark"]}),
    ("fröhliche Gitarrenmusik, nicht zu schnell", {"moods": ["happy"], "instruments": ["guitar"], "tempo_feel": -0.3}),
    ("ein Walzer in h-Moll", {"genre": "waltz", "tonic": "B", "mode": "minor"}),
    ("B-Dur", {"tonic": "Bb", "mode": "major"}),
    ("musica rilassante senza batteria, pianoforte", {"moods": ["relaxing"], "drums": False, "instruments": [PIANO]}),
    ("si bemolle maggiore", {"tonic": "Bb", "mode": "major"}),
    ("静かなピアノ曲 ドラムなし", {"moods": ["peaceful"], "instruments": [PIANO], "drums": False}),
    ("イ短調のピアノソロ", {"tonic": "A", "mode": "minor", "instruments": [PIANO], "solo": True}),
    ("嬰ハ短調", {"tonic": "C#", "mode": "minor"}),
    ("ブロックのロック", {"genre": "rock", "not_understood": ["ブロック"]}),
    ("ﾛｯｸ", {"genre": "rock"}),
    # Sub-genres, ensembles, forms.
    ("folk ballad with acoustic guitar", {"genre": "folk", "tempo_feel": -0.35, "instruments": ["acoustic_guitar"], "conflicts": 0}),
    ("rock ballad", {"genre": "rock", "conflicts": 0}),
    ("a ballad", {"genre": "power-ballad"}),
    ("prog metal in 7/8", {"genre": "progressive-metal", "time_signature": "7/8", "conflicts": 0}),
    ("90s eurodance", {"genre": "eurodance", "moods": ["nineties"]}),
    ("post-punk with chorus guitar", {"genre": "post-punk", "instruments": ["electric_guitar"]}),
    ("medieval tavern song w/ lute and hurdy gurdy", {"genre": "medieval", "instruments": ["nylon_guitar", "fiddle"], "not_understood": []}),
    ("spooky halloween theremin", {"genre": "horror", "instruments": ["analog_lead"], "moods": ["scary"]}),
    ("didgeridoo and tribal drums", {"instruments": ["drone", "war_drums"], "drums": True}),
    ("something like Daft Punk", {"genre": "house"}),
    ("jazz trio: piano, bass, drums", {"genre": "jazz", "instruments": [PIANO, "acoustic_bass", "jazz_kit"], "solo": True}),
    ("a cappella choir, sacred", {"genre": "choral", "instruments": ["choir_aahs"], "solo": True}),
    ("duet for flute and harp", {"instruments": ["flute", "harp"], "solo": True}),
    ("trap with 808s and hi-hat rolls", {"genre": "trap", "instruments": ["sub_bass"], "drums": True, "not_understood": []}),
    ("mellow trip-hop w/ vinyl crackle", {"genre": "trip-hop", "moods": ["relaxing", "nostalgic"], "not_understood": []}),
    # Scenes without a musical word.
    ("chasing a thief across rooftops", {"moods": ["chase", "city"], "not_understood": []}),
    ("car chase through a crowded city, breathless", {"moods": ["city", "chase", "anxious"], "not_understood": []}),
    ("ballade jazz de fin de soirée, sans batterie", {"genre": "jazz-ballad", "moods": ["night"], "use": None}),
    ("our team just won the championship", {"moods": ["win", "friends"]}),
    ("she opened the letter and everything changed", {"moods": ["mysterious", "dramatic"]}),
    ("walking through an empty city at 3am", {"moods": ["cold", "night"], "tempo_bpm": None}),
    ("my grandmother's kitchen on a sunday morning", {"moods": ["home", "family"]}),
    ("we're late for the airport", {"moods": ["anxious"], "use": "vlog"}),
    ("two robots falling in love", {"moods": ["romantic", "futuristic"]}),
    # Parts of a piece are no moods of the whole, and refusals of them no refusals of players.
    ("starts with a soft piano and grows", {"arc": "builds", "instruments": [PIANO]}),
    ("seamless loop for a mobile game", {"loop": True, "use": "game"}),
    ("no loop, no drums", {"loop": False, "drums": False}),
    ("30 seconds of pop", {"tempo_bpm": None, "not_understood": []}),
    # Signs.
    ("😢🎹 🌧", {"moods": ["sad", "rain"], "instruments": [PIANO]}),
    ("HAPPY!!! UKULELE???", {"moods": ["happy"], "instruments": ["ukulele"]}),
    ("موسيقى هادئة 90 bpm", {"tempo_bpm": 90}),
    ("", {"genre": None, "moods": [], "instruments": [], "not_understood": []}),
]  # fmt: skip


def heard(brief: Brief, field: str) -> Any:
    """A field as keys only."""
    value = getattr(brief, field)
    if isinstance(value, tuple):
        if field == "conflicts":
            return len(value)
        return [getattr(item, "value", item) for item in value]
    return getattr(value, "value", value)


@pytest.mark.parametrize(("prompt", "expected"), PROMPTS, ids=[prompt for prompt, _ in PROMPTS])
def test_a_prompt_is_understood(prompt: str, expected: dict[str, Any]):
    brief = read(prompt)

    assert {field: heard(brief, field) for field in expected} == expected


@pytest.mark.parametrize("prompt", [prompt for prompt, _ in PROMPTS])
def test_every_decision_quotes_the_prompts_own_words(prompt: str):
    brief = read(prompt)

    for field, value in brief:
        for item in value if isinstance(value, tuple) else (value,):
            for words in getattr(item, "words", ()):
                assert words, field
                assert words in prompt, field
    assert all(words in prompt for words in brief.not_understood)


def test_every_offered_genre_is_read_by_its_name():
    assert [name for name in genres() if read(f"{name.replace('-', ' ')} music").genre is None] == []


@pytest.mark.parametrize("genre", genres()[:12])
def test_the_contracts_genres_are_read_as_themselves(genre: str):
    assert read(genre).genre.value == genre
    assert read(f"a {genre} track").genre.value == genre


@pytest.mark.parametrize("mood", moods())
def test_every_offered_mood_is_read_by_its_name(mood: str):
    assert [heard.value for heard in read(mood).moods] == [mood]


@pytest.mark.parametrize("mood", moods()[:11])
def test_happier_moods_stand_higher_and_livelier_ones_further_out(mood: str):
    brief = read(mood)

    assert (brief.valence < 0) == (mood in ("sad", "dramatic", "mysterious", "melancholic"))
    assert (brief.arousal > 0) == (mood in ("happy", "energetic", "dramatic", "uplifting", "triumphant"))


def test_moods_come_strongest_first():
    assert [mood.value for mood in read("rain, a bit sad, very happy").moods] == ["happy", "rain", "sad"]
    assert [mood.value for mood in read("rainy day, sad").moods] == ["sad", "rain"]
    assert [mood.value for mood in read("a bit happy, extremely dark").moods] == ["dark", "happy"]


def test_conflicts_say_how_they_were_settled():
    assert "the number wins" in read("slow, 170 bpm").conflicts[0]
    assert "“900 bpm”" in read("900 bpm").conflicts[0]
    assert "techno leads" in read("jazz techno").conflicts[0]
    assert "waltz is in 3/4" in read("a waltz in 4/4").conflicts[0]
    assert "middle is taken" in read("sparse but busy").conflicts[0]
    assert "left out" in read("with drums, piano and no piano").conflicts[0]
    assert read("a slow waltz in 3/4, 80 bpm, in A minor, no drums").conflicts == ()


def test_words_nobody_knows_are_listed_once_and_fillers_are_not():
    assert read("please make me a zorgly zorgly song with qux").not_understood == ("zorgly", "qux")


def test_the_same_prompt_reads_the_same():
    prompt = "slow sad piano in C minor, no drums, a bit like rain"

    assert read(prompt) == read(prompt)


@pytest.mark.parametrize(("prompt", "genre"), [("minimal house loop", "house"), ("minimal electronic", "electronic")])
def test_a_word_for_few_notes_does_not_swallow_the_genre_that_it_stands_before(prompt: str, genre: str):
    brief = read(prompt)

    assert brief.genre is not None
    assert brief.genre.value == genre
    assert brief.density is not None
    assert brief.density.value < 0
