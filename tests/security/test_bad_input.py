"""Bad input gets a clear answer: nothing is created, nothing breaks, and every status is in the OpenAPI document."""

import json

import pytest

from app.config import Settings
from app.main import create_app

pytestmark = pytest.mark.security

JSON = {"Content-Type": "application/json"}
DECLARED = "/music/generate"


@pytest.fixture(scope="module")
def declared():
    """(method, path of the document) → statuses that the document names."""
    app = create_app(Settings())
    return {
        (method.upper(), path): {int(status) for status in operation["responses"]}
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }


def post(client, raw, headers=JSON, path="/music/generate"):
    return client.post(path, content=raw, headers=headers)


def body(**fields):
    return json.dumps({"prompt": "piano", **fields}).encode()


REFUSED = {
    "no body": b"",
    "not JSON": b"{prompt: piano}",
    "half of it": b'{"prompt": "piano"',
    "not UTF-8": b'{"prompt": "\xff\xfe"}',
    "a list": b'["piano"]',
    "a string": b'"piano"',
    "null": b"null",
    "a number": b"1",
    "20,000 brackets": b"[" * 20_000,
    "no prompt": b"{}",
    "empty prompt": body(prompt=""),
    "501 characters": body(prompt="a" * 501),
    "501 characters before trimming": body(prompt=" " * 250 + "a" + " " * 250),
    "number for a prompt": body(prompt=5),
    "true for a prompt": body(prompt=True),
    "null for a prompt": body(prompt=None),
    "list for a prompt": body(prompt=["piano"]),
    "object for a prompt": body(prompt={"$ne": ""}),
    "lone surrogate": b'{"prompt": "piano \\ud800"}',
    "lone low surrogate": b'{"prompt": "\\udfff piano"}',
    "duration 4": body(duration=4),
    "duration 301": body(duration=301),
    "duration -10": body(duration=-10),
    "duration 0": body(duration=0),
    "duration 30.5": body(duration=30.5),
    'duration "30.5"': body(duration="30.5"),
    "duration true": body(duration=True),
    "duration abc": body(duration="abc"),
    "duration empty": body(duration=""),
    "duration list": body(duration=[30]),
    "duration 1e309": b'{"prompt": "piano", "duration": 1e309}',
    "duration -1e309": b'{"prompt": "piano", "duration": -1e309}',
    "duration NaN": b'{"prompt": "piano", "duration": NaN}',
    'duration "NaN"': body(duration="NaN"),
    "duration of 5,000 digits": b'{"prompt": "piano", "duration": ' + b"9" * 5_000 + b"}",
    "unknown model": body(model="musiclm-99"),
    "empty model": body(model=""),
    "number for a model": body(model=5),
    "model of a path": body(model="../../etc/passwd"),
    "model of 60,000 characters": body(model="m" * 60_000),
    "model with a lone surrogate": b'{"prompt": "piano", "model": "\\ud800"}',
    "seed -1": body(seed=-1),
    "seed 2^53": body(seed=2**53),
    "seed x": body(seed="x"),
    "seed true": body(seed=True),
    "seed 1.5": body(seed=1.5),
    "seed NaN": b'{"prompt": "piano", "seed": NaN}',
}


def raw_body(field, value):
    """A body whose field holds JSON as it is written here."""
    return b'{"prompt": "piano", "' + field.encode() + b'": ' + value.encode() + b"}"


