// Proofs made by the server's own code, judged by the console's. The Python side of this test
// writes them to a file, with what `chronicle verify` says of each.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { KINDS } from "../../src/chronicle/console/static/js/kinds.mjs";
import { decode, encode } from "../../src/chronicle/console/static/js/verify/dag-cbor.mjs";
import { check, OUTCOMES } from "../../src/chronicle/console/static/js/verify/check.mjs";
import { arrivesAt, leafHash, walk } from "../../src/chronicle/console/static/js/verify/merkle.mjs";
import { parseVerifierKey } from "../../src/chronicle/console/static/js/verify/note.mjs";

const path = process.env.CHRONICLE_PROOFS;
const made = path ? JSON.parse(readFileSync(path, "utf8")) : null;
const skip = made ? false : "run by tests/console/test_javascript.py, which makes the proofs";
const bytesOf = (text) => new Uint8Array(Buffer.from(text, "base64"));
const sound = () => bytesOf(made.sound);
const own = () => ({ size: made.file.size, cids: new Map(Object.entries(made.file.cids)) });

test("a sound proof is proven under the ledger's key, and says what it opens", { skip }, async () => {
  const { outcome, reason, steps, facts } = await check(sound(), { keys: [made.key] });
  assert.equal(outcome, "proven");
  assert.equal(reason, null);
  assert.ok(steps.every((step) => step.holds === true));
  assert.equal(facts.opened.get("name"), made.opened.name);
  assert.equal(facts.opened.get("size"), made.opened.size);
  assert.equal(facts.cid, made.opened.cid);
  assert.equal(facts.index, BigInt(made.index));
});

test("every entry of trees of many sizes is proven", { skip }, async () => {
  assert.ok(made.everywhere.length > 50);
  for (const proof of made.everywhere) {
    assert.equal((await check(bytesOf(proof), { keys: [made.key] })).outcome, "proven");
  }
});

test("without a key, or with another ledger's, nothing is proven", { skip }, async () => {
  assert.equal((await check(sound())).outcome, "unauthenticated");
  assert.equal((await check(sound(), { keys: [made.otherKey] })).outcome, "unauthenticated");
  assert.equal((await check(sound(), { keys: [made.sameNameKey] })).outcome, "unauthenticated");
});

test("the file on record is recognised, and any other is refused", { skip }, async () => {
  const same = await check(sound(), { keys: [made.key], file: own() });
  assert.equal(same.outcome, "proven");
  const cut = { ...own(), size: own().size - 1 };
  assert.equal((await check(sound(), { keys: [made.key], file: cut })).outcome, "false");
  const other = { ...own(), cids: new Map([...own().cids.keys()].map((profile) => [profile, "bafkreiother"])) };
  assert.equal((await check(sound(), { keys: [made.key], file: other })).outcome, "false");
});

test("a proof that opens no CID says nothing of a file", { skip }, async () => {
  const { outcome, steps } = await check(bytesOf(made.withoutCid), { keys: [made.key], file: own() });
  assert.equal(outcome, "false");
  assert.match(steps.at(-1).words, /opens no CID/);
});

test("no proof with a changed byte is ever proven", { skip }, async () => {
  const whole = sound();
  for (let at = 0; at < whole.length; at += 1) {
    const changed = whole.slice();
    changed[at] ^= 1;
    const { outcome } = await check(changed, { keys: [made.key] });
    assert.notEqual(outcome, "proven", `byte ${at}`);
  }
});

test("on broken proofs the console and the command line agree", { skip }, async () => {
  assert.ok(made.broken.length > 300);
  const seen = new Set();
  for (const { proof, outcome } of made.broken) {
    const answer = await check(bytesOf(proof), { keys: [made.key] });
    assert.equal(answer.outcome, outcome, `${Buffer.from(proof, "base64")}\n${answer.reason}`);
    seen.add(outcome);
  }
  assert.ok(seen.has("false") && seen.has("unreadable"), [...seen].join());
});

test("the outcomes are the exit codes of the command line", { skip }, () => {
  assert.deepEqual(OUTCOMES, made.exitCodes);
});

test("the kinds of entries have the server's words", { skip }, () => {
  assert.deepEqual(KINDS, made.kinds);
});

test("a verifier key is refused when its id is not its own, or it is of another kind", { skip }, async () => {
  const [name, id, key] = made.key.split(/\+(.{8})\+/);
  await assert.rejects(parseVerifierKey(`${name}+${id === "00000000" ? "00000001" : "00000000"}+${key}`), /not that of the key/);
  await assert.rejects(parseVerifierKey(`${name}+${id}`), /form name\+id\+key/);
  await assert.rejects(parseVerifierKey(`${name}+${id}+AAAA`), /Ed25519/);
});

test("CBOR is read in its one encoding only", () => {
  const value = new Map([["b", 1], ["aa", [new Uint8Array([1, 2]), "é", -1, 2n ** 63n - 1n]]]);
  assert.deepEqual(decode(encode(value)), value);
  const refused = ["1801", "5f4101ff", "fb3ff0000000000000", "a2616201616101", "f6", "c100", "820102ff", "62c328", "9bffffffffffffffff"];
  for (const hex of refused) assert.throws(() => decode(new Uint8Array(Buffer.from(hex, "hex"))), { name: "Unreadable" }, hex);
});

test("a path with a hash too many or too few does not arrive", async () => {
  const leaves = await Promise.all([0, 1, 2].map((n) => leafHash(Uint8Array.of(n))));
  const whole = await walk(leaves[2], 2n, 3n, [leaves[0]]);
  assert.ok(whole.complete);
  assert.ok(!arrivesAt(await walk(leaves[2], 2n, 3n, []), whole.root));
  assert.ok(!arrivesAt(await walk(leaves[2], 2n, 3n, [leaves[0], leaves[1]]), whole.root));
  assert.ok(!arrivesAt(await walk(leaves[2], 3n, 3n, [leaves[0]]), whole.root));
  // The root itself, shown as if it were a leaf, needs no hash to become the root.
  assert.ok(!arrivesAt(await walk(whole.root, 0n, 3n, []), whole.root));
});
