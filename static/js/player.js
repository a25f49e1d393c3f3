/* The player that never stops. States: idle, loading, playing, paused, stalled, error; with data-spot an ad sounds between two tracks. */

import { post } from "./csrf.js";
import { Deck } from "./deck.js";
import { clock, icon, make, say, toast } from "./live.js";
import { isTyping } from "./page.js";
import { ask } from "./slot.js";
import { fetchSpot, hearMusic, isDue } from "./spots.js";
import { recall, remember } from "./store.js";

const PLAY_COUNTS_AFTER = 30; // distinct seconds heard
const ALL_OF_IT = 0.9;
const PREPARE_BEFORE_END = 25; // seconds

const bar = document.getElementById("player");
const part = (name) => document.querySelector(`[data-player-${name}]`);
const [seekBar, doneBar, timeText, volumeBar, muteKey, toggleKey] = ["seek", "done", "time", "volume", "mute", "toggle"].map(part);
const tab = Math.random().toString(36).slice(2);
const channel = "BroadcastChannel" in window ? new BroadcastChannel("megabox") : null;
const deck = new Deck();

let queue = [];
let index = -1;
let state = "idle";
let volume = recall("volume", { level: 1, isMuted: false });
let heard = new Set();
let counted = null; // the promise of having told that it counts
let isOver = false; // told that it was heard nearly whole, or left
let failures = 0;
let isSeeking = false;
let spot = null; // sounds now
let coming = null; // {after: track, spot}: sounds when that track has ended

export const current = () => queue[index] ?? null;
export const isPlaying = () => state === "playing" || state === "loading" || state === "stalled";
export const volumeNow = () => (volume.isMuted ? 0 : volume.level);
/** The volume for an ad that must sound `gainDb` other than it is, to be as loud as the music; never louder than the file. */
export const loudness = (gainDb = 0) => volumeNow() * gain(gainDb);
const gain = (db) => Math.min(1, 10 ** (db / 20));
export const position = () => ({ track: spot ? null : current(), seconds: deck.seconds, duration: deck.duration });

/* --- What can be done with it ------------------------------------------------------------------------------ */

/** Play `tracks` from `at`, `seconds` into the first. */
export function playAll(tracks, at = 0, seconds = 0) {
  leave();
  queue = tracks;
  start(at, seconds);
}

export function pause() { deck.pause(); }

export function seekTo(seconds) {
  if (spot) return;
  deck.seek(seconds);
  keep();
}

export async function toggle() {
  if (!current()) return;
  if (isPlaying()) return deck.pause();
  begin();
}

function start(at, seconds = 0) {
  leave();
  endSpot();
  coming = null;
  index = at;
  heard = new Set();
  counted = null;
  isOver = false;
  deck.cue(current(), seconds);
  begin();
}

function begin() {
  setState("loading");
  channel?.postMessage({ sounds: tab });
  deck.play();
  describe();
}

function skip(step) {
  if (spot) return step > 0 && leaveSpot();
  if (step < 0 && deck.seconds > 4) return seekTo(0);
  if (queue[index + step]) start(index + step);
  else if (step < 0) seekTo(0);
}

/* --- What the deck says ------------------------------------------------------------------------------------- */

const hear = (name, what) => deck.addEventListener(name, what);

hear("playing", () => { failures = 0; spot?.begin(deck.audio); setState("playing"); });
hear("pause", () => { if (!deck.isPaused) return; if (state !== "error") setState(deck.track ? "paused" : "idle"); keep(); });
hear("waiting", () => state === "playing" && setState("stalled"));
hear("refused", () => { setState("paused"); toast("Your browser wants a press before it plays: use the play key."); });
hear("loadedmetadata", draw);
hear("seeked", () => !deck.isPaused && setState("playing"));

hear("timeupdate", () => {
  if (state === "stalled" && !deck.isPaused) setState("playing");
  if (state === "playing" && !spot) count();
  if (state === "playing" && queue[index + 1] && deck.duration - deck.seconds < PREPARE_BEFORE_END) prepare();
  draw();
});

hear("ended", () => {
  if (!spot && queue[index + 1] && coming?.spot && volumeNow() > 0) return startSpot(coming.spot);
  if (queue[index + 1]) return start(index + 1);
  leave();
  endSpot();
  setState("paused");
  deck.cue(current());
  keep();
  say("The queue has ended.");
});

hear("broken", () => {
  if (spot) return start(index + 1); // an ad that does not load stops nobody's music
  setState("error");
  isOver = true; // nobody skipped it
  failures += 1;
  const goesOn = queue[index + 1] && failures < 3;
  toast(`“${current().title}” could not be played. ${goesOn ? "The next track follows." : "Try again in a moment."}`, { kind: "error" });
  if (goesOn) start(index + 1);
});

