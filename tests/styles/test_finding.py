"""People find the styles by the words they use for them."""

from collections import Counter

import pytest

from app.services.planning import make_plan, read


def styles_for(prompt: str, seeds: int = 12) -> Counter[str]:
    """How often each style is chosen over some seeds."""
    brief = read(prompt)
    return Counter(
        make_plan(brief, duration_s=30, seed=seed, soundfont_sha256=None).style for seed in range(1, seeds + 1)
    )


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("acoustic fingerpicking", "acoustic_guitar"),
        ("epic trailer music", "trailer"),
        ("carnival samba", "samba"),
        ("salsa dura for a dance class", "salsa"),
        ("Latin music", "salsa"),
        ("big band swing from the 1940s", "big_band"),
        ("Motown soul", "soul"),
        ("roots dub", "dub"),
        ("bluegrass breakdown", "bluegrass"),
        ("Irish folk", "celtic"),
        ("a baroque concerto grosso", "baroque"),
        ("uplifting corporate", "corporate"),
        ("horror music", "horror"),
        ("deep drone", "drone"),
        ("afrobeat", "afrobeat"),
        ("Argentine tango", "tango"),
        ("gospel", "gospel"),
        ("R&B slow jam", "r_and_b"),
        ("drift phonk", "phonk"),
        ("70s disco", "disco"),
    ],
)
def test_a_genre_is_played_in_its_own_style(prompt, style):
    assert set(styles_for(prompt, 3)) == {style}


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("acoustic guitar", "acoustic_guitar"),
        ("calm acoustic guitar", "acoustic_guitar"),
        ("movie trailer, epic", "trailer"),
        ("something scary", "horror"),
        ("corporate video", "corporate"),
    ],
)
def test_scenes_and_instruments_lead_most_often_to_the_style_made_for_them(prompt, style):
    chosen = styles_for(prompt)

    assert chosen.most_common(1)[0][0] == style
    assert chosen[style] >= 5
