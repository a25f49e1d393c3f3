/* The ad gate: nothing sounds before a press, leaving is always possible, reading counts as much as hearing. */

import { post } from "./csrf.js";
import { clock, icon, make, say } from "./live.js";
import { go } from "./navigation.js";
import { loudness, pause, volumeNow } from "./player.js";
import { report } from "./reports.js";
import { Hearing, Sight } from "./viewability.js";

const TICK_MS = 100;
const HIDDEN_AFTER_MS = 4000;
const BLOCKED = "If an ad blocker is on for this site, allow it here: ads pay these artists. Or buy, or spend credits.";

let running = null; // the Visit whose ad is shown

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-gate-start]");
  const gate = button?.closest("[data-gate]");
  if (!gate) return;
  event.preventDefault();
  if (!running) new Visit(gate, button).start();
});

// Before this script is there, a press would send the form and show what only scripts read.
const enable = () => { for (const button of document.querySelectorAll("[data-gate-start]")) button.disabled = false; };
enable();
document.addEventListener("megabox:page", enable);

// Leaving the page ends the ad: it costs nobody and pays nobody.
document.addEventListener("megabox:page", () => { if (running && !running.gate.isConnected) running.leave(); });
addEventListener("pagehide", () => running?.skip());

/** One ad at one gate: asked for, shown, confirmed. */
class Visit {
  #showing = null;
  #ad;

  constructor(gate, button) { Object.assign(this, { gate, button }); }

  async start() {
    running = this;
    pause();
    this.button.disabled = true;
    this.#tell("");
    const ad = (this.#ad = await this.#ask(this.gate.dataset.startUrl, new FormData(this.button.form ?? undefined)));
    this.button.disabled = false;
    if (!ad.token || !this.gate.isConnected) {
      running = null;
      if (ad.receipt_url) go(ad.receipt_url);
      else if (this.button.isConnected) this.button.focus();
      return;
    }
    this.#showing = new Showing(this.gate.querySelector("[data-gate-stage]"), ad, {
      told: (sentence) => this.#tell(sentence),
      clicked: (claims) => report(ad.token, "clicked", claims),
      ended: (claims) => this.#confirm(claims),
      left: () => { this.leave(); this.#tell("You left the ad. Nothing was counted and nobody was charged."); this.button.focus(); },
    });
    this.gate.classList.add("is-showing");
    this.#showing.begin();
  }

  /** Say that the ad was left before its end. */
  skip() { if (this.#showing?.isRunning) report(this.#ad.token, "skipped", this.#showing.claims()); }

  leave() {
    this.skip();
    this.#close();
  }

  #close() {
    this.#showing?.stop();
    this.gate.classList.remove("is-showing");
    if (running === this) running = null;
  }

  /** The same claims as often as it takes: the server counts them once. */
  async #confirm(claims) {
    const answer = await this.#ask(this.gate.dataset.viewedUrl, { token: this.#ad.token, ...claims });
    if (running !== this) return;
    if (answer.isRefused) {
      this.#close();
      return this.button.focus();
    }
    if (answer.isRefused === false) return this.#offerToConfirm(claims);
    this.#close();
    if (answer.granted) {
      say(answer.sentence ?? "The download is yours.");
      return go(answer.receipt_url);
    }
    this.#tell(answer.sentence ?? "Counted.");
    if (answer.next) this.button.replaceChildren(icon("megaphone"), "Watch the next ad");
    this.button.focus();
  }

  #offerToConfirm(claims) {
    const again = make("button", { className: "btn", type: "button", text: "Try to confirm again" });
    const once = new AbortController();
    const confirm = () => {
      once.abort();
      again.disabled = true;
      this.#confirm(claims);
    };
    again.addEventListener("click", confirm, { signal: once.signal });
    addEventListener("online", confirm, { signal: once.signal });
    this.#showing.stage.replaceChildren(make("p", { text: "You watched the ad to its end. Only its confirmation is missing." }), again);
  }

  /** POST and give what was answered; what went wrong is said in the gate, and `isRefused` tells a no from a fault. */
  async #ask(url, body) {
    try {
      const response = await post(url, body);
      const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
      if (response.ok) return answer;
      this.#tell(answer.sentence ?? answer.error ?? "This did not work and it is our fault. Nothing was charged: try again.", true);
      return { isRefused: response.status < 500 };
    } catch {
      this.#tell(`The ad could not be loaded. ${BLOCKED}`, true);
    }
    return { isRefused: false };
  }

  #tell(text, isError = false) {
    const place = this.gate.querySelector("[data-gate-status]");
    place.replaceChildren(...(text ? [make("p", { className: `notice notice--${isError ? "error" : "info"}` }, icon(isError ? "alert" : "info"), make("span", { text }))] : []));
    if (text) say(text);
  }
}

