"""Bad files get a sentence; nothing hangs, reads other files or writes elsewhere."""

import os
import random
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from artists import audio
from artists.audio import decoding, formats, probing, reader, sandbox
from artists.audio.limits import READER_CAPS
from tests.artists import sounds


def refused(path: Path, kind: type[audio.Unreadable], *words: str, limits: audio.Limits | None = None) -> str:
    """Probe a bad file; return the sentence, which must say what was kept and what to do. It costs little processor."""
    before = _cpu_seconds()
    with pytest.raises(kind) as caught:
        audio.probe(path, limits=limits)
    assert _cpu_seconds() - before < 20
    sentence = str(caught.value)
    assert type(caught.value) is kind
    assert "kept" in sentence
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence
    return sentence


def _cpu_seconds() -> float:
    """What the processes started here took of processors so far, whatever else the machine did meanwhile."""
    spent = os.times()
    return spent.children_user + spent.children_system


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_an_empty_file(tmp_path: Path) -> None:
    refused(written(tmp_path / "a.wav", b""), audio.Empty, "0 bytes")


def test_a_header_without_sound(tmp_path: Path) -> None:
    data = sounds.sound("plain.wav").read_bytes()
    at = data.index(b"data") + 8
    bare = data[: at - 4] + b"\0\0\0\0"
    refused(written(tmp_path / "a.wav", bare), audio.Empty, "no sound")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "list of other files"),
        (b"Dear label, here is my song.\n", "text file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'/>", "web page"),
        (b"PK\x03\x04" + b"\0" * 100, "ZIP"),
        (sounds.picture(), "picture"),
        (b"MThd" + b"\0" * 50, "MIDI"),
        (os.urandom(4096).replace(b"\xff", b"\xfe").replace(b"\x00", b"\x01"), "not audio"),
        (b"\0" * 5000, "not audio"),
        (b"OggS\x00\x02" + b"\0" * 22 + b"\x80theora" + b"\0" * 99, "not audio"),
    ],
    ids=["m3u", "ffconcat", "text", "html", "svg", "zip", "png", "midi", "noise", "zeros", "video"],
)
def test_something_else_with_the_name_of_a_song(data: bytes, word: str, tmp_path: Path) -> None:
    refused(written(tmp_path / "song.wav", data), audio.NotAudio, word)


