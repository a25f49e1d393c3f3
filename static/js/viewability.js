/* What was really seen and heard, by the rules of the Media Rating Council and a clock that never jumps.

   Seen: half of the pixels on screen, 30 % of something big, uncovered, in a tab that is visible and has the focus.
   Heard: the sound moved on at its own pace, and was neither muted nor at volume 0. What is not sure is not counted. */

export const BIG_PIXELS = 242_500;
export const SEEN_MS = 1000;
export const HEARD_MS = 2000;

const PLAYED_TO_ITS_END = 0.95;
const TICK_MS = 50;
const LONGEST_GAP_MS = 1000; // a browser that was silent for longer slept: nobody knows what was seen
const [COLUMNS, ROWS] = [5, 10]; // points that are asked what lies over them

const watched = new Map(); // node -> Sight
let ticking = 0;

/** Whether somebody looks at this tab. */
export const isAttended = () => document.visibilityState === "visible" && document.hasFocus();

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) watched.get(entry.target)?.place(entry);
}, { threshold: Array.from({ length: 101 }, (_, percent) => percent / 100) });

function lookAtAll() {
  for (const sight of watched.values()) sight.look();
}

for (const name of ["visibilitychange", "freeze", "resume"]) document.addEventListener(name, lookAtAll);
for (const name of ["focus", "blur", "pagehide", "pageshow"]) addEventListener(name, lookAtAll);

/** How long one element was seen: `runMs` without a break until now, `totalMs` in all. A long text, `isText`, also counts where it fills half of the window. */
export class Sight {
  runMs = 0;
  totalMs = 0;
  isSeen = false;
  isHeld = false; // nothing is added meanwhile
  #node;
  #isText;
  #onLook;
  #last = 0;
  #ratio = 0;
  #clip = null; // what is on screen of the node, from its own top left corner

  constructor(node, onLook = () => {}, { isText = false } = {}) {
    this.#node = node;
    this.#onLook = onLook;
    this.#isText = isText;
    watched.set(node, this);
    observer.observe(node);
    ticking ||= setInterval(lookAtAll, TICK_MS);
  }

  stop() {
    watched.delete(this.#node);
    observer.unobserve(this.#node);
    this.isSeen = false;
    if (watched.size) return;
    clearInterval(ticking);
    ticking = 0;
  }

  place({ intersectionRatio, intersectionRect: on, boundingClientRect: box }) {
    this.#ratio = intersectionRatio;
    this.#clip = { x: on.x - box.x, y: on.y - box.y, width: on.width, height: on.height };
    this.look();
  }

  /** Add what passed since the last look, if it was seen then and is now. */
  look() {
    const now = performance.now();
    const [passed, was] = [now - this.#last, this.isSeen];
    this.isSeen = this.#isInView();
    this.#last = now;
    const isSure = was && this.isSeen && passed <= LONGEST_GAP_MS;
    this.runMs = isSure ? this.runMs + passed : 0;
    if (isSure) this.totalMs += passed;
    this.#onLook(this);
  }

  #isInView() {
    if (this.isHeld || !isAttended() || !this.#ratio || !this.#node.isConnected) return false;
    const box = this.#node.getBoundingClientRect();
    const area = box.width * box.height;
    const needed = area >= BIG_PIXELS ? 0.3 : 0.5;
    const isEnough = this.#ratio >= needed || (this.#isText && this.#clip.height >= innerHeight / 2);
    if (!area || !isEnough || !isDrawn(this.#node)) return false;
    const free = this.#free(box);
    return this.#ratio * free >= needed || (this.#isText && this.#clip.height * free >= innerHeight / 2);
  }

  /** The share of what is on screen that nothing else covers. */
  #free({ x, y }) {
    const { x: left, y: top, width, height } = this.#clip;
    let free = 0;
    for (let at = 0; at < COLUMNS * ROWS; at += 1) {
      const [column, row] = [at % COLUMNS, Math.floor(at / COLUMNS)];
      const hit = document.elementFromPoint(x + left + (width * (column + 0.5)) / COLUMNS, y + top + (height * (row + 0.5)) / ROWS);
      if (hit && this.#node.contains(hit)) free += 1;
    }
    return free / (COLUMNS * ROWS);
  }
}

/** Whether a node is painted, and its pictures have come: a content blocker may have taken either. */
export function isDrawn(node) {
  const isThere = node.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? node.getClientRects().length > 0;
  return isThere && [...node.querySelectorAll("img")].every((picture) => picture.complete && picture.naturalWidth > 0);
}

/** How long one sound was played, and played so that it could be heard, by its own clock. Jumps count nothing. */
export class Hearing {
  playedMs = 0;
  audibleMs = 0;
  #audio;
  #onMove;
  #position;
  #last = performance.now();
  #wasSilent;
  #stops = new AbortController();

  constructor(audio, onMove = () => {}) {
    this.#audio = audio;
    this.#onMove = onMove;
    this.#position = audio.currentTime;
    this.#wasSilent = this.isMuted;
    for (const name of ["timeupdate", "playing", "pause", "seeking", "seeked", "volumechange", "ended"]) {
      audio.addEventListener(name, () => this.listen(), { signal: this.#stops.signal });
    }
  }

  get isMuted() { return this.#audio.muted || this.#audio.volume === 0; }

  /** Whether a sound of so many milliseconds was played to its end. */
  isWhole(ms) { return this.playedMs >= PLAYED_TO_ITS_END * ms; }

  stop() { this.#stops.abort(); }

  listen() {
    const [now, position] = [performance.now(), this.#audio.currentTime];
    const moved = (position - this.#position) * 1000;
    const isSteady = moved > 0 && moved <= (now - this.#last) * 1.25 + 250 && !this.#audio.seeking;
    const wasSilent = this.#wasSilent;
    this.#wasSilent = this.isMuted;
    this.#position = position;
    this.#last = now;
    if (isSteady) {
      this.playedMs += moved;
      if (!this.isMuted && !wasSilent) this.audibleMs += moved;
    }
    this.#onMove(this);
  }
}
