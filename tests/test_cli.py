"""The command line: one track without a server, and clear answers to wrong words."""

import json
import subprocess
import sys
from pathlib import Path

import mido
import pytest
import soundfile

from app.cli import main
from tests.processes import unfollowed


def test_make_writes_the_track_where_it_was_told(tmp_path, capsys):
    out = tmp_path / "melody.mp3"

    status = main(["make", "relaxing piano", "--duration", "5", "--out", str(out), "--seed", "3"])

    samples, rate = soundfile.read(out)
    assert status == 0
    assert len(samples) == 5 * rate
    said = capsys.readouterr()
    assert str(out) in said.out
    assert "seed 3" in said.out
    assert "100 %" in said.err


def test_the_ending_of_the_name_chooses_the_form(tmp_path):
    for name in ("a.wav", "a.flac", "a.mid", "a.plan.json"):
        assert main(["make", "bell", "--duration", "5", "--seed", "1", "--out", str(tmp_path / name)]) == 0

    assert soundfile.info(tmp_path / "a.wav").frames == soundfile.info(tmp_path / "a.flac").frames == 5 * 44_100
    assert mido.MidiFile(tmp_path / "a.mid").tracks
    assert json.loads((tmp_path / "a.plan.json").read_text())["seed"] == 1


def test_options_outrank_the_words_and_a_plan_can_be_played_again(tmp_path, capsys):
    first, again = tmp_path / "a.plan.json", tmp_path / "b.plan.json"
    options = [
        "--tempo",
        "97",
        "--key",
        "F#m",
        "--metre",
        "3/4",
        "--with",
        "cello",
        "--without",
        "piano",
        "--mood",
        "sad",
    ]

    assert main(["make", "happy piano song", "--duration", "6", "--seed", "2", "--out", str(first), *options]) == 0
    assert main(["make", "anything", "--plan", str(first), "--out", str(again)]) == 0

    plan = json.loads(first.read_text(encoding="utf-8"))
    assert (plan["tempo_bpm"], plan["tonic"], plan["mode"], plan["time_signature"]) == (97, "F#", "minor", "3/4")
    players = {voice["instrument"] for voice in plan["ensemble"]}
    assert "cello" in players
    assert "acoustic_grand_piano" not in players
    assert again.read_bytes() == first.read_bytes()
    assert "(6 s, seed 2)" in capsys.readouterr().out


def test_without_a_name_the_track_is_called_after_its_title(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert main(["make", "happy bell song", "--duration", "5"]) == 0

    assert [path.suffix for path in tmp_path.iterdir()] == [".mp3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["make", "bell", "--out", "a.aiff"], ".mp3"),
        (["make", "bell", "--duration", "4"], "5 to 300"),
        (["make", "  "], "Prompt cannot be empty"),
        (["make", "bell", "--model", "nonsense"], "composer, simulator"),
        (["make", "bell", "--seed", "-1"], "seed"),
        (["fetch", "nonsense"], "available: composer, simulator"),
        (["fetch", "composer"], "composer needs no weights"),
        (["install", "riffusion"], "python3 run.py install riffusion"),
        (["make", "bell", "--tempo", "fast"], "tempo_bpm: Input should be a valid number"),
        (["make", "bell", "--genre", "jaz"], "near it: jazz"),
        (["make", "bell", "--plan", "no-such.json"], "Cannot read no-such.json"),
        (["make", "bell", "--plan", __file__], "is not JSON"),
    ],
)
def test_wrong_words_are_answered_with_what_is_allowed(arguments, said, capsys):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["sing"], ["serve", "--port", "70000"], ["serve", "--port", "x"]])
def test_unknown_commands_and_ports_end_with_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(tmp_path, capsys):
    out = tmp_path / "no such folder" / "a.mp3"

    assert main(["make", "bell", "--duration", "5", "--out", str(out)]) == 2

    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("MUSIC_WORKERS", "0", "MUSIC_WORKERS"),
        ("MUSIC_RETENTION", "a week", "MUSIC_RETENTION"),
        ("MUSIC_SOUNDFONT", "/no/such/font.sf2", "/no/such/font.sf2"),
        ("MUSIC_MODEL", "nonsense", "composer, simulator"),
        ("MUSIC_MODEL_PATHS", "mine", "NAME=FAMILY:FOLDER"),
        ("MUSIC_MODEL_PATHS", "mine=nonsense:/x", "is no family of models; there are "),
        ("MUSIC_LICENCE_POLICY", "strict", "MUSIC_LICENCE_POLICY"),
    ],
)
def test_wrong_settings_end_the_server_before_it_starts_with_the_reason(
    setting, value, said, monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("MUSIC_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(setting, value)

    assert main(["serve", "--port", "0"]) == 2

    assert said in capsys.readouterr().err


@pytest.mark.integration
def test_two_fresh_processes_with_one_thread_and_with_two_write_the_same_bytes(tmp_path):
    for threads in ("1", "2"):
        folder = tmp_path / threads
        folder.mkdir()
        for form in ("mp3", "stems.zip"):
            subprocess.run(
                [sys.executable, "-m", "app.cli", "make", "synthwave with drums", "--duration", "5", "--seed", "5",
                 "--out", str(folder / f"a.{form}")],
                cwd=Path(__file__).parents[1],
                env={**unfollowed(), "MUSIC_RENDER_THREADS": threads},
                check=True,
                capture_output=True,
            )  # fmt: skip

    for form in ("mp3", "stems.zip"):
        assert (tmp_path / "1" / f"a.{form}").read_bytes() == (tmp_path / "2" / f"a.{form}").read_bytes()
