/* The ad gate: nothing sounds before a press, leaving is always possible, reading counts as much as hearing. */

import { post } from "./csrf.js";
import { clock, icon, make, say } from "./live.js";
import { go } from "./navigation.js";
import { pause, volumeNow } from "./player.js";

const TICK_MS = 100;
let running = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-gate-start]");
  const gate = button?.closest("[data-gate]");
  if (!gate) return;
  event.preventDefault();
  open(gate, button);
});

// Leaving the page ends the ad: it costs nobody and pays nobody.
document.addEventListener("megabox:page", () => { if (running && !running.gate.isConnected) running.stop(); });

async function open(gate, button) {
  if (running) return;
  pause();
  button.disabled = true;
  tell(gate, "");
  const ad = await ask(gate, gate.dataset.startUrl, new FormData(button.form ?? undefined));
  button.disabled = false;
  if (ad.receipt_url && (ad.granted || !ad.token)) return go(ad.receipt_url);
  if (!ad.token) return;
  running = new Showing(gate, button, ad);
  running.begin();
}

/** POST and give what was answered; what went wrong is said in the gate, and `isRefused` tells a no from a fault. */
async function ask(gate, url, body) {
  try {
    const response = await post(url, body);
    const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
    if (response.ok) return answer;
    tell(gate, answer.sentence ?? answer.error ?? "This did not work and it is our fault. Nothing was charged: try again.", true);
    return { isRefused: response.status < 500 };
  } catch {
    tell(gate, "The ad could not be loaded. If an ad blocker is on for this site, allow it here: ads pay these artists. Or buy, or spend credits.", true);
  }
  return { isRefused: false };
}

function tell(gate, text, isError = false) {
  const place = gate.querySelector("[data-gate-status]");
  place.replaceChildren(...(text ? [make("p", { className: `notice notice--${isError ? "error" : "info"}` }, icon(isError ? "alert" : "info"), make("span", { text }))] : []));
  if (text) say(text);
}

class Showing {
  #heard = 0;
  #isHeld = false;
  #isSending = false;
  #mode;
  #audio = null;
  #timer = 0;
  #last = performance.now();

  constructor(gate, button, ad) {
    Object.assign(this, { gate, button, ad });
    this.stage = gate.querySelector("[data-gate-stage]");
    this.length = ad.duration_ms / 1000;
    this.#mode = ad.kind === "audio" && ad.media_url && volumeNow() > 0 ? "audio" : "reading";
  }

