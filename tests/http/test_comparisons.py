"""Comparisons: one wish in several ways, equally loud, judged blind, and what was preferred remembered."""

from dataclasses import replace

import pytest

from app.services.comparing import comparisons as comparing

MEASURED = {"loudness_lufs": -14.0, "loudness_range_lu": 5.5, "brightness_hz": 2_000.0}


def compare(client, **fields):
    return client.post("/music/compare", json={"prompt": "calm piano", "duration": 20, **fields})


def look(client, comparison, **query):
    return client.get(f"/music/compare/{comparison['comparison_id']}", params=query).json()


def vote(client, comparison, winner):
    return client.post(f"/music/compare/{comparison['comparison_id']}/vote", json={"winner": winner})


def complete(queue, comparison, **measured):
    """Let all tracks be completed, each a little different."""
    for number, side in enumerate(comparison["sides"]):
        queue.complete(side["track_id"])
        queue.change(
            side["track_id"],
            timings={"rendering": 1.0 + number, "mastering": 0.25},
            measured={**MEASURED, "brightness_hz": 2_000.0 + 100 * number, **measured},
            report=[{"what": "tempo", "measured": 90.0 + number}, {"what": "key", "measured": "D minor"}],
        )


def rows(record):
    return {row["what"]: row for row in record["differences"]}


@pytest.fixture
def models(client):
    return compare(client, models=["composer", "simulator"], seed=7).json()


@pytest.fixture
def seeds(client):
    return compare(client, seeds=[7, 8, 9]).json()


# -- what is made -------------------------------------------------------------------------------------------------


def test_models_make_the_same_plan_from_the_same_seed(queue, models):
    tracks = [queue.tracks[side["track_id"]] for side in models["sides"]]

    assert [track.model for track in tracks] == ["composer", "simulator"]
    assert {(track.seed, track.duration, track.prompt) for track in tracks} == {(7, 20, "calm piano")}
    assert [side["name"] for side in models["sides"]] == ["composer", "simulator"]
    assert (models["varied"], models["blind"], models["votes"], models["winner"]) == ("models", False, 0, None)


def test_a_seed_that_is_drawn_is_drawn_once_for_all_models(client, queue):
    comparison = compare(client, models=["composer", "simulator"]).json()

    assert len({queue.tracks[side["track_id"]].seed for side in comparison["sides"]}) == 1


def test_seeds_are_compared_on_one_model(queue, client):
    comparison = compare(client, seeds=[3, 4], model="simulator", tempo_bpm=92).json()

    tracks = [queue.tracks[side["track_id"]] for side in comparison["sides"]]
    assert [(track.seed, track.model) for track in tracks] == [(3, "simulator"), (4, "simulator")]
    assert all(track.asked["tempo_bpm"] == 92 for track in tracks)
    assert [side["name"] for side in comparison["sides"]] == ["seed 3", "seed 4"]


def test_plans_are_compared_equally_loud_whatever_they_say(client, queue):
    plans = [
        client.post("/music/plan", json={"prompt": words, "duration": 20, "seed": 5, "loudness_lufs": lufs}).json()[
            "plan"
        ]
        for words, lufs in (("calm piano", -10), ("techno", -20))
    ]

    comparison = client.post("/music/compare", json={"prompt": "calm piano", "plans": plans}).json()

    tracks = [queue.tracks[side["track_id"]] for side in comparison["sides"]]
    assert [track.asked["plan"]["style"] for track in tracks] == [plan["style"] for plan in plans]
    assert [track.asked["loudness_lufs"] for track in tracks] == [-14, -14]
    assert [(track.duration, track.seed) for track in tracks] == [(20, 5), (20, 5)]
    assert comparison["loudness_lufs"] == -14
    assert [side["name"] for side in comparison["sides"]] == ["plan 1", "plan 2"]


def test_the_loudness_asked_for_holds_for_all(client, queue):
    comparison = compare(client, seeds=[1, 2], loudness_lufs=-18).json()

    assert comparison["loudness_lufs"] == -18
    assert {track.asked["loudness_lufs"] for track in queue.tracks.values()} == {-18}


