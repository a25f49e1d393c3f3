/* Two <audio> elements taking turns: one sounds, the other holds the next track ready. They never move in the page. */

const RETRY_MS = 20_000;

/** Opus where the browser plays it, else MP3: the server cannot tell from a media request. */
const FORMAT = document.createElement("audio").canPlayType('audio/ogg; codecs="opus"') ? "opus" : "mp3";
const sourceOf = (track) => (track.stream.startsWith("/stream/") ? `${track.stream}?format=${FORMAT}` : track.stream);

export class Deck extends EventTarget {
  #active = document.getElementById("audio-a");
  #idle = document.getElementById("audio-b");
  #track = null;
  #startAt = 0;
  #retriedAt = 0;
  #hasStarted = false;

  constructor() {
    super();
    for (const audio of [this.#active, this.#idle]) {
      for (const name of ["timeupdate", "playing", "pause", "waiting", "ended", "error", "loadedmetadata", "seeked"]) {
        audio.addEventListener(name, () => audio === this.#active && this.#hear(name));
      }
    }
    addEventListener("online", () => this.#track && this.#active.error && this.#retry());
  }

  get seconds() { return this.#hasStarted ? this.#active.currentTime : this.#startAt; }
  get duration() { return Number.isFinite(this.#active.duration) && this.#hasStarted ? this.#active.duration : (this.#track?.ms ?? 0) / 1000; }
  get isPaused() { return this.#active.paused; }
  get track() { return this.#track; }
  get audio() { return this.#active; }

  setVolume(volume, isMuted) {
    for (const audio of [this.#active, this.#idle]) {
      audio.volume = volume;
      audio.muted = isMuted;
    }
  }

  /** Make `track` the current one without a sound; play() starts it at `seconds`. */
  cue(track, seconds = 0) {
    const isReady = this.#idle.dataset.trackId === String(track.id) && seconds === 0 && !this.#idle.error;
    this.#active.pause();
    if (isReady) {
      [this.#active, this.#idle] = [this.#idle, this.#active];
      this.#hasStarted = true;
    } else {
      this.#empty(this.#active);
      this.#hasStarted = false;
    }
    this.#empty(this.#idle);
    this.#track = track;
    this.#startAt = seconds;
  }

  async play() {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#active.dataset.trackId = this.#track.id;
      this.#active.preload = "auto";
      this.#active.src = sourceOf(this.#track);
    }
    try {
      await this.#active.play();
    } catch (reason) {
      // AbortError: another track was chosen meanwhile. Errors of the stream arrive as "error".
      if (reason.name === "NotAllowedError") this.dispatchEvent(new CustomEvent("refused"));
    }
  }

  pause() { this.#active.pause(); }

  seek(seconds) {
    const to = Math.max(0, Math.min(seconds, this.duration || seconds));
    if (!this.#hasStarted) this.#startAt = to;
    else this.#active.currentTime = to;
    this.dispatchEvent(new CustomEvent("timeupdate"));
  }

  /** Load `track` into the silent element, so that it follows without a gap. */
  prepare(track) {
    if (this.#idle.dataset.trackId === String(track.id)) return;
    this.#idle.dataset.trackId = track.id;
    this.#idle.preload = "auto";
    this.#idle.src = sourceOf(track);
    this.#idle.load();
  }

  #empty(audio) {
    delete audio.dataset.trackId;
    audio.removeAttribute("src");
    audio.load();
  }

  #hear(name) {
    if (name === "loadedmetadata" && this.#startAt) {
      this.#active.currentTime = this.#startAt;
      this.#startAt = 0;
    }
    if (name === "error") return this.#fail();
    this.dispatchEvent(new CustomEvent(name));
  }

  /** A signed link may be too old, or the connection gone: fetch the stream again once, go on at the same second. */
  #fail() {
    if (!this.#active.getAttribute("src")) return;
    if (!navigator.onLine) this.dispatchEvent(new CustomEvent("waiting"));
    else if (Date.now() - this.#retriedAt > RETRY_MS) this.#retry();
    else this.dispatchEvent(new CustomEvent("broken"));
  }

  #retry() {
    this.#retriedAt = Date.now();
    this.#startAt = this.#active.currentTime || this.#startAt;
    this.dispatchEvent(new CustomEvent("waiting"));
    this.#active.load();
    this.#active.play().catch(() => { /* says so by its own error event */ });
  }
}