#: Values that no number takes, as JSON.
NO_NUMBERS = {
    "true": "true", "text": '"fast"', "empty": '""', "list": "[90]", "object": "{}", "NaN": "NaN",
    "NaN as text": '"NaN"', "Infinity": "Infinity", "-Infinity": "-Infinity", "1e309": "1e309", "400 digits": "9" * 400,
    "5,000 digits": "9" * 5_000, "1000": "1000", "-1000": "-1000", "surrogate": '"\\ud800"',
}  # fmt: skip
#: Values that no name takes.
NO_NAMES = {
    "number": "5", "true": "true", "empty": '""', "blank": '"  "', "61 characters": f'"{"a" * 61}"',
    "60,000 characters": f'"{"a" * 60_000}"', "list": '["jazz"]', "object": "{}", "surrogate": '"jazz \\ud800"',
    "nonsense": '"qqqq"', "path": '"../../etc/passwd"', "emoji": '"🦄"',
}  # fmt: skip
#: Values that no list of names takes.
NO_LISTS = {
    "text": '"happy"', "number": "5", "true": "true", "object": '{"0": "happy"}', "list of numbers": "[5]",
    "list of lists": '[["happy"]]', "list of nulls": "[null]", "empty name": '[""]', "61 characters": f'["{"a" * 61}"]',
    "surrogate": '["\\udfff"]', "nonsense": '["happy qqqq"]', "17 names": json.dumps(["piano"] * 17),
    "6,000 names": json.dumps(["piano"] * 6_000),
}  # fmt: skip
#: Values that no plan takes.
NO_PLANS = {
    "list": "[]", "text": '"plan"', "number": "5", "true": "true", "nothing in it": "{}", "nulls": '{"form": null}',
    "60 kB of unknown fields": json.dumps({f"field_{number}": number for number in range(2_800)}),
    "60 kB of voices": json.dumps({"ensemble": [{"name": "a", "role": "lead"}] * 1_600}),
    "60 kB of title": json.dumps({"title": "a" * 60_000}),
    "500 deep": '{"form": ' + "[" * 500 + "]" * 500 + "}",
    "20,000 deep": '{"form": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "surrogate": '{"title": "\\ud800"}', "surrogate key": '{"\\ud800": 1}', "NaN": '{"tempo_bpm": NaN}',
    "4,000 digits": '{"composer_version": ' + "9" * 4_000 + "}",
}  # fmt: skip

REFUSED |= {
    f"{field} {name}": raw_body(field, value)
    for fields, values in (
        (("tempo_bpm", "loudness_lufs"), NO_NUMBERS),
        (("key", "time_signature", "genre"), NO_NAMES),
        (("moods", "instruments", "exclude_instruments"), NO_LISTS),
        (("loop",), {"2": "2", "text": '"maybe"', "list": "[true]", "object": "{}", "1.5": "1.5", "NaN": "NaN"}),
        (("plan",), NO_PLANS),
    )
    for field in fields
    for name, value in values.items()
}


#: A plan is made for no engine: only the other call looks at the model.
CALLS = {
    f"{name}, {path}": (path, raw)
    for path in ("/music/generate", "/music/plan")
    for name, raw in REFUSED.items()
    if path == "/music/generate" or "model" not in name
}


@pytest.mark.parametrize(("path", "raw"), CALLS.values(), ids=CALLS)
def test_what_cannot_be_used_answers_422_and_says_why(client, queue, declared, path, raw):
    answer = post(client, raw, path=path)

    assert answer.status_code == 422
    assert 422 in declared["POST", path]
    assert len(answer.content) < 20_000
    faults = answer.json()["detail"]
    assert faults
    for fault in faults:
        assert set(fault) == {"loc", "msg", "type"}
        assert fault["loc"][0] == "body"
        assert fault["msg"]
        assert fault["type"]
    assert queue.tracks == {}


def test_whatever_is_refused_alone_is_refused_in_a_batch_and_takes_the_others_with_it(client, queue, declared):
    for name, raw in REFUSED.items():
        answer = post(client, b'{"requests": [{"prompt": "piano"}, ' + raw + b"]}", path="/music/batch")

        assert answer.status_code == 422, name
        faults = answer.json()["detail"]
        assert all(
            fault["loc"][:3] == ["body", "requests", 1] or fault["type"] == "json_invalid" for fault in faults
        ), name
        assert not queue.tracks, name
        assert not queue.groups, name
    assert 422 in declared["POST", "/music/batch"]


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"prompt=piano&duration=30", "application/x-www-form-urlencoded"),
        (b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nhi\r\n--b--', "multipart/form-data; boundary=b"),
        (body(), "text/plain"),
        (b"\xff\xfe\x00", "application/octet-stream"),
        (b"<prompt>piano</prompt>", "application/xml"),
    ],
)  # fmt: skip
def test_a_body_of_another_kind_answers_422(client, queue, raw, content_type):
    answer = post(client, raw, {"Content-Type": content_type})

    assert answer.status_code == 422
    assert all(set(fault) == {"loc", "msg", "type"} for fault in answer.json()["detail"])
    assert queue.tracks == {}


@pytest.mark.parametrize("field", ["duration", "seed"])
def test_true_is_no_number(client, field):
    (fault,) = post(client, body(**{field: True})).json()["detail"]

    assert (fault["loc"], fault["type"]) == (["body", field], "int_type")