def test_a_comparison_is_a_group_too(client, queue, models):
    group = client.get(f"/music/groups/{models['group_id']}").json()

    assert group["kind"] == "comparison"
    assert group["track_ids"] == [side["track_id"] for side in models["sides"]]
    assert client.delete(f"/music/groups/{models['group_id']}").status_code == 204
    assert client.get(f"/music/compare/{models['comparison_id']}").status_code == 404
    assert not queue.tracks


REFUSED = {
    "nothing to compare": ({}, ["models"]),
    "two lists": ({"models": ["composer", "simulator"], "seeds": [1, 2]}, ["seeds"]),
    "one model": ({"models": ["composer"]}, ["models"]),
    "no seed": ({"seeds": []}, ["seeds"]),
    "nine seeds": ({"seeds": list(range(9))}, ["seeds"]),
    "the same model twice": ({"models": ["composer", "simulator", "composer"]}, ["models", 2]),
    "the same seed twice": ({"seeds": [4, 4]}, ["seeds", 1]),
    "an unknown model": ({"models": ["composer", "gramophone"]}, ["models", 1]),
    "an empty name": ({"models": ["composer", ""]}, ["models", 1]),
    "a seed too large": ({"seeds": [1, 2**53]}, ["seeds", 1]),
    "a plan that is none": ({"plans": [{}, {"tempo_bpm": "fast"}]}, ["plans", 0]),
    "a model beside models": ({"models": ["composer", "simulator"], "model": "composer"}, ["model"]),
    "a seed beside seeds": ({"seeds": [1, 2], "seed": 3}, ["seed"]),
    "a plan beside plans": ({"plans": [{"a": 1}, {"b": 1}], "plan": {"a": 1}}, ["plan"]),
    "a key there is not": ({"seeds": [1, 2], "key": "H sharp"}, ["key"]),
    "too short": ({"seeds": [1, 2], "duration": 4}, ["duration"]),
    "an empty prompt": ({"seeds": [1, 2], "prompt": ""}, ["prompt"]),
}


