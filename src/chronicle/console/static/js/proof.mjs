// The challenge that the server demands of strangers while it has too much to do: gets one, has it
// solved beside the page, and shows that it is at work.

import { announce, h } from "./dom.mjs";
import { Problem, request } from "./http.mjs";

const WORDS = "Proving that this is a browser…";

/** The `Chronicle-Challenge` header for one request. Throws a Problem when there is none to be had. */
export async function prove(signal) {
  const { algorithm, challenge, salt, maxnumber, signature } = await request("GET", "/api/auth/challenge", { signal });
  const bar = h("progress", { max: maxnumber, value: 0, "aria-label": WORDS });
  const shown = h("div", { class: "proof-at-work" }, h("p", {}, WORDS), bar, h("p", { class: "note soft" }, "The server has a lot to do right now, so this browser does a little of it. It takes some seconds."));
  document.body.append(shown);
  announce(WORDS);
  try {
    const number = await solved({ challenge, salt, maxnumber }, (tried) => (bar.value = tried), signal);
    return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  } finally {
    shown.remove();
  }
}

function solved(challenge, progress, signal) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./proof-worker.mjs", import.meta.url), { type: "module" });
    const stop = (settle, value) => {
      worker.terminate();
      settle(value);
    };
    worker.addEventListener("message", ({ data }) => {
      if (data.tried !== undefined) progress(data.tried);
      else if (data.number === null) stop(reject, unsolved());
      else stop(resolve, data.number);
    });
    worker.addEventListener("error", () => stop(reject, unsolved()));
    signal?.addEventListener("abort", () => stop(reject, signal.reason));
    worker.postMessage(challenge);
  });
}

function unsolved() {
  return new Problem({
    status: 0,
    code: "challenge_unsolved",
    detail: "This browser could not prove that it is one. Try again, or try another browser.",
  });
}
