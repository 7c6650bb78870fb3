# ruff: noqa: E501 - one prompt a line reads better than a line limit
"""What is said in one language is heard in all: seven languages against English on the same set of prompts."""

import pytest

from app.models.brief import Brief
from app.services.planning import read
from app.services.planning.languages import language_of
from app.services.planning.tokens import passage_of

LANGUAGES = ("es", "pt", "fr", "de", "it", "ja")

#: English first, then the same in each of LANGUAGES.
SAME: tuple[tuple[str, ...], ...] = (
    ("slow sad piano in A minor, no drums", "piano triste y lento en la menor, sin batería", "piano triste e lento em lá menor, sem bateria", "piano triste et lent en la mineur, sans batterie", "trauriges langsames Klavier in a-Moll, ohne Schlagzeug", "pianoforte triste e lento in la minore, senza batteria", "悲しくてゆっくりしたピアノ、イ短調、ドラムなし"),
    ("dark techno at 130 bpm", "techno oscuro a 130 bpm", "techno escuro a 130 bpm", "techno sombre à 130 bpm", "dunkler Techno mit 130 bpm", "techno cupa a 130 bpm", "暗いテクノ 130BPM"),
    ("seamless lo-fi loop for studying", "un bucle perfecto de lo-fi para estudiar", "um loop contínuo de lo-fi para estudar", "une boucle parfaite lo-fi pour étudier", "nahtlose Lo-Fi-Schleife zum Lernen", "un loop perfetto lo-fi per studiare", "シームレスループのローファイ、勉強用"),
    ("starts soft and grows until it bursts", "empieza suave y crece hasta explotar", "começa suave e cresce até explodir", "commence doucement et monte jusqu'à exploser", "beginnt leise und steigert sich bis zur Explosion", "inizia piano e cresce fino a esplodere", "静かに始まり、だんだん盛り上がって爆発する"),
    ("not too fast, a bit sad", "no muy rápido, un poco triste", "não muito rápido, um pouco triste", "pas trop rapide, un peu triste", "nicht zu schnell, ein bisschen traurig", "non troppo veloce, un po' triste", "速すぎない、少し悲しい"),
    ("waltz in 3/4 with accordion in G major", "vals en 3/4 con acordeón en sol mayor", "valsa em 3/4 com acordeão em sol maior", "valse en 3/4 avec accordéon en sol majeur", "Walzer im 3/4-Takt mit Akkordeon in G-Dur", "valzer in 3/4 con fisarmonica in sol maggiore", "ト長調のワルツ、アコーディオン、3拍子"),
    ("epic battle music with choir and drums", "música épica de batalla con coro y tambores", "música épica de batalha com coro e tambores", "musique épique de bataille avec chœur et tambours", "epische Schlachtmusik mit Chor und Trommeln", "musica epica di battaglia con coro e tamburi", "迫力のある戦闘曲、合唱と太鼓"),
    ("without vocals, only strings", "sin voces, sólo cuerdas", "sem vocais, só cordas", "sans voix, seulement des cordes", "ohne Gesang, nur Streicher", "senza voce, solo archi", "ボーカルなし、弦楽器だけ"),
    ("gentle acoustic guitar, no percussion", "guitarra acústica tranquila, sin percusión", "violão tranquilo, sem percussão", "guitare acoustique calme, pas de percussions", "ruhige akustische Gitarre, keine Perkussion", "chitarra acustica tranquilla, niente percussioni", "静かなアコースティックギター、打楽器なし"),
    ("folk ballad with guitar", "balada folk con guitarra", "balada folk com guitarra", "ballade folk avec guitare", "Folk-Ballade mit Gitarre", "ballata folk con chitarra", "フォークバラード、ギター"),
    ("happy birthday music with ukulele", "música alegre para un cumpleaños con ukelele", "música alegre para aniversário com ukulele", "musique joyeuse pour un anniversaire avec ukulélé", "fröhliche Geburtstagsmusik mit Ukulele", "musica allegra per un compleanno con ukulele", "誕生日の楽しい曲、ウクレレ"),
    ("very slow ambient for sleeping", "ambient muy lento para dormir", "ambient muito lento para dormir", "ambient très lent pour dormir", "sehr langsamer Ambient zum Einschlafen", "ambient molto lento per dormire", "睡眠用のとても遅いアンビエント"),
    ("gradually fades, melancholic cello", "violonchelo melancólico que se apaga poco a poco", "violoncelo melancólico que vai sumindo", "violoncelle mélancolique qui s'éteint", "melancholisches Cello, das langsam verklingt", "violoncello malinconico che si spegne lentamente", "だんだん消えるメランコリックなチェロ"),
    ("fast rock with distorted guitar and drums", "rock rápido con guitarra distorsionada y batería", "rock rápido com guitarra distorcida e bateria", "rock rapide avec guitare saturée et batterie", "schneller Rock mit verzerrter Gitarre und Schlagzeug", "rock veloce con chitarra distorta e batteria", "歪んだギターとドラムの速いロック"),
    ("mysterious music for a video game", "música misteriosa para un videojuego", "música misteriosa para um jogo", "musique mystérieuse pour un jeu vidéo", "geheimnisvolle Musik für ein Videospiel", "musica misteriosa per un videogioco", "ゲームのミステリアスな音楽"),
    ("romantic bossa nova with nylon guitar and flute", "bossa nova romántica con guitarra clásica y flauta", "bossa nova romântica com violão clássico e flauta", "bossa nova romantique avec guitare classique et flûte", "romantische Bossa Nova mit klassischer Gitarre und Flöte", "bossa nova romantica con chitarra classica e flauto", "クラシックギターとフルートのロマンチックなボサノバ"),
)  # fmt: skip

