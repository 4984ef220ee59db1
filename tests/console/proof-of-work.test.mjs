import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { attempts } from "../../src/chronicle/console/static/js/proof-of-work.mjs";

const SALT = "q2Zk0m4hV7m3m0f1a2b3cQ?expires=1767323045&";
const made = (number, salt = SALT) => ({ salt, challenge: createHash("sha256").update(`${salt}${number}`).digest("hex") });

test("the number is found that was drawn, whatever its length", () => {
  for (const number of [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 12_345]) {
    assert.equal(attempts(made(number))(0, 20_000), number);
  }
});

test("a number is found in the stretch that it lies in, and in no other", () => {
  const tryThem = attempts(made(60_000));
  assert.equal(tryThem(0, 24_999), null);
  assert.equal(tryThem(25_000, 59_999), null);
  assert.equal(tryThem(60_000, 60_000), 60_000);
  assert.equal(tryThem(60_001, 70_000), null);
  assert.equal(tryThem(1_000_000_000, 1_000_000_010), null);
});

test("every salt that fits one block with its number is hashed right", () => {
  for (let length = 0; length <= 52; length += 1) {
    assert.equal(attempts(made(123, "s".repeat(length)))(120, 130), 123, `${length}`);
  }
  assert.throws(() => attempts(made(123, "s".repeat(53)))(120, 130), RangeError);
});

test("a challenge that nothing solves is given up", () => {
  assert.equal(attempts({ salt: SALT, challenge: "0".repeat(64) })(0, 1000), null);
});
