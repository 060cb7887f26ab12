/**
 * PNG files with exact numbers. A canvas would convert colours and drop 16 bits; here ids come out as they went in.
 */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Channels by PNG colour type. */
const CHANNELS = /** @type {Record<number, number>} */ ({ 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 });
/** Adam7: every pass begins at (x, y) and goes on in steps (PNG specification, section 8.2). */
const PASSES = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];
/** Larger pictures are no label maps that a browser could paint on. */
const MAX_PIXELS = 2 ** 26;

/**
 * @typedef {object} Decoded
 * @property {number} width
 * @property {number} height
 * @property {number} colorType  0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGBA
 * @property {number} channels
 * @property {Uint16Array} samples  [height * width * channels], not scaled
 * @property {number} depth  bits of a sample
 * @property {Uint8Array | null} palette  RGB, of colour type 3
 */

/** @type {Uint32Array | undefined} */
let crcTable;

/**
 * The checksum that PNG and ZIP use.
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  if (!crcTable) {
    crcTable = new Uint32Array(256);
    for (let n = 0; n < 256; n++) {
      let c = n;
      for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
      crcTable[n] = c;
    }
  }
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {CompressionStream | DecompressionStream} stream
 * @param {number} [limit]  bytes that may come out
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function through(bytes, stream, limit = Infinity) {
  const reader = new Blob([bytes])
    .stream()
    .pipeThrough(/** @type {any} */ (stream))
    .getReader();
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new Error("it unpacks to more than it says");
    }
    parts.push(value);
  }
  return concatenated(parts);
}

/**
 * @param {ArrayLike<number>[]} parts
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function concatenated(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * A greyscale PNG of whole numbers; of 8 bits it holds the lower ones, so that 65535 becomes 255.
 * @param {Uint16Array} values  [height * width]
 * @param {number} width
 * @param {8 | 16} depth
 * @returns {Promise<Blob>}
 */
export async function encodeGrey(values, width, depth) {
  const height = values.length / width;
  const stride = (width * depth) / 8 + 1; // every row begins with its filter: none
  const raw = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    let at = y * stride + 1;
    const row = values.subarray(y * width, (y + 1) * width);
    if (depth === 8) {
      raw.set(row, at); // keeps the lower 8 bits
      continue;
    }
    for (const value of row) {
      raw[at++] = value >> 8;
      raw[at++] = value & 255;
    }
  }
  return encode(raw, width, height, depth, 0, []);
}

/**
 * A picture of one byte per pixel and a palette: ids and their colours in one file.
 * @param {Uint8Array} indices  [height * width]
 * @param {number} width
 * @param {Uint8Array} palette  RGB of up to 256 entries
 * @returns {Promise<Blob>}
 */
export async function encodePalette(indices, width, palette) {
  const height = indices.length / width;
  const raw = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) raw.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return encode(raw, width, height, 8, 3, [chunk("PLTE", palette)]);
}

/**
 * @param {Uint8Array<ArrayBuffer>} raw
 * @param {number} width
 * @param {number} height
 * @param {number} depth
 * @param {number} colorType
 * @param {Uint8Array[]} extra
 */
async function encode(raw, width, height, depth, colorType, extra) {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colorType, 0, 0, 0], 8);
  const data = await through(raw, new CompressionStream("deflate"));
  const parts = [chunk("IHDR", header), ...extra, chunk("IDAT", data), chunk("IEND", new Uint8Array(0))];
  return new Blob([concatenated([SIGNATURE, ...parts])], { type: "image/png" });
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 */
function chunk(name, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/**
 * Read a PNG file to its samples.
 * @param {Uint8Array} bytes
 * @returns {Promise<Decoded>}
 * @throws {Error} in words for people: what is wrong with the file
 */
export async function decode(bytes) {
  if (!isPng(bytes)) throw new Error("this is not a PNG file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** @type {Uint8Array | null} */
  let palette = null;
  const data = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw new Error("the PNG file is cut off");
    if (name === "PLTE") palette = body;
    if (name === "IDAT") data.push(body);
    if (name === "IEND") break;
    at += length + 12;
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, colorType, , , interlaced] = bytes.subarray(24, 29);
  const channels = CHANNELS[colorType];
  if (!channels || ![1, 2, 4, 8, 16].includes(depth)) throw new Error("this kind of PNG is not known");
  if (!width || !height || width * height > MAX_PIXELS) throw new Error(`a picture of ${width}×${height} is too large`);
  const passes = (interlaced ? PASSES : [{ x: 0, y: 0, dx: 1, dy: 1 }])
    .map((pass) => {
      const [columns, rows] = [Math.ceil((width - pass.x) / pass.dx), Math.ceil((height - pass.y) / pass.dy)];
      return { ...pass, columns, rows, stride: Math.ceil((columns * channels * depth) / 8) };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const raw = await inflated(
    concatenated(data),
    passes.reduce((sum, { stride, rows }) => sum + (stride + 1) * rows, 0),
  );
  const samples = new Uint16Array(width * height * channels);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows, stride } of passes) {
    const part = raw.subarray(at, at + (stride + 1) * rows);
    at += part.length;
    unfilter(part, rows, stride, Math.max(1, (channels * depth) / 8));
    const values = unpacked(part, rows, stride, columns * channels, depth);
    if (!interlaced) return { width, height, colorType, channels, samples: values, depth, palette };
    for (let i = 0, from = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const to = ((y + i * dy) * width + x + j * dx) * channels;
        for (let c = 0; c < channels; c++) samples[to + c] = values[from++];
      }
    }
  }
  return { width, height, colorType, channels, samples, depth, palette };
}

/**
 * Width and height as the header of a PNG says.
 * @param {Uint8Array} bytes
 */
export function sizeOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** @param {Uint8Array} bytes */
export function isPng(bytes) {
  return SIGNATURE.every((value, i) => bytes[i] === value) && bytes.length > 33;
}

/**
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {number} length
 */
async function inflated(data, length) {
  let raw;
  try {
    raw = await through(data, new DecompressionStream("deflate"), length);
  } catch {
    throw new Error("the PNG file is damaged");
  }
  if (raw.length < length) throw new Error("the PNG file is cut off");
  return raw;
}

/**
 * Undo the rows' filters in place (PNG specification, section 9.2).
 * @param {Uint8Array} raw
 * @param {number} height
 * @param {number} stride
 * @param {number} step  bytes of a pixel
 */
function unfilter(raw, height, stride, step) {
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    const above = y ? row - stride - 1 : -1;
    const kind = raw[row - 1];
    if (kind === 0) continue;
    for (let i = 0; i < stride; i++) {
      const left = i >= step ? raw[row + i - step] : 0;
      const up = above >= 0 ? raw[above + i] : 0;
      const corner = above >= 0 && i >= step ? raw[above + i - step] : 0;
      raw[row + i] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][kind];
    }
  }
}

/**
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/**
 * @param {Uint8Array} raw
 * @param {number} height
 * @param {number} stride
 * @param {number} perRow  samples
 * @param {number} depth
 */
function unpacked(raw, height, stride, perRow, depth) {
  const samples = new Uint16Array(height * perRow);
  for (let y = 0, out = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    for (let i = 0; i < perRow; i++) {
      if (depth === 16) {
        samples[out++] = (raw[row + 2 * i] << 8) | raw[row + 2 * i + 1];
      } else {
        const bit = i * depth;
        samples[out++] = (raw[row + (bit >> 3)] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
      }
    }
  }
  return samples;
}