def test_an_answer_never_repeats_the_input(client):
    hidden = "my-secret-words"
    plan = {"style": hidden, "form": [{"kind": hidden, "voices": hidden}], "soundfont_sha256": hidden}
    for fields in (
        {"prompt": [hidden], "duration": hidden, "tempo_bpm": hidden, "key": [hidden], "moods": hidden, "plan": hidden},
        {"plan": plan},
        {"key": hidden},
        {"genre": hidden},
        {"instruments": [hidden]},
        {"exclude_instruments": [hidden]},
        {"time_signature": hidden},
    ):
        answer = post(client, body(**fields))

        assert answer.status_code == 422
        assert hidden not in answer.text


@pytest.mark.parametrize("blank", [" ", "\t\n\r ", "\u3000\u2003", " " * 500])
def test_a_blank_prompt_answers_400(client, queue, declared, blank):
    answer = post(client, body(prompt=blank))

    assert answer.status_code == 400
    assert answer.json() == {"detail": "Prompt cannot be empty"}
    assert 400 in declared["POST", DECLARED]
    assert queue.tracks == {}


ACCEPTED = {
    "emoji": "🎵 piano 🎹👩‍👩‍👧‍👦",
    "control characters": "piano\x01\x1b[31m\x7f\u0085",
    "NUL": "piano\x00melody",
    "right-to-left": "موسيقى هادئة \u202egnp.exe\u202c שלום",
    "path": "../../etc/passwd",
    "windows path": "..\\..\\windows\\system32",
    "SQL": "'; DROP TABLE tracks; --",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "format": "%s %n %d {0} {__class__} {prompt.__init__.__globals__}",
    "shell": "`id`; $(id) | cat /etc/passwd & rm -rf /",
    "header": "piano\r\nX-Evil: 1\r\n\r\n<html>",
    "500 combining marks": "a" + "\u0301" * 499,
    "astral": "𝄞" * 500,
    "quotes": "\"'`\\",
}


@pytest.mark.parametrize("prompt", ACCEPTED.values(), ids=ACCEPTED)
def test_strange_words_are_still_words(client, queue, prompt):
    answer = post(client, body(prompt=prompt))

    assert answer.status_code == 200
    assert answer.json()["prompt"] == prompt.strip()
    track_id = answer.json()["track_id"]
    queue.complete(track_id)
    for path in (f"/music/status/{track_id}", f"/music/tracks/{track_id}"):
        assert client.get(path).json()["prompt"] == prompt.strip()
    assert client.get("/music/tracks").json()["tracks"][0]["prompt"] == prompt.strip()
    assert "x-evil" not in answer.headers


def test_strange_words_are_stripped_from_the_name_of_a_download(client, queue):
    track_id = post(client, body(prompt='piano\x00\r\nX-Evil: 1\x1b "../../etc/passwd')).json()["track_id"]
    queue.complete(track_id)
    queue.change(track_id, plan=None)  # so that the name is made of the prompt

    headers = client.get(f"/downloads/{track_id}.mp3").headers

    assert "x-evil" not in headers
    assert headers["content-disposition"].isprintable()
    assert "/" not in headers["content-disposition"].replace("%2F", "/")
    assert "passwd" in headers["content-disposition"]


@pytest.mark.parametrize("size", [65_537, 1_000_000])
def test_a_body_over_64_kb_answers_413(client, queue, declared, size):
    answer = post(client, body(padding="x" * size), {**JSON, "Origin": "http://localhost:4200"})

    assert answer.status_code == 413
    assert isinstance(answer.json()["detail"], str)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert 413 in declared["POST", DECLARED]
    assert queue.tracks == {}


def test_a_body_of_64_kb_is_read(client):
    padding = "x" * (65_536 - len(body(padding="")))

    assert post(client, body(padding=padding)).status_code == 200


IDS = {
    "unknown": "track_ffffffffffffffff",
    "capitals": "track_FFFFFFFFFFFFFFFF",
    "no prefix": "ffffffffffffffff",
    "short": "track_",
    "words": "nonsense",
    "empty": "%20",
    "slashes": "a/b/c",
    "encoded slash": "track_ffff%2F..%2F..%2Fetc%2Fpasswd",
    "backslash": "..%5C..%5Cboot.ini",
    "dots": "..track..",
    "encoded dots": "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd",
    "NUL": "track_ffff%00",
    "line break": "track_ffffffffffffffff%0Aevil",
    "trailing line break": "track_ffffffffffffffff%0A",
    "10 kB": "track_" + "f" * 10_240,
    "SQL": "'%20OR%201=1%20--",
    "not UTF-8": "track_%ff%fe",
    "surrogate": "track_%ed%a0%80",
    "wildcard": "track_%25",
    "emoji": "%F0%9F%8E%B5",
}