/** A play counts once 30 different seconds of it were heard, a shorter track whole; nine tenths of it are all of it. */
function count() {
  const second = Math.floor(deck.seconds);
  if (!heard.has(second)) hearMusic();
  heard.add(second);
  if (!counted && heard.size >= needed()) counted = tell("counted").catch(() => { counted = null; });
  if (counted && !isOver && heard.size >= ALL_OF_IT * deck.duration) {
    isOver = true;
    counted.then(() => tell("complete")).catch(() => { /* a count less */ });
  }
}

const needed = () => Math.min(PLAY_COUNTS_AFTER, Math.floor(deck.duration) || PLAY_COUNTS_AFTER);

/** Begun, and left before it counted. */
function leave() {
  if (!current() || !heard.size || counted || isOver) return;
  isOver = true;
  tell("skipped").catch(() => { /* a count less */ });
}

function tell(stage) {
  const { id, place, site } = current();
  return post("/plays/", { track: Number(id), seconds: heard.size, stage, place, site }, { keepalive: true });
}

/* --- A spot between two tracks --------------------------------------------------------------------------------- */

/** What follows the current track: a spot when one is due and is there, else the next track. */
async function prepare() {
  const track = current();
  if (spot || !isDue() || volumeNow() === 0 || !track.stream.startsWith("/stream/")) return deck.prepare(queue[index + 1]);
  if (coming?.after === track) return;
  const mine = (coming = { after: track, spot: null });
  mine.spot = await fetchSpot(track);
  if (coming === mine && current() === track && !spot) deck.prepare(mine.spot?.track ?? queue[index + 1]);
}

function startSpot(next) {
  coming = null;
  if (!next.show(leaveSpot)) {
    next.end();
    return start(index + 1);
  }
  spot = next;
  bar.dataset.spot = "";
  seekBar.disabled = true;
  deck.cue(spot.track);
  setVolume(volume);
  begin();
}

/** The listener has had enough, which is theirs to say once five seconds were played. */
function leaveSpot() {
  if (spot.maySkip) start(index + 1);
  else say("The ad can be skipped when five seconds of it were played.");
}

function endSpot() {
  if (!spot) return;
  spot.end();
  spot = null;
  delete bar.dataset.spot;
  seekBar.disabled = false;
  setVolume(volume);
}

addEventListener("pagehide", () => { spot?.end(); leave(); });
addEventListener("pageshow", (event) => { if (event.persisted && spot) start(index + 1); });

channel?.addEventListener("message", (event) => {
  if (event.data.sounds && event.data.sounds !== tab && isPlaying()) deck.pause();
});

/* --- What is seen ----------------------------------------------------------------------------------------------- */

function setState(next) {
  state = next;
  bar.dataset.state = next;
  bar.hidden = !current();
  const label = isPlaying() ? "Pause" : state === "error" ? "Try again" : deck.seconds > 1 ? `Resume at ${clock(deck.seconds)}` : "Play";
  toggleKey.setAttribute("aria-label", label);
  toggleKey.title = label;
  if ("mediaSession" in navigator) navigator.mediaSession.playbackState = isPlaying() ? "playing" : current() ? "paused" : "none";
  mark();
  draw();
}

/** Who plays: words, cover, the lock screen, the queue. */
function describe() {
  const track = spot?.track ?? current();
  if (!track) return;
  const title = part("title");
  const cover = part("cover");
  title.textContent = track.title;
  title.href = cover.href = track.url || current().url || "/";
  part("artist").textContent = track.artist;
  cover.replaceChildren(...(track.cover ? [make("img", { src: track.cover, alt: "", width: 56, height: 56 })] : []));
  document.querySelector("[data-player-next]").disabled = !queue[index + 1];
  if ("mediaSession" in navigator) {
    const artwork = track.cover ? [{ src: new URL(track.cover, location.href).href, sizes: "300x300" }] : [];
    navigator.mediaSession.metadata = new MediaMetadata({ title: track.title, artist: track.artist, album: track.album, artwork });
  }
  drawQueue();
  mark();
  keep();
}

function draw() {
  const [seconds, duration] = [deck.seconds, deck.duration];
  doneBar.value = duration ? (1000 * seconds) / duration : 0;
  if (!isSeeking) seekBar.value = doneBar.value;
  seekBar.setAttribute("aria-valuetext", `${clock(seconds)} of ${clock(duration)}`);
  timeText.textContent = `${clock(seconds)} / ${clock(duration)}`;
  document.dispatchEvent(new CustomEvent("megabox:time"));
  if ("mediaSession" in navigator && duration > 0 && seconds <= duration) {
    navigator.mediaSession.setPositionState?.({ duration, position: seconds, playbackRate: 1 });
  }
}

