/* Spots between tracks: one after a quarter of an hour of music, never before the first track, over after a press when five seconds were heard. */

import { say } from "./live.js";
import { report } from "./reports.js";
import { asking, learn, lost, saw } from "./seen.js";
import { recall, remember } from "./store.js";
import { HEARD_MS, Hearing, Sight, isDrawn } from "./viewability.js";

const EVERY_SECONDS = 15 * 60;
const SKIP_AFTER_MS = 5000;
const LAST_SECONDS = 10; // of an offer: what begins now may end too late

const place = document.querySelector("[data-player-spot]");
let seconds = recall("music-since-spot", 0);

/** One more second of music was heard. */
export function hearMusic() {
  seconds += 1;
  remember("music-since-spot", seconds);
}

export const isDue = () => seconds >= EVERY_SECONDS;

/** The spot that pays the artist of `track`; null when there is none, or a content blocker lets none through. */
export async function fetchSpot(track) {
  const asked = asking();
  try {
    const response = await fetch(`/ads/spot/${track.id}/`, { credentials: "same-origin", headers: { Accept: "text/html", ...asked } });
    if (response.status !== 200) return null;
    const node = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-spot]");
    learn(asked, (name) => response.headers.get(name), node?.dataset.adSpot);
    return node && new Spot(document.adoptNode(node));
  } catch {
    return null;
  }
}

class Spot {
  #node;
  #token;
  #hearing = null;
  #sight = null;
  #skip;
  #until;
  isOver = false;

  constructor(node) {
    const { adSpot, adSeconds, sound, gainDb, durationMs, title } = node.dataset;
    this.#node = node;
    this.#token = adSpot;
    this.#skip = node.querySelector("[data-spot-skip]");
    this.ms = Number(durationMs);
    this.gainDb = Number(gainDb);
    this.#until = Date.now() + 1000 * (Number(adSeconds) - LAST_SECONDS) - this.ms;
    /** What the deck plays. */
    this.track = { id: `spot:${adSpot.slice(-12)}`, title, artist: "Advertisement", album: "", stream: sound, ms: this.ms };
  }

  get maySkip() { return this.#playedMs >= Math.min(SKIP_AFTER_MS, this.ms); }
  get #playedMs() { return this.#hearing?.playedMs ?? 0; }

  /** Show what is about to sound; false when something hides it or it waited too long: then nothing sounds, and another is asked for after the next track. `onSkip` is called when the listener has had enough. */
  show(onSkip) {
    if (Date.now() > this.#until) return false;
    place.replaceChildren(this.#node);
    place.hidden = false;
    if (!isDrawn(this.#node)) return false;
    this.#skip.addEventListener("click", onSkip);
    this.#node.querySelector("[data-spot-click]")?.addEventListener("click", () => this.#tell("clicked"));
    this.#sight = new Sight(this.#node);
    seconds = 0;
    remember("music-since-spot", 0);
    return true;
  }

  /** `audio` sounds from here on. */
  begin(audio) {
    if (this.#hearing) return;
    this.#hearing = new Hearing(audio, () => this.#move());
    this.#tell("started");
    say(`Advertisement: ${this.track.title}. You can skip it after ${SKIP_AFTER_MS / 1000} seconds with Shift N.`);
  }

  #move() {
    const left = Math.ceil((Math.min(SKIP_AFTER_MS, this.ms) - this.#playedMs) / 1000);
    this.#skip.disabled = !this.maySkip;
    this.#skip.textContent = left > 0 ? `Skip in ${left}` : "Skip";
    if (this.#hearing?.audibleMs >= HEARD_MS) {
      this.#tell("viewed");
      saw(this.#token);
    }
  }

  /** It was played to its end, or left. */
  end() {
    if (this.isOver) return;
    this.isOver = true;
    if (this.#hearing) this.#tell(this.#hearing.isWhole(this.ms) ? "completed" : "skipped");
    this.#hearing?.stop();
    this.#sight?.stop();
    lost(this.#token);
    place.replaceChildren();
    place.hidden = true;
  }

  #tell(stage) {
    const [visible, audible, played] = [this.#sight?.totalMs ?? 0, this.#hearing?.audibleMs ?? 0, this.#playedMs].map(Math.round);
    report(this.#token, stage, { visible_ms: visible, audible_ms: audible, played_ms: played, hidden: document.visibilityState !== "visible", muted: this.#hearing?.isMuted ?? false, mode: "audio" });
  }
}
