import assert from "node:assert/strict";
import test from "node:test";
import { crc32 as reference, deflateSync } from "node:zlib";

import * as png from "../../src/semsynth/studio/static/js/png.js";
import { unzip, zip } from "../../src/semsynth/studio/static/js/zip.js";
import { Random } from "./random.js";

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), Buffer.from(data)]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(reference(body));
  return Buffer.concat([length, body, sum]);
}

/** Rows by the book, with a chosen filter in each. */
function scanlines(samples, width, channels, depth, filterOf) {
  const stride = Math.ceil((width * channels * depth) / 8);
  const height = samples.length / (width * channels);
  const rows = Array.from({ length: height }, (_, y) => {
    const row = Buffer.alloc(stride);
    for (let i = 0; i < width * channels; i++) {
      const value = samples[y * width * channels + i];
      if (depth === 16) row.writeUInt16BE(value, 2 * i);
      else row[(i * depth) >> 3] |= value << (8 - depth - ((i * depth) & 7));
    }
    return row;
  });
  const step = Math.max(1, (channels * depth) / 8);
  const at = (y, i) => (y < 0 || i < 0 ? 0 : rows[y][i]);
  const out = [];
  for (let y = 0; y < height; y++) {
    const kind = filterOf(y);
    out.push(kind);
    for (let i = 0; i < stride; i++) {
      const [a, b, c] = [at(y, i - step), at(y - 1, i), at(y - 1, i - step)];
      const p = a + b - c;
      const nearest = [a, b, c].reduce((best, v) => (Math.abs(p - v) < Math.abs(p - best) ? v : best));
      out.push((rows[y][i] - [0, a, b, (a + b) >> 1, nearest][kind]) & 255);
    }
  }
  return out;
}

/** The pixels of one pass of Adam7: a letter for every pixel of a block of 8x8, as the specification draws it. */
const ADAM7 = ["16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777"];

/** A PNG by the book. */
function written(samples, width, channels, depth, colorType, filterOf, interlace = 0) {
  const height = samples.length / (width * channels);
  const out = [];
  if (!interlace) out.push(...scanlines(samples, width, channels, depth, filterOf));
  for (let pass = 1; interlace && pass <= 7; pass++) {
    const rows = [];
    for (let y = 0; y < height; y++) {
      const row = [];
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * channels;
        if (ADAM7[y % 8][x % 8] === String(pass)) row.push(...samples.slice(at, at + channels));
      }
      if (row.length) rows.push(row);
    }
    if (rows.length) out.push(...scanlines(rows.flat(), rows[0].length / channels, channels, depth, filterOf));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, colorType, 0, 0, interlace], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.from(out))), chunk("IEND", [])];
  return new Uint8Array(Buffer.concat([signature, ...parts]));
}

test("16-bit and 8-bit ids come back exactly", async () => {
  const random = new Random(8);
  for (const [depth, top] of [
    [16, 65535],
    [8, 255],
  ]) {
    const values = Uint16Array.from({ length: 37 * 21 }, () => random.int(0, top));
    const read = await png.decode(await bytesOf(await png.encodeGrey(values, 37, depth)));
    assert.deepEqual([read.width, read.height, read.depth, read.colorType], [37, 21, depth, 0]);
    assert.deepEqual(read.samples, values);
  }
});

test("palette pictures keep indices and colours", async () => {
  const palette = Uint8Array.from([0, 0, 170, 255, 85, 0, 1, 2, 3]);
  const blob = await png.encodePalette(Uint8Array.from([0, 1, 2, 2, 1, 0]), 3, palette);
  const read = await png.decode(await bytesOf(blob));
  assert.deepEqual([...read.samples], [0, 1, 2, 2, 1, 0]);
  assert.deepEqual(read.palette, palette);
});

test("every filter, depth and colour type of other programs is read", async () => {
  const random = new Random(9);
  for (const [colorType, channels] of [
    [0, 1],
    [2, 3],
    [3, 1],
    [4, 2],
    [6, 4],
  ]) {
    const depths = colorType === 0 ? [1, 2, 4, 8, 16] : colorType === 3 ? [1, 2, 4, 8] : [8, 16];
    for (const depth of depths) {
      const samples = Uint16Array.from({ length: 13 * 10 * channels }, () => random.int(0, 2 ** depth - 1));
      for (const interlace of [0, 1]) {
        const bytes = written(samples, 13, channels, depth, colorType, (y) => y % 5, interlace);
        const told = `type ${colorType}, ${depth} bits, interlaced ${interlace}`;
        assert.deepEqual((await png.decode(bytes)).samples, samples, told);
      }
    }
  }
});

test("interlaced pictures of all small sizes are read", async () => {
  const random = new Random(11);
  for (let width = 1; width <= 9; width++) {
    for (let height = 1; height <= 9; height++) {
      const samples = Uint16Array.from({ length: width * height }, () => random.int(0, 255));
      assert.deepEqual((await png.decode(written(samples, width, 1, 8, 0, (y) => y % 5, 1))).samples, samples);
    }
  }
});

test("what is wrong with a file is told", async () => {
  const good = await bytesOf(await png.encodeGrey(new Uint16Array(400), 20, 8));
  await assert.rejects(png.decode(new Uint8Array(50)), /not a PNG/);
  await assert.rejects(png.decode(good.subarray(0, good.length - 20)), /cut off/);
  const broken = good.slice();
  broken.fill(255, 41, 60);
  await assert.rejects(png.decode(broken), /damaged|cut off/);
  const huge = good.slice();
  new DataView(huge.buffer).setUint32(16, 1e6);
  new DataView(huge.buffer).setUint32(20, 1e6);
  await assert.rejects(png.decode(huge), /too large/);
});

test("a picture that unpacks to more than it says is refused", async () => {
  const bytes = written(new Uint16Array(200 * 200), 200, 1, 8, 0, () => 0);
  new DataView(bytes.buffer).setUint32(20, 2);
  await assert.rejects(png.decode(bytes), /damaged/);
});

test("archives come back as they were, and damage is found", async () => {
  const random = new Random(10);
  const files = new Map([
    ["project.json", new TextEncoder().encode('{"größe": 1}')],
    ["labels.png", Uint8Array.from({ length: 5000 }, () => random.int(0, 255))],
    ["empty", new Uint8Array(0)],
  ]);
  const bytes = await bytesOf(await zip(files));
  assert.deepEqual(await unzip(bytes), files);
  assert.deepEqual(bytes, await bytesOf(await zip(files)));
  bytes[bytes.indexOf(0x50, 100) - 60] ^= 1;
  await assert.rejects(unzip(bytes));
  await assert.rejects(unzip(new Uint8Array(100)), /not a project/);
});