/** Rows and keys of the page that belong to the current track. */
function mark() {
  const id = current()?.id;
  for (const node of document.querySelectorAll("[data-track-row], [data-play], [data-play-from]")) {
    const isIt = id !== undefined && (node.dataset.trackId === String(id) || Boolean(node.dataset.playFrom && node.dataset.playFrom === current().from));
    node.classList.toggle("is-current", isIt);
    node.classList.toggle("is-playing", isIt && isPlaying());
    const word = node.querySelector("[data-play-word]");
    if (word) word.textContent = isIt && isPlaying() ? "Pause" : "Play";
    if (node.dataset.title) node.setAttribute("aria-label", `${isIt && isPlaying() ? "Pause" : "Play"} ${node.dataset.title}`);
  }
}

function drawQueue() {
  const list = document.querySelector("[data-queue-list]");
  document.querySelector("[data-queue-empty]").hidden = queue.length > 0;
  list.replaceChildren(...queue.map((track, at) => {
    const choose = make("button", { type: "button" }, make("strong", { text: track.title }), make("small", { text: track.artist }));
    choose.addEventListener("click", () => start(at));
    const drop = make("button", { className: "btn btn--icon", type: "button", "aria-label": `Take ${track.title} out of the queue` }, icon("x"));
    drop.addEventListener("click", () => remove(at));
    const item = make("li", { className: "queue__item" }, choose, ...(at === index ? [] : [drop]));
    if (at === index) item.setAttribute("aria-current", "true");
    return item;
  }));
}

function remove(at) {
  queue = queue.filter((_, other) => other !== at);
  if (at < index) index -= 1;
  describe();
}

/* --- What is remembered --------------------------------------------------------------------------------------- */

function keep() {
  if (current()) remember("player", spot ? { queue, index: index + 1, seconds: 0 } : { queue, index, seconds: deck.seconds });
}

setInterval(() => isPlaying() && keep(), 5000);
addEventListener("pagehide", keep);

/** After a full load the bar waits, paused: nothing sounds without a press. */
function restore() {
  const kept = recall("player", null);
  if (!kept?.queue?.[kept.index]) return;
  ({ queue, index } = kept);
  deck.cue(current(), kept.seconds || 0);
  describe();
  setState("paused");
}

/* --- Presses and keys ------------------------------------------------------------------------------------------ */

/** A [data-play] element as a track. */
const read = (node) => ({
  id: node.dataset.trackId, title: node.dataset.title, artist: node.dataset.artist, album: node.dataset.album, url: node.dataset.url,
  cover: node.dataset.cover, ms: Number(node.dataset.durationMs), stream: node.dataset.stream, place: place(), site: site(),
});

/** The kind of page a track is started on. */
function place() {
  const [kind = "home", ...rest] = location.pathname.split("/").filter(Boolean);
  return kind === "artists" ? ["artist", "album", "track"][rest.length - 1] : kind;
}

/** The site whose link led here, by its host alone. */
function site() {
  const host = document.referrer && new URL(document.referrer).hostname;
  return host === location.hostname ? "" : host;
}

const rowsOf = (list) => [...(list?.querySelectorAll("[data-play]") ?? [])];

