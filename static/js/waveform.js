/* The waveform of a row: shows what was heard of the track that plays, and seeks. */

import { clock } from "./live.js";
import { current, position, press, seekTo } from "./player.js";

const SVG = "http://www.w3.org/2000/svg";

/** The heard part is a second copy of the drawing, cut off at the playhead. */
function heardPart(wave) {
  const old = wave.querySelector(".waveform__heard");
  if (old) return old;
  const copy = wave.querySelector("svg").cloneNode(true);
  copy.setAttribute("class", "waveform__heard");
  const path = copy.querySelector("path") ?? copy.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("class", "waveform__done");
  wave.insertBefore(copy, wave.querySelector("input"));
  return copy;
}

function draw() {
  const { track, seconds, duration } = position();
  for (const wave of document.querySelectorAll("[data-waveform]")) {
    const input = wave.querySelector("input");
    const isIt = track && wave.dataset.trackId === String(track.id);
    if (!isIt) {
      wave.querySelector(".waveform__heard")?.remove();
      if (input.value !== "0") input.value = 0;
      continue;
    }
    const share = duration ? seconds / duration : 0;
    heardPart(wave).style.clipPath = `inset(0 ${(100 - 100 * share).toFixed(2)}% 0 0)`;
    if (document.activeElement !== input || !input.matches(":active")) input.value = share * Number(input.max);
    input.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(duration)}`);
  }
}

document.addEventListener("change", (event) => {
  const wave = event.target.closest?.("[data-waveform]");
  if (!wave) return;
  const seconds = Number(event.target.value) / 1000;
  if (wave.dataset.trackId === String(current()?.id)) return seekTo(seconds);
  const key = document.querySelector(`#main [data-play][data-track-id="${CSS.escape(wave.dataset.trackId)}"]`);
  if (key) press(key, seconds);
});

document.addEventListener("megabox:time", draw);
document.addEventListener("megabox:page", draw);
