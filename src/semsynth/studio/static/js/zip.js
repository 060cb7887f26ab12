/** ZIP archives, as much of them as project files need: written packed, read packed or stored. */

import { concatenated, crc32, through } from "./png.js";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const MAX_BYTES = 2 ** 28;

/**
 * @param {Map<string, Uint8Array<ArrayBuffer>>} files  by name
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const label = new TextEncoder().encode(name);
    const packed = await through(bytes, new CompressionStream("deflate-raw"));
    // version 2.0, UTF-8 name, deflate, 1980-01-01 so that equal projects are equal files
    const shared = [20, 2048, 8, 0, 33];
    const sizes = [crc32(bytes), packed.length, bytes.length];
    const local = record([LOCAL], shared, sizes, [label.length, 0]);
    const central = record([CENTRAL], [20, ...shared], sizes, [label.length, 0, 0, 0, 0], [0, offset]);
    parts.push(local, label, packed);
    entries.push(central, label);
    offset += local.length + label.length + packed.length;
  }
  const directory = concatenated(entries);
  const end = record([END], [0, 0, files.size, files.size], [directory.length, offset], [0]);
  return new Blob([concatenated([...parts, directory, end])], { type: "application/zip" });
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Map<string, Uint8Array<ArrayBuffer>>>}
 * @throws {Error} in words: no archive, or a damaged one
 */
export async function unzip(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw new Error("this is not a project file");
  const files = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL) throw new Error("the project file is damaged");
    const [method, crc] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    const [packed, size] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + lengths[0]));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const body = bytes.slice(start, start + packed);
    if (size > MAX_BYTES) throw new Error(`${name} in the project file is too large`);
    const data = method === 8 ? await through(body, new DecompressionStream("deflate-raw"), size) : body;
    if (data.length !== size || crc32(data) !== crc) throw new Error(`${name} in the project file is damaged`);
    files.set(name, data);
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return files;
}

/**
 * Numbers, little-endian: 4 bytes where a number is a signature, checksum, size or offset, else 2.
 * @param {number[][]} groups  fields alternate: 4 bytes, 2 bytes, 4, 2, ...
 */
function record(...groups) {
  const wide = groups.map((_, i) => i % 2 === 0);
  const length = groups.reduce((sum, group, i) => sum + group.length * (wide[i] ? 4 : 2), 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  groups.forEach((group, i) => {
    for (const value of group) {
      if (wide[i]) view.setUint32(at, value, true);
      else view.setUint16(at, value, true);
      at += wide[i] ? 4 : 2;
    }
  });
  return bytes;
}
