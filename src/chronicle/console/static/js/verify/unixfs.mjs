// The CID that IPFS gives a file, under each way of cutting it that Chronicle knows. Bytes stream
// past once: leaves that several profiles share are hashed once for all of them.

import { concat, sha256, utf8 } from "./bytes.mjs";

/** How each profile cuts a file: bytes a leaf, links a node, leaves raw or wrapped, CID version. */
export const PROFILES = {
  "unixfs-v1-2025": { leafBytes: 1_048_576, links: 1024, raw: true, version: 1 },
  "unixfs-v0-2015": { leafBytes: 262_144, links: 174, raw: false, version: 0 },
  "cidv1-raw-256k-174": { leafBytes: 262_144, links: 174, raw: true, version: 1 },
  "cidv1-raw-1m-174": { leafBytes: 1_048_576, links: 174, raw: true, version: 1 },
};

/** The step in which bytes are fed: every profile's leaves divide it. */
export const BLOCK_BYTES = 1_048_576;

const RAW = 0x55;
const DAG_PB = 0x70;
const SHA2_256 = Uint8Array.of(0x12, 0x20);

/** The profiles under which a file can have this CID. */
export function profilesFor(cid) {
  const version = cid.startsWith("Qm") ? 0 : 1;
  return Object.keys(PROFILES).filter((name) => PROFILES[name].version === version);
}

/**
 * The CIDs of a file, as a Map from profile to CID.
 *
 * `blocks` gives the bytes in order, each block of BLOCK_BYTES but the last (an empty file: none).
 */
export async function cidsOf(blocks, profiles = Object.keys(PROFILES)) {
  const trees = profiles.map((name) => ({ name, tree: new Tree(PROFILES[name]) }));
  let empty = true;
  for await (const block of blocks) {
    empty = false;
    await addBlock(trees, block);
  }
  if (empty) await addBlock(trees, new Uint8Array());
  const cids = new Map();
  for (const { name, tree } of trees) cids.set(name, await tree.cid());
  return cids;
}

async function addBlock(trees, block) {
  const shared = new Map();
  for (const { tree } of trees) {
    const { leafBytes, raw } = tree.profile;
    const key = `${leafBytes} ${raw}`;
    if (!shared.has(key)) shared.set(key, Promise.all(pieces(block, leafBytes).map((piece) => leaf(piece, raw))));
    for (const one of await shared.get(key)) await tree.add(one);
  }
}

function pieces(block, size) {
  const count = Math.max(1, Math.ceil(block.length / size));
  return Array.from({ length: count }, (_, at) => block.subarray(at * size, (at + 1) * size));
}

async function leaf(bytes, raw) {
  if (raw) return { codec: RAW, hash: await sha256(bytes), fileBytes: bytes.length, dagBytes: bytes.length };
  const data = bytes.length === 0 ? [] : [field(2, bytes)];
  const file = concat(number(1, 2), ...data, number(3, bytes.length));
  return node(field(1, file), bytes.length, 0);
}

async function node(block, fileBytes, childBytes) {
  return { codec: DAG_PB, hash: await sha256(block), fileBytes, dagBytes: block.length + childBytes };
}

/** A balanced tree that grows leaf by leaf: full rows of links become their parent at once. */
class Tree {
  #rows = [[]];

  constructor(profile) {
    this.profile = profile;
  }

  async add(child, height = 0) {
    this.#rows[height] ??= [];
    this.#rows[height].push(child);
    if (this.#rows[height].length === this.profile.links) await this.#lift(height);
  }

  async #lift(height) {
    const children = this.#rows[height];
    this.#rows[height] = [];
    await this.add(await this.#parent(children), height + 1);
  }

  #parent(children) {
    const links = children.map((child) =>
      field(2, concat(field(1, this.#binaryCid(child)), field(2, utf8("")), number(3, child.dagBytes))),
    );
    const fileBytes = sum(children, "fileBytes");
    const sizes = children.map((child) => number(4, child.fileBytes));
    const file = concat(number(1, 2), number(3, fileBytes), ...sizes);
    // In dag-pb links stand before data, although their field number is higher.
    return node(concat(...links, field(1, file)), fileBytes, sum(children, "dagBytes"));
  }

  async cid() {
    for (let height = 0; ; height += 1) {
      const row = this.#rows[height];
      const top = this.#rows.slice(height + 1).every((above) => above.length === 0);
      if (top && row.length === 1) return this.#text(row[0]);
      if (row.length > 0) await this.#lift(height);
    }
  }

  #binaryCid(child) {
    const multihash = concat(SHA2_256, child.hash);
    return this.profile.version === 0 ? multihash : concat(Uint8Array.of(1, child.codec), multihash);
  }

  #text(root) {
    const bytes = this.#binaryCid(root);
    return this.profile.version === 0 ? base58(bytes) : `b${base32(bytes)}`;
  }
}

const sum = (children, what) => children.reduce((total, child) => total + child[what], 0);

// Protocol buffers: a number field and a bytes field.
const number = (id, value) => concat(varint(id << 3), varint(value));
const field = (id, bytes) => concat(varint((id << 3) | 2), varint(bytes.length), bytes);

function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function base32(bytes) {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(buffer >> bits) & 31];
    }
  }
  return bits > 0 ? text + alphabet[(buffer << (5 - bits)) & 31] : text;
}

function base58(bytes) {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  let value = bytes.reduce((total, byte) => (total << 8n) | BigInt(byte), 0n);
  let text = "";
  for (; value > 0n; value /= 58n) text = alphabet[Number(value % 58n)] + text;
  return text;
}