/** `#t=72` in the address of a track's page starts it there. */
function secondsAsked(track) {
  const asked = location.hash.match(/^#t=(\d+)/);
  return asked && new URL(track.url, location.href).pathname === location.pathname ? Number(asked[1]) : 0;
}

export function press(node, seconds = null) {
  if (node.dataset.trackId === String(current()?.id) && seconds === null) return toggle();
  const rows = rowsOf(node.closest("[data-tracklist]"));
  const tracks = rows.includes(node) ? rows.map(read) : [read(node)];
  const at = Math.max(0, rows.indexOf(node));
  return playAll(tracks, at, seconds ?? secondsAsked(tracks[at]));
}

async function playPage(node) {
  const from = node.dataset.playFrom;
  if (current()?.from === from) return toggle();
  node.classList.add("is-busy");
  try {
    const page = new DOMParser().parseFromString(await (await fetch(from, { credentials: "same-origin" })).text(), "text/html");
    const tracks = rowsOf(page.querySelector("[data-tracklist]")).map((row) => ({ ...read(row), from }));
    if (tracks.length) playAll(tracks);
    else toast("Nothing on this album can be played yet.");
  } catch {
    toast("No connection: the album could not be loaded.", { kind: "error" });
  } finally {
    node.classList.remove("is-busy");
  }
}

document.addEventListener("click", (event) => {
  const node = event.target.closest?.("[data-play], [data-play-album], [data-play-from], [data-queue-add]");
  if (!node) return;
  event.preventDefault();
  if ("queueAdd" in node.dataset) {
    queue = [...queue, read(node)];
    toast(`“${node.dataset.title}” comes after what is in the queue.`, { kind: "ok", seconds: 3 });
    if (index < 0) { index = 0; deck.cue(current()); setState("paused"); }
    describe();
  } else if ("playAlbum" in node.dataset) {
    const list = node.dataset.playAlbum ? document.querySelector(node.dataset.playAlbum) : node.closest("[data-tracklist]") ?? document.querySelector("#main [data-tracklist]");
    const rows = rowsOf(list);
    if (rows.length) playAll(rows.map(read));
  } else if ("playFrom" in node.dataset) playPage(node);
  else press(node);
});

toggleKey.addEventListener("click", toggle);
part("next").addEventListener("click", () => skip(1));
part("prev").addEventListener("click", () => skip(-1));
muteKey.addEventListener("click", () => setVolume({ ...volume, isMuted: !volume.isMuted }));
volumeBar.addEventListener("input", () => setVolume({ level: volumeBar.value / 100, isMuted: false }));
seekBar.addEventListener("input", () => { isSeeking = true; });
seekBar.addEventListener("change", () => { isSeeking = false; seekTo((seekBar.value / 1000) * deck.duration); });
document.querySelector("[data-queue-clear]").addEventListener("click", () => { queue = current() ? [current()] : []; index = queue.length - 1; describe(); });

function setVolume(next) {
  volume = next;
  remember("volume", volume);
  deck.setVolume(volume.level * (spot ? gain(spot.gainDb) : 1), volume.isMuted);
  volumeBar.value = volume.level * 100;
  muteKey.setAttribute("aria-pressed", String(volume.isMuted));
  muteKey.replaceChildren(icon(volume.isMuted ? "muted" : "volume"));
  muteKey.setAttribute("aria-label", volume.isMuted ? "Sound on" : "Mute");
  document.dispatchEvent(new CustomEvent("megabox:volume"));
}

const keysSwitch = document.querySelector("[data-keys-switch]");
keysSwitch.checked = recall("keys", true);
keysSwitch.addEventListener("change", () => remember("keys", keysSwitch.checked));

document.addEventListener("keydown", (event) => {
  if (!recall("keys", true) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  const isOnControl = event.target.matches?.("button, a, summary, input, [role=button]");
  const key = event.key.toLowerCase();
  if (document.querySelector("dialog[open]") && key !== "m") return;
  const does = {
    " ": () => !isOnControl && current() && toggle(), k: () => current() && toggle(),
    j: () => current() && seekTo(deck.seconds - 10), l: () => current() && seekTo(deck.seconds + 10),
    n: () => event.shiftKey && skip(1), p: () => event.shiftKey && skip(-1),
    m: () => setVolume({ ...volume, isMuted: !volume.isMuted }), "?": () => document.getElementById("keys").showModal(),
    arrowdown: () => moveInList(event.target, 1), arrowup: () => moveInList(event.target, -1),
  }[key];
  if (does && does() !== false) {
    if (!(key === " " && isOnControl)) event.preventDefault();
  }
});

/** Arrow keys walk the rows of a track list. */
function moveInList(node, step) {
  const rows = rowsOf(node.closest?.("[data-tracklist]"));
  const at = rows.indexOf(node);
  if (at < 0 || !rows[at + step]) return false;
  rows[at + step].focus();
  return true;
}

if ("mediaSession" in navigator) {
  const set = (name, what) => { try { navigator.mediaSession.setActionHandler(name, what); } catch { /* this browser has no such key */ } };
  set("play", begin);
  set("pause", () => deck.pause());
  set("previoustrack", () => skip(-1));
  set("nexttrack", () => skip(1));
  set("seekto", (details) => seekTo(details.seekTime));
  set("seekbackward", (details) => seekTo(deck.seconds - (details.seekOffset ?? 10)));
  set("seekforward", (details) => seekTo(deck.seconds + (details.seekOffset ?? 10)));
}

/* --- The ad beside the queue ------------------------------------------------------------------------------------- */

document.getElementById("queue").addEventListener("toggle", (event) => {
  const place = part("slot");
  if (event.newState !== "open" || !current() || place.dataset.for === String(current().id)) return;
  place.dataset.for = current().id;
  ask(place, `/ads/slot/player/track/${current().id}/`);
});

document.addEventListener("megabox:page", mark);
setVolume(volume);
restore();
setState(state);