FIELDS = (
    "genre", "moods", "tempo_bpm", "tempo_feel", "tonic", "mode", "time_signature", "instruments",
    "excluded_instruments", "drums", "arc", "loop", "use", "solo",
)  # fmt: skip

CASES = [(line[0], language, said) for line in SAME for language, said in zip(LANGUAGES, line[1:], strict=True)]


def heard(brief: Brief) -> dict[str, object]:
    """The fields that were heard, as keys only."""
    found: dict[str, object] = {}
    for field in FIELDS:
        value = getattr(brief, field)
        if isinstance(value, tuple):
            found[field] = {item.value for item in value}
        else:
            found[field] = None if value is None else value.value
    return found


@pytest.mark.parametrize(("english", "language", "said"), CASES, ids=[f"{case[1]}: {case[2]}" for case in CASES])
def test_a_prompt_means_the_same_in_every_language(english: str, language: str, said: str):
    assert heard(read(said)) == heard(read(english))


@pytest.mark.parametrize(("english", "language", "said"), CASES, ids=[f"{case[1]}: {case[2]}" for case in CASES])
def test_nothing_of_a_whole_sentence_is_left_over(english: str, language: str, said: str):
    assert read(said).not_understood == ()


@pytest.mark.parametrize("english", [line[0] for line in SAME])
def test_english_is_known_as_english(english: str):
    assert language_of(passage_of(english)) == "en"


@pytest.mark.parametrize(
    "prompt",
    [
        "die another day spy theme", "for my son who loves trains", "sunset over Lake Como", "pub brawl", "hard times",
        "C sharp minor", "Bossa Nova", "sad violin", "adagio for strings", "sonata in C major", "mariachi band",
        "alone in the attic", "metal", "art gallery opening",
    ],
)  # fmt: skip
def test_foreign_looking_words_do_not_make_english_foreign(prompt: str):
    assert language_of(passage_of(prompt)) == "en"


def test_the_language_decides_what_a_word_means():
    assert {heard.value for heard in read("violão no estilo bossa nova, no piano").instruments} == {
        "acoustic_guitar", "acoustic_grand_piano",
    }  # fmt: skip
    assert [heard.value for heard in read("guitar, no piano").excluded_instruments] == ["acoustic_grand_piano"]
    assert read("no drums, violão").drums.value is False
    assert read("lento y tranquilo").tempo_feel.value > read("lento").tempo_feel.value
    assert read("a pub song, see the 8 bar intro").use is None
    assert [mood.value for mood in read("inizia piano, poi forte").moods] == []


def test_inflected_and_mistyped_words_of_other_languages_are_known():
    assert [mood.value for mood in read("canciones melancólicas y alegres").moods] == ["melancholic", "happy"]
    assert [mood.value for mood in read("ein düsteres, geheimnisvolles Lied").moods] == ["dark", "mysterious"]
    assert [item.value for item in read("música con guitara y violin").instruments] == ["guitar", "violin"]
    assert [mood.value for mood in read("musiques mélancoliques et rêveuses").moods] == ["melancholic", "dreamy"]


@pytest.mark.parametrize(
    ("prompt", "moods", "instruments", "drums"),
    [
        ("rustig pianomuziek zonder drums 80 bpm", ["peaceful"], ["acoustic_grand_piano"], False),
        ("спокойная музыка, гитара, без ударных", ["peaceful"], ["guitar"], False),
        ("smutna muzyka, skrzypce", ["sad"], ["violin"], None),
        ("슬픈 피아노 곡", ["sad"], ["acoustic_grand_piano"], None),
        ("悲伤的钢琴曲", ["sad"], ["acoustic_grand_piano"], None),
    ],
)
def test_languages_without_a_file_of_their_own_are_not_lost(
    prompt: str, moods: list[str], instruments: list[str], drums: bool | None
):
    brief = read(prompt)

    assert [mood.value for mood in brief.moods] == moods
    assert [instrument.value for instrument in brief.instruments] == instruments
    assert (brief.drums.value if brief.drums else None) == drums
