/* Lyrics that follow the player: the line that is sung is marked, and a press on a line goes there. */

import { current, position, press, seekTo } from "./player.js";

function follow() {
  for (const list of document.querySelectorAll("[data-lyrics]")) {
    const { track, seconds } = position();
    const isIt = track && list.dataset.lyrics === String(track.id);
    let now = null;
    if (isIt) for (const line of list.children) if (Number(line.dataset.at) <= seconds * 1000) now = line;
    for (const line of list.querySelectorAll("[aria-current]")) if (line !== now) line.removeAttribute("aria-current");
    if (!now || now.hasAttribute("aria-current")) continue;
    now.setAttribute("aria-current", "true");
    // Within its own box only: the page itself does not move under the reader.
    list.scrollTo({ top: now.offsetTop - list.clientHeight / 3, behavior: "smooth" });
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-lyrics] button");
  if (!button) return;
  const id = button.closest("[data-lyrics]").dataset.lyrics;
  const seconds = Number(button.closest("[data-at]").dataset.at) / 1000;
  if (String(current()?.id) === id) return seekTo(seconds);
  const key = document.querySelector(`#main [data-play][data-track-id="${CSS.escape(id)}"]`);
  if (key) press(key, seconds);
});

document.addEventListener("megabox:time", follow);
document.addEventListener("megabox:page", follow);
