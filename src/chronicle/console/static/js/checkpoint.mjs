// The ledger's newest checkpoint. Several parts of a page show it, so it is asked for seldom.

import { request } from "./http.mjs";

const GOOD_FOR_MS = 30_000;

let asked = { at: -Infinity, answer: null };

/** The signed note as text, at most half a minute old; `anew` asks the server in any case. */
export function newestCheckpoint({ anew = false } = {}) {
  const now = performance.now();
  if (anew || now - asked.at > GOOD_FOR_MS) {
    const answer = request("GET", "/api/web3/log/checkpoint");
    answer.catch(() => {
      asked = { at: -Infinity, answer: null };
    });
    asked = { at: now, answer };
  }
  return asked.answer;
}
