"""Real files of every kind an artist may send, and some that nobody can play; made once per run."""

from pathlib import Path

import pytest

from artists import audio, covers
from tests.artists.factories import tone
from tests.artists.pictures import picture


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by what they are: wav, flac, mp3, ogg, and the hopeless: empty, cut, text."""
    folder = tmp_path_factory.mktemp("sounds")
    tags = {"title": "Rain On Glass", "artist": "Nova Kit", "album": "Night Bus", "track": "2", "TSRC": "DEABC2600002"}
    files = {
        "wav": tone(folder / "01 Night Bus.wav", hertz=220),
        "flac": tone(folder / "a.flac", hertz=330, tags={**tags, "ISRC": "DEABC2600002"}),
        "mp3": tone(folder / "b.mp3", hertz=440, tags={"title": "Third Rail", "artist": "Nova Kit", "track": "3/4"}),
        "ogg": tone(folder / "04 - Last Stop.ogg", hertz=550, codec_a="libvorbis"),
        "empty": folder / "silence.wav",
        "text": folder / "notes.mp3",
        "cut": folder / "cut.flac",
    }
    files["empty"].write_bytes(b"")
    files["text"].write_text("Dear diary, this is no music at all.\n" * 50)
    whole = tone(folder / "whole.flac", seconds=6, hertz=660).read_bytes()
    files["cut"].write_bytes(whole[: len(whole) // 3])
    return files


@pytest.fixture(scope="session")
def sound_with_cover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP3 with a picture in it."""
    folder = tmp_path_factory.mktemp("covered")
    wav, made = tone(folder / "tone.wav", hertz=700), folder / "covered.mp3"
    audio.transcode(wav, "mp3-320", made)
    audio.write_tags(made, "mp3-320", audio.Tags(title="Covered"), covers.receive(picture()).jpeg)
    return made
