import json
import subprocess
import sys
from pathlib import Path

from tests.processes import unfollowed

#: Writes every form in a process of its own and prints each file's SHA-256.
WRITE_ALL = """
import json, sys
from pathlib import Path
from app.services.encoding import AUDIO_FORMS, file_facts, make_tags, write_midi, write_stems
from tests.encoding.conftest import make_music, make_plan, write_audio
from tests.encoding.test_midi import make_score, note
from tests.encoding.test_stems import make_blocks

folder = Path(sys.argv[1])
tags = make_tags(title="Night", prompt="a calm night", tempo_bpm=90.0, seed=7)
plan = make_plan()
for form in AUDIO_FORMS:
    write_audio(form, folder / form, make_music(100_000), tags)
write_stems(make_blocks(), folder / "stems", plan=plan, tags=tags, threads=int(sys.argv[2]))
write_midi(make_score(lead=[note(60, 0)], drums=[note(36, 1)]), plan, folder / "midi", tags)
print(json.dumps({path.name: file_facts(path)[1] for path in folder.iterdir()}, sort_keys=True))
"""


def test_two_fresh_processes_write_the_same_bytes_in_every_form(tmp_path: Path) -> None:
    def written(folder: Path, threads: int) -> subprocess.Popen[str]:
        folder.mkdir()
        return subprocess.Popen(
            [sys.executable, "-c", WRITE_ALL, str(folder), str(threads)],
            env=unfollowed(),
            stdout=subprocess.PIPE,
            text=True,
        )

    with written(tmp_path / "one", 1) as one, written(tmp_path / "two", 2) as two:
        first, second = (json.loads(process.communicate(timeout=60)[0]) for process in (one, two))

    assert first == second
    assert set(first) == {"mp3", "wav", "flac", "ogg", "opus", "stems", "midi"}
