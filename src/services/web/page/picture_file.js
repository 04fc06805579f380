// Reads the generation parameters from a picture, where AUTOMATIC1111 and Prompt2Pic write them: in a PNG the text chunk "parameters", otherwise Exif.
// The file is not trusted.

import { isJpeg, isWebp, userComment } from './exif.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const MOST_FILE = 64 << 20;
const MOST_TEXT = 128 << 10;
const MOST_CHUNKS = 100_000;
const KEYWORD = 'parameters';

/** The reason is a name of a text: file_large, file_other, file_broken or file_without. */
export class FileError extends Error {}

/** Returns the text. Throws FileError. */
export async function parametersOf(file) {
  if (file.size > MOST_FILE) throw new FileError('file_large');
  return parametersIn(new Uint8Array(await file.arrayBuffer()));
}

export async function parametersIn(bytes) {
  if (isJpeg(bytes) || isWebp(bytes)) return fromExif(bytes);
  if (bytes.length < SIGNATURE.length || SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw new FileError('file_other');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = SIGNATURE.length;
  for (let count = 0; at + 12 <= bytes.length && count < MOST_CHUNKS; ++count) {
    const length = view.getUint32(at);
    const type = latin1(bytes.subarray(at + 4, at + 8));
    if (length > bytes.length - at - 12) throw new FileError('file_broken');
    const data = bytes.subarray(at + 8, at + 8 + length);
    const text = type === 'tEXt' ? plainText(data) : type === 'iTXt' ? await internationalText(data) : null;
    if (text !== null) return text;
    if (type === 'IEND') throw new FileError('file_without');
    at += 12 + length;
  }
  throw new FileError('file_broken');
}

function fromExif(bytes) {
  let text;
  try {
    text = userComment(bytes, MOST_TEXT);
  } catch {
    throw new FileError('file_broken');
  }
  if (text === null) throw new FileError('file_without');
  return text;
}

// In pieces: a call takes a limited number of arguments.
function latin1(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

const utf8 = (bytes) => new TextDecoder().decode(bytes);

/** Splits at the first NUL; null without one. */
function split(bytes) {
  const end = bytes.indexOf(0);
  return end < 0 ? null : [bytes.subarray(0, end), bytes.subarray(end + 1)];
}

/** The chunk's data after the keyword "parameters", or null. */
function wanted(data) {
  const parts = split(data.subarray(0, 80 + MOST_TEXT));
  return parts && latin1(parts[0].subarray(0, 79)) === KEYWORD ? parts[1].subarray(0, MOST_TEXT) : null;
}

function plainText(data) {
  const rest = wanted(data);
  return rest && latin1(rest);
}

async function internationalText(data) {
  const rest = wanted(data);
  if (!rest || rest.length < 2) return null;
  const language = split(rest.subarray(2));
  const keyword = language && split(language[1]);
  if (!keyword) throw new FileError('file_broken');
  if (rest[0] === 0) return utf8(keyword[1]);
  if (rest[0] !== 1 || rest[1] !== 0) throw new FileError('file_broken');
  return utf8(await inflate(keyword[1]));
}

/** Stops at MOST_TEXT bytes. */
async function inflate(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  const result = new Uint8Array(MOST_TEXT);
  let size = 0;
  try {
    while (size < MOST_TEXT) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, MOST_TEXT - size);
      result.set(part, size);
      size += part.length;
    }
  } catch {
    throw new FileError('file_broken');
  } finally {
    reader.cancel().catch(() => {});
  }
  return result.subarray(0, size);
}
