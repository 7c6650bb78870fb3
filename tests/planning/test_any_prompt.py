"""Whatever people type is read and planned: no crash, no rubbish in titles, the same answer each time."""

import json
import random
import unicodedata

import pytest

from app.models.plan import Plan
from app.services.planning import make_plan, read, title_for
from app.services.planning.lexicon import lexicon
from app.services.planning.title import LONGEST, UNTITLED
from app.services.planning.tokens import fold, tokenise

ODD = {
    "empty": "",
    "blank": " \t\n ",
    "emoji": "🎵🎶👨‍👩‍👧‍👦🏳️‍🌈",
    "control characters": "sad\x00piano\x1b[31m\x07",
    "right to left": "موسيقى حزينة مع بيانو ‮ abc",
    "hebrew": "מוזיקה רגועה",
    "thai": "เพลงเศร้า",
    "korean": "슬픈 피아노",
    "devanagari": "दुखद संगीत",
    "combining marks": "a" + "\u0301" * 499,
    "marks alone": "\u0301" * 500,
    "sql": "'; DROP TABLE tracks; --",
    "html": "<script>alert(1)</script>",
    "path": "../../etc/passwd",
    "template": "{{7*7}} ${jndi:ldap://x} %s %n {0}",
    "numbers": "1" * 500,
    "superscripts": "²³¹ bpm ①② ½ bpm",
    "other digits": "١٢٠ bpm",
    "slashes": "4/4/4/4/4/4///6/8/",
    "commas": "," * 500,
    "one word": "a" * 500,
    "refusals": "no " * 160,
    "degrees": "very " * 100,
    "surrogate-free astral": "𝕾𝖆𝖉 𝖕𝖎𝖆𝖓𝖔",
    "ligatures": "ﬁnal ﬂute ŒUVRE ẞ",
    "decimal": "120.5.5 bpm 90,5,3 bpm .. 12.",
    "infinity": "inf bpm nan bpm 1e309 bpm",
}


@pytest.mark.parametrize("prompt", ODD.values(), ids=ODD)
def test_odd_prompts_are_read_planned_and_titled(prompt: str):
    plan = make_plan(read(prompt), duration_s=30, seed=1, soundfont_sha256=None)

    assert Plan.model_validate(json.loads(plan.model_dump_json())) == plan
    assert_good_title(plan.title)


def assert_good_title(title: str) -> None:
    assert 1 <= len(title) <= LONGEST
    assert not any(unicodedata.category(sign)[0] == "C" or sign in "\n\r\t" for sign in title)
    assert title == title.strip()


def random_prompts(count: int) -> list[str]:
    rng = random.Random(20261122)  # noqa: S311 - odd prompts are no secret
    words = [" ".join(phrase) for phrase in lexicon().phrases]
    blocks = [
        (0x20, 0x7E), (0x00, 0x1F), (0xA0, 0x24F), (0x300, 0x36F), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
        (0x2000, 0x206F), (0x2600, 0x27BF), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0xFF00, 0xFFEF), (0x1F300, 0x1FAFF),
    ]  # fmt: skip
    prompts = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 12)):
            low, high = rng.choice(blocks)
            parts.append(rng.choice(words))
            parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(0, 8))))
            parts.append(
                rng.choice([" ", "", ", ", " no ", " without ", "/", "#", " in ", " bpm ", "♭", "m ", " 6/", "99"])
            )
        prompts.append("".join(parts)[:500])
    return prompts


def test_random_unicode_is_read_and_titled():
    for prompt in random_prompts(600):
        brief = read(prompt)

        assert brief.prompt == prompt
        assert brief.valence is None or -1 <= brief.valence <= 1
        assert_good_title(title_for(prompt))


def test_random_words_make_valid_plans_that_heed_refusals():
    for number, prompt in enumerate(random_prompts(150)):
        brief = read(prompt)
        plan = make_plan(brief, duration_s=5 + number * 2 % 296, seed=number, soundfont_sha256=None)

        assert sum(section.bars for section in plan.form) == plan.bars
        if brief.drums is not None and not brief.drums.value:
            assert not any(voice.role == "drums" for voice in plan.ensemble)


def test_tokens_keep_their_place_in_the_prompt():
    for prompt in random_prompts(300):
        end = 0
        for token in tokenise(prompt):
            assert end <= token.start < token.end <= len(prompt)
            end = token.end


def test_accents_case_and_width_fold_away_but_japanese_voicing_stays():
    assert fold("MÚSICA") == fold("música") == fold("ｍｕ\u0301ｓｉｃａ") == "musica"
    assert fold("Straße Œuvre") == "strasse oeuvre"
    assert fold("ガ") != fold("カ")
    assert [token.folded for token in tokenise("ﾊﾞﾗｰﾄﾞ")] == ["バ", "ラ", "ー", "ド"]


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("relaxing piano melody for meditation", "Relaxing piano melody for meditation"),
        ("  sad \n\t piano\x00 ", "Sad piano"),
        ("éclair", "Éclair"),
        ("ßtrange", "ßtrange"),
        ("!!!", UNTITLED),
        ("", UNTITLED),
        ("日本の音楽", "日本の音楽"),
        ("a\u0301\u0302\u0303\u0304\u0305 song", "Á\u0302\u0303 song"),
        ("word " * 40, "Word word word word word word word word word word word…"),
        ("x" * 90, "X" + "x" * 58 + "…"),
    ],
)
def test_a_title_reads_well(prompt: str, title: str):
    assert title_for(prompt) == title


def test_reading_does_the_same_work_however_often_it_is_asked():
    prompt = ("relaxing piano with xyzzy qwertyuio and strange wrods for meditation at 90 bpm in F#m " * 6)[:500]

    assert len({read(prompt).model_dump_json() for _ in range(5)}) == 1