@pytest.mark.parametrize("track_id", IDS.values(), ids=IDS)
@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/music/status/{}", "/music/status/{track_id}"),
        ("GET", "/music/tracks/{}", "/music/tracks/{track_id}"),
        ("DELETE", "/music/tracks/{}", "/music/tracks/{track_id}"),
        ("POST", "/music/tracks/{}/cancel", "/music/tracks/{track_id}/cancel"),
    ],
)
def test_an_unknown_or_malformed_id_answers_404(client, queue, declared, method, path, named, track_id):
    answer = client.request(method, path.format(track_id))

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("Track not found")
    assert len(answer.content) < 500
    assert answer.json()["detail"].isprintable()
    assert 404 in declared[method, named]
    assert set(queue.asked) <= {"track_ffffffffffffffff"}  # what no track can be called is asked of no store


@pytest.mark.parametrize("track_id", IDS.values(), ids=IDS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_there_is_no_file_of_an_unknown_or_malformed_id(client, declared, method, track_id):
    answer = client.request(method, f"/downloads/{track_id}.mp3")

    assert answer.status_code == 404
    assert 404 in declared[method, "/downloads/{track_id}.{form}"]
    if method == "GET":
        assert answer.json()["detail"].startswith("Track not found")


@pytest.mark.parametrize(
    "form", ["exe", "mp3.exe", "MP3", "mp3/", "mp3%00", "mp3%0A", "%2E%2E%2Fmusic.db", "stems.zip.mp3", "x" * 10_240]
)
def test_an_unknown_format_answers_404_and_names_those_there_are(client, queue, declared, track_id, form):
    queue.complete(track_id)

    answer = client.get(f"/downloads/{track_id}.{form}")

    assert answer.status_code == 404
    assert 404 in declared["GET", "/downloads/{track_id}.{form}"]
    assert "mp3" in answer.json()["detail"].rpartition("Available:")[2]
    assert len(answer.content) < 500


def test_a_form_that_the_track_lacks_answers_404_and_names_those_it_has(client, queue, track_id):
    queue.complete(track_id)
    queue.change(track_id, on_demand=("flac",))

    answer = client.get(f"/downloads/{track_id}.opus")

    assert answer.status_code == 404
    available = answer.json()["detail"].rpartition("Available: ")[2].split(", ")
    assert sorted(available) == ["brief.json", "flac", "mel.png", "mid", "mp3", "plan.json", "wav"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "PURGE"])
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/", "/"),
        ("/health", "/health"),
        ("/music/", "/music/"),
        ("/music/generate", "/music/generate"),
        ("/music/plan", "/music/plan"),
        ("/music/instruments", "/music/instruments"),
        ("/music/genres", "/music/genres"),
        ("/music/moods", "/music/moods"),
        ("/music/models", "/music/models"),
        ("/music/tracks", "/music/tracks"),
        ("/music/status/track_0", "/music/status/{track_id}"),
        ("/music/tracks/track_0", "/music/tracks/{track_id}"),
        ("/downloads/track_0.mp3", "/downloads/{track_id}.{form}"),
    ],
)
def test_a_wrong_method_answers_405(client, declared, method, path, named):
    if (method, named) in declared:
        assert 405 in declared[method, named]
        return

    answer = client.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=1e3", "status=done", "status=", "cursor=" + "x" * 501,
     "cursor=nonsense", "cursor=%00", "cursor=%27%20OR%201=1", "cursor=%ed%a0%80"],
)  # fmt: skip
def test_a_listing_that_cannot_be_answers_422(client, declared, query):
    answer = client.get(f"/music/tracks?{query}")

    assert answer.status_code == 422
    assert 422 in declared["GET", "/music/tracks"]
    (fault,) = answer.json()["detail"]
    assert fault["loc"] == ["query", query.partition("=")[0]]
    assert set(fault) == {"loc", "msg", "type"}


@pytest.mark.parametrize("header", ["", "%%%", "a b", "x" * 300, "evil.example/path", "user@evil", "a\tb", '"<script>'])
def test_a_strange_host_header_is_not_repeated(client, queue, track_id, header):
    queue.complete(track_id)

    answer = client.get(f"/music/status/{track_id}", headers={"Host": header})

    assert answer.json()["download_url"] == f"http://testserver:80/downloads/{track_id}.mp3"
