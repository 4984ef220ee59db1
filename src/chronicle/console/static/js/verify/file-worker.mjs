// Works out a file's CIDs away from the page, so that the page stays quick. Nothing is sent
// anywhere. Takes `{ticket, file, profiles}`; gives `{ticket, done: bytes}` on the way, and
// `{ticket, cids}` or `{ticket, error}` at the end. A newer request ends an older one.

import { BLOCK_BYTES, cidsOf } from "./unixfs.mjs";

let latest = 0;

addEventListener("message", async ({ data: { ticket, file, profiles } }) => {
  latest = ticket;
  try {
    postMessage({ ticket, cids: await cidsOf(blocksOf(file, ticket), profiles) });
  } catch (error) {
    postMessage({ ticket, error: error.message });
  }
});

async function* blocksOf(file, ticket) {
  for (let start = 0; start < file.size; start += BLOCK_BYTES) {
    if (ticket !== latest) throw new Error("Another file was chosen.");
    yield new Uint8Array(await file.slice(start, start + BLOCK_BYTES).arrayBuffer());
    postMessage({ ticket, done: Math.min(start + BLOCK_BYTES, file.size) });
  }
}