def test_a_concat_list_is_not_followed_even_if_the_sniffing_were_fooled(tmp_path: Path) -> None:
    secret = sounds.copy("plain.wav", tmp_path / "secret.wav")
    for text in (f"ffconcat version 1.0\nfile {secret}\n", f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\n{secret}\n"):
        path = written(tmp_path / "list.wav", text.encode())
        for form in formats.FORMATS.values():
            with pytest.raises(audio.Unreadable):
                decoding.decode(path, form, audio.Limits())


def test_a_playlist_inside_a_wav_header_is_only_noise(tmp_path: Path) -> None:
    body = b"RIFF\xff\xff\xff\xffWAVE" + b"#EXTM3U\n/etc/passwd\n" * 10
    refused(written(tmp_path / "a.wav", body), audio.NotAudio, "damaged")


@pytest.mark.parametrize("keep", [0.3, 0.9])
@pytest.mark.parametrize("name", ["plain.wav", "sound.aiff", "sound.flac", "sound.mp3", "sound.wv", "lossy.m4a"])
def test_a_file_cut_off_on_its_way(name: str, keep: float, tmp_path: Path) -> None:
    refused(sounds.copy(name, tmp_path / name, keep=keep), audio.CutOff, "cut off", "again")


@pytest.mark.parametrize("name", ["vorbis.ogg", "sound.opus"])
def test_an_ogg_cut_off_inside_a_page(name: str, tmp_path: Path) -> None:
    path = sounds.copy(name, tmp_path / name)
    path.write_bytes(path.read_bytes()[:-300])
    refused(path, audio.CutOff, "cut off")


def test_an_m4a_with_its_index_first_cut_off(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "a.m4a", "-c:a", "aac", "-movflags", "+faststart")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    refused(path, audio.CutOff, "missing at its end")


@pytest.mark.parametrize("seed", range(8))
def test_a_flac_with_a_hole_in_it(tmp_path: Path, seed: int) -> None:
    data = bytearray(sounds.make(tmp_path / "noise.flac", source=f"anoisesrc=r=44100:seed={seed}").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = b"\x55" * 2000
    refused(written(tmp_path / "hole.flac", bytes(data)), audio.CutOff, "damaged")


def test_a_web_page_in_front_of_an_mp3(tmp_path: Path) -> None:
    body = sounds.mp3_body(sounds.sound("sound.mp3"))
    refused(written(tmp_path / "a.mp3", b"<html><script>x()</script></html>\n" + body), audio.NotAudio, "web page")


def test_a_web_page_hidden_in_and_behind_an_mp3_reaches_nobody(tmp_path: Path) -> None:
    from mutagen.id3 import COMM, ID3

    page = "<html><script>alert(1)</script></html>"
    path = sounds.copy("sound.mp3", tmp_path / "a.mp3")
    tags = ID3(path)
    tags.add(COMM(lang="eng", text=[page]))
    tags.save()
    path.write_bytes(path.read_bytes() + page.encode())

    found = audio.probe(path)
    assert found.duration_ms == pytest.approx(3000, abs=60)
    for recipe in audio.RECIPES:
        out = tmp_path / recipe
        audio.transcode(path, recipe, out)
        assert b"script" not in out.read_bytes()


def test_a_small_file_that_announces_hours(tmp_path: Path) -> None:
    path = sounds.make(
        tmp_path / "hours.ogg", "-c:a", "flac", "-frame_size", "65535", source="anullsrc=r=8000", seconds=14_400
    )
    assert path.stat().st_size < 100_000
    refused(path, audio.TooLong, "4:00:00", "3:00:00")


def test_a_small_file_that_decodes_to_hours_without_saying_so(tmp_path: Path) -> None:
    whole = sounds.make(tmp_path / "a.flac", "-frame_size", "65535", source="anullsrc=r=8000", seconds=14_400)
    data = bytearray(whole.read_bytes())
    data[21] &= 0xF0  # total samples, 36 bits: 0 means "unknown"
    data[22:26] = b"\0\0\0\0"
    ten_minutes = audio.Limits(max_seconds=600)
    refused(written(tmp_path / "b.flac", bytes(data)), audio.TooLong, "goes on for longer", "10:00", limits=ten_minutes)


def test_twenty_kilobytes_of_ogg_that_decode_to_a_quarter_of_a_gigabyte_and_say_nothing_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.opus", sounds.ogg_bomb(26))
    assert path.stat().st_size < 22_000
    found = audio.probe(path)
    assert found.duration_ms > 700_000  # counted, not believed
    ten_minutes = audio.Limits(max_seconds=600)
    refused(path, audio.TooLong, "goes on for longer", "10:00", limits=ten_minutes)


def test_an_ogg_with_more_channels_than_anybody_has_ears(tmp_path: Path) -> None:
    data = bytearray(sounds.sound("vorbis.ogg").read_bytes())
    data[data.index(b"\x01vorbis") + 11] = 255
    refused(written(tmp_path / "a.ogg", bytes(data)), audio.NotAudio, "255 channels")


def test_a_title_that_unpacks_to_more_memory_than_a_reader_may_have(tmp_path: Path) -> None:
    body = sounds.mp3_body(sounds.sound("sound.mp3"))
    path = written(tmp_path / "a.mp3", sounds.packed_id3(1_500) + body)
    assert path.stat().st_size < 3_000_000
    refused(path, audio.TooHeavy, "far more time or memory")


def test_pictures_of_one_name_that_a_reader_compares_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert READER_CAPS.cpu_seconds <= 6
    monkeypatch.setattr(probing, "READER_CAPS", replace(READER_CAPS, cpu_seconds=1))
    picture = b"\0image/png\0\3\0x"
    frames = (b"APIC" + sounds.syncsafe(len(picture)) + b"\0\0" + picture) * 10_000
    body = sounds.mp3_body(sounds.sound("sound.mp3"))
    path = written(tmp_path / "a.mp3", sounds.id3_header(len(frames)) + frames + body)
    refused(path, audio.TooHeavy, "Reading the tags", "without tags")


def test_boxes_in_boxes_without_end(tmp_path: Path) -> None:
    deep, size = b"", 8
    for _ in range(20_000):
        deep, size = struct.pack(">I4s", size, b"moov") + deep, size + 8
    refused(written(tmp_path / "a.m4a", sounds.sound("lossy.m4a").read_bytes()[:28] + deep), audio.NotAudio, "damaged")


def test_a_length_of_a_thousand_years(tmp_path: Path) -> None:
    data = bytearray(sounds.sound("vorbis.ogg").read_bytes())
    at = data.rindex(b"OggS")
    data[at + 6 : at + 14] = struct.pack("<q", 2**61)
    path = written(tmp_path / "a.ogg", bytes(data))
    with pytest.raises(audio.Unreadable):
        audio.probe(path)


def test_tags_of_two_hundred_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with path.open("wb") as file:
        file.write(sounds.id3_header(200_000_000))
        file.seek(200_000_010)  # a hole: takes no place on the disk
        file.write(sounds.mp3_body(sounds.sound("sound.mp3")))
    refused(path, audio.TooBig, "200 MB", "picture")


def test_tags_that_ask_for_more_memory_than_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sounds.copy("sound.flac", tmp_path / "a.flac")
    real = sandbox.run

    def starved(command: list[str], caps: sandbox.Caps, **kwargs: object) -> sandbox.Finished:
        return real(command, sandbox.Caps(cpu_seconds=5, wall_seconds=20, memory_bytes=12 * 2**20), **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(probing, "run", starved)
    with pytest.raises(audio.Unreadable):
        audio.probe(path)


def test_more_bytes_than_a_track_may_have() -> None:
    path = sounds.sound("plain.wav")
    refused(path, audio.TooBig, "529.4 kB", "100 kB", limits=audio.Limits(max_bytes=100_000))


def test_too_many_channels(tmp_path: Path) -> None:
    data = bytearray(sounds.sound("plain.wav").read_bytes())
    at = data.index(b"fmt ") + 8
    data[at + 2 : at + 4] = struct.pack("<H", 200)
    refused(written(tmp_path / "a.wav", bytes(data)), audio.NotAudio, "200 channels")


def test_a_locked_song_from_a_shop(tmp_path: Path) -> None:
    data = sounds.sound("lossy.m4a").read_bytes()
    at = data.index(b"stsd")
    locked = data[:at] + data[at:].replace(b"mp4a", b"drms", 1)
    refused(written(tmp_path / "a.m4a", locked), audio.Protected, "copy protection")


def test_an_mp3_whose_frames_carry_checksums_is_not_taken_for_locked(tmp_path: Path) -> None:
    data = bytearray(sounds.mp3_body(sounds.sound("sound.mp3")))
    data[1] &= 0xFE  # "protection" is what MPEG calls a checksum
    path = written(tmp_path / "a.mp3", bytes(data))
    assert reader.main(str(path), "mp3", 0)["is_protected"] is False


def test_a_decoder_not_on_the_list_is_not_opened(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "adpcm.wav", "-c:a", "adpcm_ima_wav")
    refused(path, audio.NotAudio)


def test_a_codec_smuggled_into_another_container_is_refused(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "a.m4a", "-c:a", "ac3", "-f", "mp4")
    refused(path, audio.NotAudio)


def test_checking_stops_when_it_takes_too_long(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "a.flac", source="anullsrc=r=44100", seconds=3000)
    refused(path, audio.TooHeavy, "far more time", limits=audio.Limits(wall_seconds=0.3))


def test_checking_stops_when_it_takes_too_much_computing(tmp_path: Path) -> None:
    path = sounds.make(tmp_path / "a.flac", source="anullsrc=r=44100", seconds=3000)
    refused(path, audio.TooHeavy, "far more time", limits=audio.Limits(cpu_seconds=1))


@pytest.mark.parametrize("name", ["plain.wav", "sound.aiff", "sound.flac", "sound.mp3", "vorbis.ogg", "lossless.m4a"])
def test_mutated_files_end_ready_or_refused_with_a_reason(name: str, tmp_path: Path) -> None:
    chance, sentences = random.Random(name), []
    for round_ in range(6):
        data = bytearray(sounds.sound(name).read_bytes())
        reach = 400 if round_ % 2 else len(data)  # half of them in the header, where it hurts most
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(reach)] = chance.randrange(256)
        path = written(tmp_path / f"{round_}-{name}", bytes(data))
        try:
            assert audio.probe(path).duration_ms > 0
        except audio.Unreadable as reason:
            sentences.append(str(reason))
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_child_is_killed_at_its_deadline_with_everything_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    caps = sandbox.Caps(wall_seconds=0.7)
    started = time.monotonic()

    finished = sandbox.run(["/bin/sh", "-c", f"sleep 60 & echo $! > {note}; wait"], caps)

    assert finished.is_timed_out
    assert finished.is_out_of_limits
    assert time.monotonic() - started < 10
    assert _is_gone(int(note.read_text()))


def test_a_child_may_not_write_more_than_its_limit(tmp_path: Path) -> None:
    target = tmp_path / "out"
    finished = sandbox.run(
        ["dd", "if=/dev/zero", f"of={target}", "bs=4096", "count=1000"], sandbox.Caps(file_bytes=8192)
    )
    assert finished.returncode != 0
    assert target.stat().st_size <= 8192


def test_a_child_may_not_take_more_memory_than_its_limit() -> None:
    command = [sys.executable, "-c", "bytearray(600 * 2**20)"]
    assert sandbox.run(command, sandbox.Caps()).returncode == 0
    assert sandbox.run(command, sandbox.Caps(memory_bytes=300 * 2**20)).returncode != 0


def test_a_child_that_burns_the_processor_is_ended() -> None:
    finished = sandbox.run([sys.executable, "-c", "while True: pass"], sandbox.Caps(cpu_seconds=1))
    assert finished.is_out_of_limits
    assert not finished.is_timed_out


def test_a_child_sees_no_secrets_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_secret")
    output = bytearray()

    def collect(chunk: bytes) -> bool:
        output.extend(chunk)
        return True

    sandbox.run(["env"], sandbox.Caps(), on_output=collect)
    assert b"PATH=" in output
    assert b"secret" not in output


def test_complaints_without_end_do_not_fill_our_memory() -> None:
    finished = sandbox.run(["/bin/sh", "-c", "yes nonsense | head -c 5000000 >&2"], sandbox.Caps())
    assert len(finished.stderr) <= 64 * 1024


@pytest.mark.skipif(not sandbox.dies_with_parent(), reason="only Linux ends a child together with its killed parent")
def test_a_killed_worker_takes_its_decoder_with_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "from artists.audio import sandbox\n"
        f"sandbox.run(['/bin/sh', '-c', 'echo $$ > {note}; exec sleep 60'], sandbox.Caps())"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        deadline = time.monotonic() + 10
        while not (note.exists() and note.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.05)
        child = int(note.read_text())
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert _is_gone(child)
    finally:
        worker.kill()
        worker.wait()


def _is_gone(pid: int) -> bool:
    """True as soon as no such process runs, within three seconds."""
    for _ in range(60):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":  # dead, waiting for somebody to notice
            return True
        time.sleep(0.05)
    return False
