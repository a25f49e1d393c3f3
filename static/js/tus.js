/* A small client of tus 1.0.0: one file, in pieces as large as the connection is good, gone on with as often as it takes. */

import { csrfToken } from "./csrf.js";

const LEAST = 256 * 1024;
const MOST = 16 * 1024 * 1024;
const SILENCE_MS = 90_000;
const LONGEST_WAIT_S = 60;

/** The server will not take it, or the file cannot be read: a person has to do something. */
export class Refusal extends Error {
  constructor(sentence, { status = 0, isFileLost = false } = {}) {
    super(sentence);
    Object.assign(this, { status, isFileLost });
  }
}

/** What is worth another try: no connection, a server that restarts, bytes that do not follow. */
class Fault extends Error {}

/** Sends one file; `moved(bytes)` is told how far it is, `waits(seconds)` that it tries again then. */
export class Sending {
  constructor(file, { url = "", createUrl, metadata, moved, waits, created }) {
    Object.assign(this, { file, url, createUrl, metadata, moved, waits, created, sent: 0, piece: 4 * LEAST });
  }

  /** Resolves to true when every byte is there, to false when it was stopped. Throws Refusal. */
  async run() {
    this.isStopped = false;
    let isSure = false;
    for (let wait = 1; !this.isStopped; wait = Math.min(2 * wait, LONGEST_WAIT_S)) {
      try {
        if (!this.url) await this.create();
        else if (!isSure) await this.ask();
        isSure = true;
        while (this.sent < this.file.size) {
          await this.sendPiece();
          wait = 1;
        }
        return true;
      } catch (fault) {
        if (this.isStopped) break;
        if (!(fault instanceof Fault)) throw fault;
        isSure = false;
        this.piece = Math.max(LEAST, this.piece / 2);
        this.waits(wait);
        await this.sleep(wait);
      }
    }
    return false;
  }

  stop() {
    this.isStopped = true;
    this.request?.abort();
    this.wake?.();
  }

  async create() {
    const told = Object.entries(this.metadata).map(([name, value]) => `${name} ${base64(new TextEncoder().encode(value))}`);
    const answer = await this.call("POST", this.createUrl, { "Upload-Length": this.file.size, "Upload-Metadata": told.join() });
    // Only the path: a proxy may know itself by another name than the page does.
    this.url = new URL(answer.getResponseHeader("Location"), location.href).pathname;
    this.created(this.url);
    this.#at(0);
  }

  async ask() {
    const answer = await this.call("HEAD", this.url);
    this.#at(Number(answer.getResponseHeader("Upload-Offset")));
  }

  async sendPiece() {
    const began = performance.now();
    const bytes = await this.read();
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": this.sent };
    // Where the page has no secure origin there are no digests; the bytes are looked at as a whole anyway.
    if (crypto.subtle) headers["Upload-Checksum"] = `sha256 ${base64(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))}`;
    const answer = await this.call("PATCH", this.url, headers, bytes);
    this.#at(Number(answer.getResponseHeader("Upload-Offset")));
    const seconds = (performance.now() - began) / 1000;
    if (seconds < 4) this.piece = Math.min(MOST, this.piece * 2);
    else if (seconds > 15) this.piece = Math.max(LEAST, this.piece / 2);
  }

  async read() {
    try {
      return await this.file.slice(this.sent, this.sent + this.piece).arrayBuffer();
    } catch {
      throw new Refusal("This file was changed, moved or taken away while it was sent.", { isFileLost: true });
    }
  }

  call(method, url, headers = {}, body = null) {
    return new Promise((resolve, reject) => {
      if (this.isStopped) return reject(new Fault());
      const request = (this.request = new XMLHttpRequest());
      let silence = 0;
      const listen = () => {
        clearTimeout(silence);
        silence = setTimeout(() => request.abort(), SILENCE_MS);
      };
      request.open(method, url);
      for (const [name, value] of Object.entries({ "Tus-Resumable": "1.0.0", Accept: "application/json", "X-CSRFToken": csrfToken(), ...headers })) request.setRequestHeader(name, value);
      if (body) {
        request.upload.onprogress = (event) => {
          listen();
          this.moved(this.sent + event.loaded);
        };
      }
      request.onloadend = () => {
        clearTimeout(silence);
        const status = request.status;
        if (status >= 200 && status < 300) return resolve(request);
        if (this.url && (status === 404 || status === 410)) this.url = ""; // it is over: from the start, once more
        else if (status && ![408, 409, 423, 429, 460].includes(status) && (status < 500 || status === 507)) return reject(new Refusal(sentenceOf(request), { status }));
        reject(new Fault());
      };
      listen();
      request.send(body);
    });
  }

  sleep(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(done, seconds * 1000);
      function done() {
        clearTimeout(timer);
        removeEventListener("online", done);
        resolve();
      }
      addEventListener("online", done);
      this.wake = done;
    });
  }

  #at(offset) {
    this.sent = offset;
    this.moved(offset);
  }
}

function sentenceOf(request) {
  try {
    return JSON.parse(request.responseText).error;
  } catch { /* not ours: a proxy's page */ }
  return request.status === 413 ? "The server in front of us takes no pieces of this size. Tell us, it is our fault." : "The server did not take the file. Send it again.";
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
