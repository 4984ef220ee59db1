// Files on their way to the server: a queue that lives as long as the page, two at a time.
// XMLHttpRequest, because fetch does not tell how much of a body has gone out.

import { offline, Problem, problemFrom } from "./http.mjs";
import * as session from "./session.mjs";

const AT_ONCE = 2;
const SPEED_WINDOW_MS = 4000;

/**
 * One file on its way. `state` is "waiting", "sending", "settling" (all bytes are out, the answer
 * is not in), "done", "failed" or "cancelled". Dispatches "change"; `event` is the upload event
 * once it is done, `problem` says why it failed.
 */
export class Upload extends EventTarget {
  #samples = [];
  #xhr = null;
  #stopped = false;

  constructor(file) {
    super();
    this.file = file;
    this.state = "waiting";
    this.sent = 0;
    this.event = null;
    this.problem = null;
  }

  /** Bytes a second over the last few seconds, or null while that is a guess. */
  get speed() {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || last.at - first.at < 500) return null;
    return ((last.sent - first.sent) * 1000) / (last.at - first.at);
  }

  /** Seconds until the last byte is out, or null. */
  get secondsLeft() {
    const { speed } = this;
    return speed ? (this.file.size - this.sent) / speed : null;
  }

  /** Stop; the server keeps nothing of a file that ended half way. */
  cancel() {
    this.#stopped = true;
    this.#xhr?.abort();
    if (this.state === "waiting") this.#become("cancelled");
  }

  /** Send the file; returns when it is done, failed or cancelled. Renews the session once. */
  async run() {
    this.#become("sending");
    try {
      await this.#send(await session.accessToken()).catch(async (error) => {
        if (error.status !== 401) throw error;
        await session.renew();
        return this.#send(await session.accessToken());
      });
      this.#become("done");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      this.#become(error.code === "cancelled" ? "cancelled" : "failed");
    }
  }

  #send(token) {
    this.sent = 0;
    this.#samples = [];
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(cancelled());
      const xhr = new XMLHttpRequest();
      this.#xhr = xhr;
      xhr.upload.addEventListener("progress", (event) => this.#progress(event.loaded));
      xhr.upload.addEventListener("load", () => this.#become("settling"));
      xhr.addEventListener("load", () => {
        if (xhr.status !== 201) return reject(problemFrom(xhr.status, xhr.responseText, (name) => xhr.getResponseHeader(name)));
        this.event = JSON.parse(xhr.responseText);
        return resolve();
      });
      xhr.addEventListener("error", () => reject(offline()));
      xhr.addEventListener("abort", () => reject(cancelled()));
      const query = new URLSearchParams({ visibility: "public", name: this.file.name });
      xhr.open("POST", `/api/web3/uploads?${query}`);
      xhr.setRequestHeader("Authorization", `Bearer ${token}`);
      xhr.setRequestHeader("Content-Type", this.file.type || "application/octet-stream");
      xhr.send(this.file);
    });
  }

  #progress(sent) {
    const at = performance.now();
    this.sent = Math.min(sent, this.file.size);
    this.#samples.push({ at, sent });
    while (at - this.#samples[0].at > SPEED_WINDOW_MS) this.#samples.shift();
    this.dispatchEvent(new Event("change"));
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

/** Every upload of this page that is not yet cleared away, oldest first. */
export const uploads = [];

/** Dispatches "added" with the new Uploads as `detail`. */
export const queue = new EventTarget();

/** Put files into the queue; they start as soon as there is room. */
export function add(files) {
  const added = [...files].map((file) => new Upload(file));
  uploads.push(...added);
  for (const upload of added) upload.addEventListener("change", () => startNext());
  queue.dispatchEvent(new CustomEvent("added", { detail: added }));
  startNext();
}

/** Take an upload that has ended off the list. */
export function clear(upload) {
  const at = uploads.indexOf(upload);
  if (at >= 0) uploads.splice(at, 1);
}

const cancelled = () => new Problem({ status: 0, code: "cancelled", detail: "Cancelled." });
const active = (upload) => upload.state === "sending" || upload.state === "settling";

function startNext() {
  const free = AT_ONCE - uploads.filter(active).length;
  const next = uploads.filter((upload) => upload.state === "waiting").slice(0, Math.max(0, free));
  for (const upload of next) if (upload.state === "waiting") upload.run();
}

// Leaving the page would cut off what is on its way.
addEventListener("beforeunload", (event) => {
  if (uploads.some((upload) => active(upload) || upload.state === "waiting")) event.preventDefault();
});
session.onChange(() => {
  if (session.user()) return;
  for (const upload of uploads) upload.cancel();
  uploads.length = 0;
});
