import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { BLOCK_BYTES, cidsOf, PROFILES, profilesFor } from "../../src/chronicle/console/static/js/verify/unixfs.mjs";

const vectors = JSON.parse(readFileSync(new URL("../vectors/cid-vectors.json", import.meta.url)));

/** Byte i is (i * 31 + 7) mod 251, as the vectors say. */
function* patterned(size) {
  for (let start = 0; start < size; start += BLOCK_BYTES) {
    const block = new Uint8Array(Math.min(BLOCK_BYTES, size - start));
    for (let at = 0; at < block.length; at += 1) block[at] = ((start + at) * 31 + 7) % 251;
    yield block;
  }
}

for (const size of new Set(vectors.files.map((file) => file.size))) {
  test(`a file of ${size} bytes gets the CIDs that IPFS gives it`, async () => {
    const cids = await cidsOf(patterned(size));
    const expected = vectors.files.filter((file) => file.size === size);
    assert.equal(expected.length, Object.keys(PROFILES).length);
    for (const { profile, cid } of expected) assert.equal(cids.get(profile), cid, profile);
  });
}

test("only the profiles that are asked for are worked out", async () => {
  const cids = await cidsOf(patterned(100), ["unixfs-v0-2015"]);
  assert.deepEqual([...cids.keys()], ["unixfs-v0-2015"]);
});

test("a CID tells which profiles it can come from", () => {
  assert.deepEqual(profilesFor("QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"), ["unixfs-v0-2015"]);
  assert.equal(profilesFor("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku").length, 3);
});