/**
 * An ad on a stage, as listeners meet it: heard, or read, to its end. It asks the server nothing and counts nothing,
 * so the same stage shows a draft to its advertiser.
 *
 * `stage` is an element it may fill, show and hide. `ad` is what a gate's start answers: {kind, media_url, image_url, alt, title,
 * body, click_url, transcript, duration_ms, gain_db}. All of `on` may lack: told(sentence), clicked(claims), ended(claims)
 * and left(claims). After ended the stage stays as it is until stop().
 */
export class Showing {
  isRunning = false;
  #ad;
  #on;
  #mode;
  #isHeld = false;
  #audio = null;
  #hearing = null;
  #sight = null;
  #timer = 0;
  #unseenMs = 0;
  #stops = new AbortController();

  constructor(stage, ad, on = {}) {
    this.stage = stage;
    this.#ad = ad;
    this.#on = on;
    this.#mode = ad.kind === "audio" && ad.media_url && volumeNow() > 0 ? "audio" : "reading";
  }

  begin() {
    this.isRunning = true;
    this.stage.hidden = false;
    this.#draw();
    this.stage.focus();
    if (this.#mode === "audio") this.#sound();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("megabox:volume", () => this.#setVolume(), { signal: this.#stops.signal });
    say(`Advertisement: ${this.#ad.title}. ${Math.round(this.#ad.duration_ms / 1000)} seconds.`);
  }

  stop() {
    this.#rest();
    this.stage.replaceChildren();
    this.stage.hidden = true;
  }

  /** What was measured until now, in the words of /ads/events. */
  claims() {
    const isHeard = this.#mode === "audio";
    const [visible, audible] = [Math.round(this.#sight?.totalMs ?? 0), Math.round(this.#hearing?.audibleMs ?? 0)];
    const played = isHeard ? Math.round(this.#hearing?.playedMs ?? 0) : visible;
    return { visible_ms: visible, audible_ms: audible, played_ms: played, hidden: document.visibilityState !== "visible", muted: this.#hearing?.isMuted ?? false, mode: this.#mode };
  }

  #sound() {
    this.#audio = new Audio(this.#ad.media_url);
    this.#hearing = new Hearing(this.#audio);
    this.#setVolume();
    const hear = (name, what) => this.#audio.addEventListener(name, what, { signal: this.#stops.signal });
    hear("error", () => this.#read("The sound did not load. Read the ad instead: it pays the artist the same."));
    hear("volumechange", () => { if (this.#hearing?.isMuted) this.#read("Sound is off. Keep the words in view for the ad's length: it pays the artist the same."); });
    hear("ended", () => {
      if (this.#hearing.isWhole(this.#ad.duration_ms)) this.#end();
      else this.#read("The sound jumped. Read the ad instead: it pays the artist the same.");
    });
    this.#audio.play().catch((reason) => reason.name !== "AbortError" && this.#read("Your browser did not let the ad sound. Read it instead: it pays the artist the same."));
  }

  #setVolume() { if (this.#audio) this.#audio.volume = loudness(this.#ad.gain_db); }

  /** From sound to text: the words stay in view for the ad's full length. */
  #read(why) {
    if (!this.isRunning || this.#mode === "reading") return;
    this.#silence();
    this.#mode = "reading";
    this.#isHeld = false;
    this.#on.told?.(why);
    this.#draw();
    this.stage.focus();
  }

  #silence() {
    this.#hearing?.stop();
    this.#audio?.pause();
    this.#audio = this.#hearing = null;
  }

  #tick() {
    const isHeard = this.#mode === "audio";
    const doneMs = isHeard ? (this.#hearing?.playedMs ?? 0) : this.#sight.totalMs;
    const rest = Math.max(0, this.#ad.duration_ms - doneMs);
    this.clock.textContent = clock(Math.ceil(rest / 1000));
    this.bar.value = doneMs / this.#ad.duration_ms;
    if (isHeard || this.#isHeld) return;
    this.#mayWait();
    if (!rest) this.#end();
  }

  /** Words that nobody sees do not count: say what the clock waits for. */
  #mayWait() {
    const isWaiting = !this.#sight.isSeen;
    this.#unseenMs = isWaiting ? this.#unseenMs + TICK_MS : 0;
    const why = document.hasFocus() ? "The clock waits until the ad is in view." : "The clock waits until you are back in this window.";
    this.waits.textContent = this.#unseenMs > 500 ? why : "";
    if (this.#unseenMs === HIDDEN_AFTER_MS && document.hasFocus()) this.#on.told?.(`The ad is not in view, or something hides it. Scroll to it. ${BLOCKED}`);
  }

  #hold() {
    this.#isHeld = !this.#isHeld;
    this.#sight.isHeld = this.#isHeld;
    if (this.#isHeld) this.#audio?.pause();
    else this.#audio?.play();
    this.holdKey.replaceChildren(icon(this.#isHeld ? "play" : "pause"), this.#isHeld ? "Go on" : "Pause");
  }

  #end() {
    if (!this.isRunning) return;
    const claims = this.claims();
    this.#rest();
    this.keys.remove();
    this.#on.ended?.(claims);
  }

  #rest() {
    this.isRunning = false;
    clearInterval(this.#timer);
    this.#stops.abort();
    this.#silence();
    this.#sight?.stop();
  }

  #draw() {
    const ad = this.#ad;
    const isReading = this.#mode === "reading";
    this.clock = make("span", { className: "gate__clock", role: "timer", text: clock(Math.ceil(ad.duration_ms / 1000)) });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "How far the ad is" });
    this.waits = make("p", { className: "gate__waits small", role: "status" });
    const content = make("div", { className: "gate__ad" }, ...this.#words(isReading));
    const label = make("p", { className: "cluster cluster--spread" }, make("span", { className: "eyebrow", text: "Advertisement" }), this.clock);
    this.keys = this.#keys(isReading);
    this.stage.replaceChildren(label, this.bar, content, this.waits, this.keys);
    this.stage.tabIndex = -1;
    this.#sight?.stop();
    this.#sight = new Sight(content, undefined, { isText: true });
  }

  #words(isReading) {
    const { alt = "", body, click_url: href, image_url: src, title, transcript } = this.#ad;
    const parts = src ? [make("div", { className: "gate__picture" }, make("img", { src, alt }))] : [];
    parts.push(make("h2", { text: title }));
    if (body) parts.push(make("p", { text: body }));
    const words = transcript && make("p", { className: "gate__transcript", text: transcript });
    if (words) parts.push(isReading ? words : make("details", {}, make("summary", { text: "Words of the ad" }), words));
    if (href) {
      const visit = make("a", { className: "gate__visit", href, target: "_blank", rel: "noopener nofollow sponsored", text: `Visit ${new URL(href, location.href).hostname}` });
      visit.addEventListener("click", () => this.#on.clicked?.(this.claims()));
      parts.push(make("p", {}, visit));
    }
    return parts;
  }

  #keys(isReading) {
    const key = (className, does, ...words) => {
      const button = make("button", { className, type: "button" }, ...words);
      button.addEventListener("click", does);
      return button;
    };
    this.holdKey = key("btn", () => this.#hold(), icon("pause"), "Pause");
    const read = isReading ? [] : [key("btn", () => this.#read("Sound is off. Keep the words in view for the ad's length: it pays the artist the same."), icon("muted"), "Read it instead")];
    return make("div", { className: "cluster" }, this.holdKey, ...read, key("btn", () => this.#leave(), "Leave: no download, nobody is charged"));
  }

  #leave() {
    if (this.#on.left) this.#on.left(this.claims());
    else this.stop();
  }
}