@pytest.mark.parametrize(("fields", "place"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_by_its_place_and_nothing_is_made(client, queue, fields, place):
    answer = compare(client, **fields)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][: 1 + len(place)] == ["body", *place]
    assert not queue.tracks
    assert not queue.comparisons


def test_what_is_wrong_with_all_sides_is_said_once(client):
    assert len(compare(client, seeds=[1, 2, 3], key="H sharp").json()["detail"]) == 1


def test_a_blank_prompt_is_said_as_of_every_call(client, queue):
    answer = compare(client, seeds=[1, 2], prompt=" ")

    assert (answer.status_code, answer.json()["detail"]) == (400, "Prompt cannot be empty")
    assert not queue.tracks


# -- what is measured ---------------------------------------------------------------------------------------------


def test_the_table_sets_side_by_side_what_was_measured(client, queue, models):
    complete(queue, models)

    record = look(client, models)
    table = rows(record)

    assert (record["status"], record["progress"], record["loudness_matched"]) == ("completed", 100, True)
    assert (table["tempo"]["values"], table["tempo"]["spread"]) == ([90.0, 91.0], 1.0)
    assert (table["key"]["values"], table["key"]["spread"]) == (["D minor", "D minor"], None)
    assert table["loudness"]["values"] == [-14.0, -14.0]
    assert table["loudness range"]["values"] == [5.5, 5.5]
    assert (table["brightness"]["values"], table["brightness"]["unit"]) == ([2000.0, 2100.0], "Hz")
    assert (table["time taken"]["values"], table["time taken"]["spread"]) == ([1.25, 2.25], 1.0)
    assert table["cost"]["values"] == [0.0, 0.0]
    assert "soundfont" in table["licence"]["values"][0]
    assert table["commercial use"]["values"] == [True, True]


def test_nothing_is_said_of_what_is_not_finished(client, queue, models):
    first, _ = models["sides"]
    queue.complete(first["track_id"])

    record = look(client, models)
    table = rows(record)

    assert (record["status"], record["loudness_matched"]) == ("processing", None)
    assert table["loudness"]["values"] == [-14.0, None]
    assert table["loudness"]["spread"] is None
    assert table["cost"]["values"] == [0.0, None]
    assert table["tempo"]["values"] == [None, None]
    assert record["sides"][1]["download_url"] is None


def test_tracks_that_are_not_equally_loud_are_said_not_to_be(client, queue, models):
    complete(queue, models)
    queue.change(models["sides"][0]["track_id"], measured={"loudness_lufs": -15.0})

    assert look(client, models)["loudness_matched"] is False


def test_a_track_of_a_model_that_is_gone_keeps_its_place(client, queue, models):
    complete(queue, models)
    queue.change(models["sides"][1]["track_id"], model="gramophone")

    table = rows(look(client, models))

    assert table["licence"]["values"][1] is None
    assert table["commercial use"]["values"] == [True, None]
    assert table["cost"]["values"] == [0.0, None]


def test_what_a_remote_service_charged_is_its_cost(client, queue, models):
    complete(queue, models, cost_usd=0.06)

    assert rows(look(client, models))["cost"]["values"] == [0.06, 0.06]


def test_sides_go_with_their_tracks(client, queue, seeds):
    complete(queue, seeds)
    client.delete(f"/music/tracks/{seeds['sides'][0]['track_id']}")

    record = look(client, seeds)

    assert record["sides"] == [
        {**side, "status": "completed", "progress": 100, "download_url": now["download_url"]}
        for side, now in zip(seeds["sides"][1:], record["sides"], strict=True)
    ]
    assert vote(client, seeds, seeds["sides"][0]["label"]).status_code == 422
    for side in seeds["sides"][1:]:
        client.delete(f"/music/tracks/{side['track_id']}")
    assert client.get(f"/music/compare/{seeds['comparison_id']}").status_code == 404


# -- blind, and votes ---------------------------------------------------------------------------------------------


def test_a_blind_look_hides_everything_that_tells(client, queue, models):
    complete(queue, models)

    record = look(client, models, blind=True)

    assert record["blind"] is True
    assert [side["label"] for side in record["sides"]] == ["A", "B"]
    for side in record["sides"]:
        assert (side["name"], side["model"], side["seed"], side["error"]) == (None, None, None, None)
    assert list(rows(record)) == ["tempo", "key", "loudness", "loudness range", "brightness"]
    told = str({**record, "sides": [{**side, "track_id": "", "download_url": ""} for side in record["sides"]]})
    assert "composer" not in told
    assert "simulator" not in told


def test_the_blind_order_is_kept_and_belongs_to_the_same_tracks(client, queue, seeds):
    complete(queue, seeds)
    by_label = {side["label"]: side["track_id"] for side in seeds["sides"]}

    blind = look(client, seeds, blind=True)

    assert [side["label"] for side in blind["sides"]] == ["A", "B", "C"]
    assert {side["label"]: side["track_id"] for side in blind["sides"]} == by_label
    assert look(client, seeds, blind=True) == blind
    open_table, blind_table = rows(look(client, seeds)), rows(blind)
    tempo = dict(zip((side["track_id"] for side in seeds["sides"]), open_table["tempo"]["values"], strict=True))
    assert blind_table["tempo"]["values"] == [tempo[side["track_id"]] for side in blind["sides"]]


def test_the_shuffle_follows_from_the_name_and_puts_each_side_anywhere():
    drawn = [comparing._blind_labels(f"comparison_{number}", 3) for number in range(200)]

    assert drawn == [comparing._blind_labels(f"comparison_{number}", 3) for number in range(200)]
    assert {"".join(labels) for labels in drawn} == {"ABC", "ACB", "BAC", "BCA", "CAB", "CBA"}


def test_a_vote_lifts_the_blind(client, queue, models):
    complete(queue, models)
    winner = look(client, models, blind=True)["sides"][0]

    answer = vote(client, models, "A")
    voted = answer.json()

    assert answer.status_code == 200
    assert (voted["winner"], voted["votes"], voted["blind"]) == ("A", 1, False)
    assert voted["voted_at"]
    assert look(client, models, blind=True) == voted
    preferred = next(side for side in voted["sides"] if side["label"] == "A")
    assert preferred["track_id"] == winner["track_id"]
    assert preferred["name"] in ("composer", "simulator")


def test_the_last_vote_counts_and_models_show_their_wins(client, queue, models):
    complete(queue, models)
    composer, simulator = models["sides"]

    def standing():
        return {m["name"]: (m["wins"], m["compared"]) for m in client.get("/music/models").json()["models"]}

    assert set(standing().values()) == {(0, 0)}
    vote(client, models, composer["label"])
    assert (standing()["composer"], standing()["simulator"]) == ((1, 1), (0, 1))

    again = vote(client, models, simulator["track_id"]).json()

    assert (again["winner"], again["votes"]) == (simulator["label"], 2)
    assert (standing()["composer"], standing()["simulator"]) == ((0, 1), (1, 1))
    client.delete(f"/music/groups/{models['group_id']}")
    assert (standing()["composer"], standing()["simulator"]) == ((0, 1), (1, 1))


def test_a_vote_between_seeds_says_nothing_about_models(client, queue, seeds):
    complete(queue, seeds)

    assert vote(client, seeds, "B").json()["winner"] == "B"

    assert {(m["wins"], m["compared"]) for m in client.get("/music/models").json()["models"]} == {(0, 0)}


def test_nobody_votes_before_all_is_heard(client, queue, models):
    queue.complete(models["sides"][0]["track_id"])

    answer = vote(client, models, "A")

    assert answer.status_code == 409
    assert "not finished yet (50 %)" in answer.json()["detail"]
    assert look(client, models)["votes"] == 0


def test_a_track_that_failed_cannot_be_preferred(client, queue, seeds):
    complete(queue, seeds)
    lost, *rest = seeds["sides"]
    queue.fail(lost["track_id"], "no strings")

    answer = vote(client, seeds, lost["label"])

    assert answer.status_code == 422
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["body", "winner"]
    assert ", ".join(sorted(side["label"] for side in rest)) in fault["msg"]
    for side in rest:
        queue.fail(side["track_id"], "no strings")
    assert vote(client, seeds, rest[0]["label"]).status_code == 409


@pytest.mark.parametrize("winner", ["", "D", "a", "composer", 5, None, True, ["A"], "A" * 101, "track_0"])
def test_what_is_no_side_cannot_be_preferred(client, queue, seeds, winner):
    complete(queue, seeds)

    answer = vote(client, seeds, winner)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "winner"]
    assert look(client, seeds)["votes"] == 0


@pytest.mark.parametrize("name", ["comparison_0", "comparison_", "group_0123456789abcdef", "comparison_0%0a"])
def test_unknown_comparisons_are_not_found(client, name):
    for answer in (
        client.get(f"/music/compare/{name}"),
        client.post(f"/music/compare/{name}/vote", json={"winner": "A"}),
    ):
        assert answer.status_code == 404
        assert isinstance(answer.json()["detail"], str)


def test_a_comparison_that_goes_while_it_is_read_or_judged_is_not_found(client, queue, service, models, monkeypatch):
    complete(queue, models)
    monkeypatch.setattr(queue, "vote", lambda *_: None)
    assert vote(client, models, "A").status_code == 404

    queue.groups.clear()
    assert client.get(f"/music/compare/{models['comparison_id']}").status_code == 404


def test_blind_is_yes_or_no(client, models):
    answer = client.get(f"/music/compare/{models['comparison_id']}", params={"blind": "perhaps"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "blind"]


def test_an_order_of_sides_is_stored_with_the_comparison(queue, seeds):
    stored = queue.comparisons[seeds["comparison_id"]]

    assert [side.label for side in stored.sides] == [side["label"] for side in seeds["sides"]]
    assert replace(stored, sides=()).loudness_lufs == -14