  begin() {
    this.#draw();
    this.gate.classList.add("is-showing");
    this.stage.hidden = false;
    this.stage.focus();
    if (this.#mode === "audio") this.#startSound();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    say(`Advertisement: ${this.ad.title}. ${Math.round(this.length)} seconds.`);
  }

  stop() {
    clearInterval(this.#timer);
    this.#audio?.pause();
    this.#audio = null;
    this.gate.classList.remove("is-showing");
    this.stage.replaceChildren();
    this.stage.hidden = true;
    running = null;
  }

  #startSound() {
    this.#audio = new Audio(this.ad.media_url);
    this.#audio.volume = volumeNow();
    this.#audio.addEventListener("error", () => this.#read("The sound did not load. Read the ad instead: it pays the artist the same."));
    this.#audio.addEventListener("ended", () => { this.#heard = this.length; });
    this.#audio.play().catch((reason) => reason.name !== "AbortError" && this.#read("Your browser did not let the ad sound. Read it instead: it pays the artist the same."));
  }

  /** From sound to text: the words stay in view for the ad's full length. */
  #read(why) {
    if (!running || this.#mode === "reading") return;
    this.#audio?.pause();
    this.#audio = null;
    this.#mode = "reading";
    this.#heard = 0;
    this.#isHeld = false;
    tell(this.gate, why);
    this.#draw();
  }

  #tick() {
    const now = performance.now();
    const passed = Math.min(1, (now - this.#last) / 1000); // a sleeping computer is not reading
    this.#last = now;
    if (this.#audio) this.#heard = Math.max(this.#heard, this.#audio.currentTime);
    else if (!this.#isHeld && !document.hidden) this.#heard += passed;
    const rest = Math.max(0, this.length - this.#heard);
    this.clock.textContent = clock(Math.ceil(rest));
    this.bar.value = this.#heard / this.length;
    if (rest <= 0.05 && !this.#isSending) this.#finish();
  }

  #hold() {
    this.#isHeld = !this.#isHeld;
    if (this.#isHeld) this.#audio?.pause();
    else this.#audio?.play();
    this.holdKey.replaceChildren(icon(this.#isHeld ? "play" : "pause"), this.#isHeld ? "Go on" : "Pause");
  }

  async #finish() {
    this.#isSending = true;
    clearInterval(this.#timer);
    this.#audio?.pause();
    const answer = await ask(this.gate, this.gate.dataset.viewedUrl, { token: this.ad.token, mode: this.#mode });
    if (answer.isRefused) {
      this.stop();
      return this.button.focus();
    }
    if (answer.isRefused === false) {
      const again = make("button", { className: "btn", type: "button", text: "Try to confirm again" });
      again.addEventListener("click", () => this.#finish(), { once: true });
      return this.stage.replaceChildren(make("p", { text: "You watched the ad to its end. Only its confirmation is missing." }), again);
    }
    this.stop();
    if (answer.granted) {
      say(answer.sentence ?? "The download is yours.");
      return go(answer.receipt_url);
    }
    tell(this.gate, answer.sentence ?? "Counted.");
    if (answer.next) this.button.replaceChildren(icon("megaphone"), "Watch the next ad");
    this.button.focus();
  }

  #draw() {
    const { ad } = this;
    const isReading = this.#mode === "reading";
    this.clock = make("span", { className: "gate__clock", role: "timer", text: clock(Math.ceil(this.length)) });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "How far the ad is" });
    this.holdKey = make("button", { className: "btn", type: "button" }, icon("pause"), "Pause");
    this.holdKey.addEventListener("click", () => this.#hold());
    const leave = make("button", { className: "btn btn--quiet", type: "button", text: "Leave: no download, nobody is charged" });
    leave.addEventListener("click", () => { this.stop(); tell(this.gate, "You left the ad. Nothing was counted and nobody was charged."); this.button.focus(); });
    const keys = make("div", { className: "cluster" }, this.holdKey);
    if (!isReading) {
      const mute = make("button", { className: "btn", type: "button" }, icon("muted"), "Read it instead");
      mute.addEventListener("click", () => this.#read("Sound is off. Keep the words in view for the ad's length: it pays the artist the same."));
      keys.append(mute);
    }
    keys.append(leave);
    const parts = [
      make("p", { className: "cluster cluster--spread" }, make("span", { className: "eyebrow", text: "Advertisement" }), this.clock),
      this.bar,
      ...(ad.image_url ? [make("div", { className: "gate__picture" }, make("img", { src: ad.image_url, alt: "" }))] : []),
      make("h2", { text: ad.title }),
      ...(ad.body ? [make("p", { text: ad.body })] : []),
    ];
    if (ad.transcript && isReading) parts.push(make("p", { className: "gate__transcript", text: ad.transcript }));
    else if (ad.transcript) {
      parts.push(make("details", {}, make("summary", { text: "Words of the ad" }), make("p", { className: "gate__transcript", text: ad.transcript })));
    }
    if (ad.click_url) {
      const visit = make("a", { href: ad.click_url, target: "_blank", rel: "noopener nofollow sponsored", text: `Visit ${new URL(ad.click_url, location.href).hostname}` });
      parts.push(make("p", {}, visit));
    }
    this.stage.replaceChildren(...parts, keys);
    this.stage.tabIndex = -1;
  }
}
