"""Uploads in a real browser: broken off, reloaded, gone on with, and in the end the same bytes."""

import hashlib
import random
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.conftest import Megabox, log_in
from tests.browser.walks import SOON, drop, real_files, start_album

OFFLINE = ("net::ERR_", "Failed to fetch", "409", "htmx:sendError", "htmx:afterRequest")
"""What the browser says of requests that were cut off on purpose."""

DROP = """async ({ names, kind }) => {
    // Files of the page's own file system: Chromium hands out handles of it as it does for what is really dropped.
    const home = await navigator.storage.getDirectory();
    const transfer = new DataTransfer();
    const handles = new Map();
    for (const [name, text] of names) {
        const handle = await home.getFileHandle(name, { create: true });
        const writer = await handle.createWritable();
        await writer.write(typeof text === "number" ? new Uint8Array(text).map((_, at) => at % 251) : text);
        await writer.close();
        handles.set(name, handle);
        transfer.items.add(await handle.getFile());
    }
    DataTransferItem.prototype.getAsFileSystemHandle = function () {
        return Promise.resolve(handles.get(this.getAsFile().name));
    };
    const event = { bubbles: true, cancelable: true, dataTransfer: transfer };
    for (const type of kind) document.body.dispatchEvent(new DragEvent(type, event));
}"""


@pytest.fixture
def network(page: Page) -> Iterator[CDPSession]:
    """The page's connection, to be made slow or cut."""
    page.expected_complaints = OFFLINE  # type: ignore[attr-defined]  # read by the page fixture
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    yield session
    session.detach()


def limit(network: CDPSession, upload: int) -> None:
    """Bytes a second that go up; 0 cuts the connection, -1 lets all through."""
    how = {"offline": upload == 0, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
    network.send("Network.emulateNetworkConditions", how)


def long_take(folder: Path) -> Path:
    """12 MB of noise: the way in is tried here, not the ears."""
    path = folder / "07 Long Take.wav"
    path.write_bytes(random.Random(3).randbytes(12_000_000))
    return path


def upload_of(megabox: Megabox, filename: str) -> tuple[str, int]:
    """The sha256 and size that the site has of a file."""
    with sqlite3.connect(megabox.var / "db.sqlite3") as database:
        asked = "SELECT sha256, size_bytes FROM artists_upload WHERE filename = ? ORDER BY id DESC"
        return tuple(database.execute(asked, [filename]).fetchone())


def test_an_upload_is_cut_off_reloaded_and_ends_byte_for_byte(
    page: Page, megabox: Megabox, tmp_path: Path, network: CDPSession
) -> None:
    start_album(page, "Broken Lines")
    path = long_take(tmp_path)
    row = page.locator("#dock .upload", has_text=path.name)
    page.wait_for_function("() => document.querySelector('.drop-over') !== null")
    limit(network, 1_000_000)
    drop(page, [path])
    expect(row).to_contain_text(re.compile(r"[2-9]\.\d MB of 12\.0 MB"), timeout=SOON)

    limit(network, 0)
    expect(row).to_contain_text(re.compile("waiting for the connection|next try"), timeout=SOON)
    limit(network, 1_000_000)
    expect(row).to_contain_text(re.compile(r"[4-9]\.\d MB of 12\.0 MB"), timeout=SOON)

    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused at")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text(re.compile("MB of 12.0 MB"))

    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    limit(network, -1)
    expect(row).to_contain_text(re.compile(rf"Choose “{path.name}” again to go on from [1-9]\d? %"), timeout=SOON)
    other = tmp_path / "other.wav"
    other.write_bytes(b"another file")
    row.locator("input[type=file]").set_input_files(other)
    expect(row).to_contain_text("is another file")
    row.locator("input[type=file]").set_input_files(path)
    # Noise is no music: it arrives whole and is then rejected with a reason.
    expect(row.locator(".upload__reason")).to_contain_text("not audio", timeout=SOON)
    data = path.read_bytes()
    assert upload_of(megabox, path.name) == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_file_the_browser_may_open_again_goes_on_by_itself_after_a_reload(
    page: Page, megabox: Megabox, network: CDPSession
) -> None:
    start_album(page, "Dropped Lines")
    page.wait_for_function("() => document.querySelector('.drop-over') !== null")
    limit(network, 700_000)
    files = [["08 Own.wav", 9_000_000], ["notes.txt", "la la"]]
    page.evaluate(DROP, {"names": files, "kind": ["dragover"]})
    expect(page.locator(".drop-over__place")).to_have_text("Drop to add to “Dropped Lines”")
    page.evaluate(DROP, {"names": files, "kind": ["drop"]})
    expect(page.locator(".drop-over")).to_be_hidden()
    expect(page.locator(".toast")).to_contain_text("Left out, because it is no music: notes.txt.")
    row = page.locator("#dock .upload", has_text="08 Own.wav")
    expect(row).to_contain_text(re.compile(r"[2-9]\.\d MB of 9\.0 MB"), timeout=SOON)
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("/")  # any page goes on
    limit(network, -1)
    expect(row.locator(".upload__reason")).to_contain_text("not audio", timeout=SOON)
    data = bytes(at % 251 for at in range(9_000_000))
    assert upload_of(megabox, "08 Own.wav") == (hashlib.sha256(data).hexdigest(), len(data))


def test_a_zip_dropped_on_the_front_page_becomes_an_album(page: Page, tmp_path: Path) -> None:
    log_in(page, "nina")
    page.goto("/studio/")
    page.wait_for_function("() => document.querySelector('.drop-over') !== null")
    folder = tmp_path / "Zipped Lines"
    folder.mkdir()
    real_files(folder)
    archive = Path(shutil.make_archive(str(tmp_path / "Zipped Lines"), "zip", tmp_path, "Zipped Lines"))
    page.evaluate(
        "() => { const i = document.createElement('input'); i.type = 'file'; i.id = 'stash'; document.body.append(i); }"
    )
    page.set_input_files("#stash", archive)
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        transfer.items.add(document.getElementById("stash").files[0]);
        for (const type of ["dragover", "drop"]) {
            const place = document.querySelector(".drop-over__place") ?? document.body;
            place.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
        }
    }""")
    expect(page.get_by_role("heading", name="Zipped Lines", level=1)).to_be_visible(timeout=SOON)
    for title in ("Night Bus", "Rain On Glass", "Third Rail", "Last Stop"):
        expect(page.locator("#progress")).to_contain_text(title, timeout=SOON)
    expect(page.locator("#dock")).to_contain_text("4 files were taken out of this zip.")
