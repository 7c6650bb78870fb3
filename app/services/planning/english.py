"""Rows of the vocabulary go in, the English words for them that captions of music hold come out."""

#: Rows of the vocabulary whose key is no English name. Others are named by their key.
NAMES = {
    "rnb": "R&B", "lo-fi": "lo-fi", "k-pop": "K-pop", "j-pop": "J-pop", "hip-hop": "hip hop", "idm": "IDM",
    "world": "world music", "childrens": "children's music", "trailer": "epic trailer music",
    "library-underscore": "underscore", "romantic-classical": "romantic classical", "jig": "Irish jig",
    "reel": "Irish reel", "corporate": "corporate background music", "shanty": "sea shanty",
    "eighties": "80s", "nineties": "90s", "driving_scene": "night drive", "loss": "grieving", "win": "victorious",
    "past": "historical", "space": "spacious", "rain": "rainy", "storm": "stormy", "sexy": "sensual",
    "acoustic_grand_piano": "piano", "slap_bass_1": "slap bass", "synth_strings_1": "synth strings",
    "synth_brass_1": "synth brass", "long_808": "808 bass", "synth_808": "808 drum machine",
    "chip_pulse": "chiptune lead",
    "chip_kit": "8-bit drums", "brush_kit": "brushed drums", "jazz_kit": "jazz drums", "power_kit": "heavy drums",
    "orchestra_kit": "orchestral percussion", "kit_part": "drums", "fm_bass": "FM bass", "fm_bell": "FM bells",
    "words_sung": "vocals", "voice": "vocals", "shanai": "shehnai", "analog_lead": "analog synth lead",
    "supersaw": "supersaw synth", "pulse_lead": "square wave lead", "pad": "synth pad", "warm_pad": "warm synth pad",
    "sweeping_pad": "sweeping synth pad", "glass_pad": "glassy synth pad", "wind": "wind sounds", "risers": "risers",
    "bird_tweet": "birdsong", "sea_waves": "sea waves", "duo_piano_violin": "piano and violin duo",
    "duo_piano_cello": "piano and cello duo", "flute_and_harp_duo": "flute and harp duo", "gamelan_set": "gamelan",
    "party_use": "parties", "trailer_use": "a trailer", "boss_fight": "a boss fight",
    "game": "a video game", "film": "a film", "podcast_intro": "a podcast intro", "product_video": "a product video",
    "kids_show": "a kids' show", "wedding": "a wedding", "funeral": "a funeral", "documentary": "a documentary",
    "vlog": "a vlog", "date": "a romantic evening", "sting": "a short sting", "stream": "a live stream",
    "theme_park": "a theme park", "game_menu": "a game menu", "game_town": "a game's town", "tutorial": "a tutorial",
    "presentation": "a presentation", "spa": "a spa", "restaurant": "a restaurant", "audiobook": "an audiobook",
    "background": "the background", "real_estate": "a real estate video", "graduation": "a graduation",
}  # fmt: skip

#: Names that are no nouns: "music" follows them.
ADJECTIVES = frozenset({
    "acoustic", "ambient", "andean", "arabic", "asian", "baroque", "celtic", "chamber", "choral", "cinematic",
    "classical", "electronic", "epic", "hawaiian", "indian", "industrial", "instrumental", "medieval", "orchestral",
    "symphonic",
})  # fmt: skip

#: Moods whose names are scenes and times: they stand after the genre, "epic orchestral battle music".
SCENES = frozenset({
    "adventure", "autumn", "baby", "battle", "beach", "castle", "chase", "christmas", "city", "desert", "dungeon",
    "family", "friends", "home", "morning", "nature", "night", "night drive", "ocean", "space", "spring", "sunset",
    "winter",
})  # fmt: skip

#: Words nobody knows that say nothing to a model either.
IDLE = frozenset({"sample", "samples", "session", "sessions", "sound", "sounds"})

#: Courses of the energy as captions tell them.
COURSES = {
    "builds": "building up gradually",
    "bursts": "bursting out suddenly",
    "drop_at_end": "dropping at the end",
    "fades": "fading away",
    "calm_loud_calm": "calm, then loud, then calm again",
    "loud_calm_loud": "loud, then calm, then loud again",
    "waves": "rising and falling in waves",
    "steady": "steady energy throughout",
}


def named(key: str) -> str:
    """The English name of a row.

    >>> named("acoustic_grand_piano"), named("deep-house")
    ('piano', 'deep house')
    """
    return NAMES.get(key) or key.replace("_", " ").replace("-", " ")
