// Reads the generation parameters from a JPEG or WebP: Exif's UserComment, as AUTOMATIC1111 and Prompt2Pic write it. The file is not trusted.

const MOST_PARTS = 100_000;
const EXIF_DIRECTORY = 0x8769;
const USER_COMMENT = 0x9286;

export const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
export const isWebp = (bytes) => word(bytes, 0) === 'RIFF' && word(bytes, 8) === 'WEBP';

/** Returns the text, or null if there is none. Throws RangeError for a damaged file. */
export function userComment(bytes, most) {
  const exif = isJpeg(bytes) ? jpegExif(bytes) : webpExif(bytes);
  const comment = exif && commentIn(exif);
  return comment && decoded(exif, comment, most);
}

const word = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4));
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The bytes from `at`, which must all be there. */
function taken(bytes, at, length) {
  if (length > bytes.length - at) throw new RangeError('the file is cut');
  return bytes.subarray(at, at + length);
}

function jpegExif(bytes) {
  const view = viewOf(bytes);
  let at = 2;
  for (let count = 0; count < MOST_PARTS; ++count) {
    const marker = view.getUint16(at);
    if (marker < 0xff01) throw new RangeError('no marker');
    if (marker === 0xffda || marker === 0xffd9) return null;
    if (marker === 0xffff) {
      ++at;
      continue;
    }
    const length = view.getUint16(at + 2);
    const segment = taken(bytes, at + 4, length - 2);
    if (marker === 0xffe1 && word(segment, 0) === 'Exif') return segment.subarray(6);
    at += 2 + Math.max(length, 2);
  }
  return null;
}

function webpExif(bytes) {
  const view = viewOf(bytes);
  let at = 12;
  for (let count = 0; at + 8 <= bytes.length && count < MOST_PARTS; ++count) {
    const length = view.getUint32(at + 4, true);
    const chunk = taken(bytes, at + 8, length);
    if (word(bytes, at) === 'EXIF') return chunk;
    at += 8 + length + (length & 1);
  }
  return null;
}

const isLittle = (exif) => exif[0] === 0x49;

/** The directory entry with that tag, {count, value}, or undefined. */
function entryOf(exif, directory, tag) {
  const view = viewOf(exif), little = isLittle(exif);
  for (let left = view.getUint16(directory, little), at = directory + 2; left > 0; --left, at += 12) {
    if (view.getUint16(at, little) === tag) return { count: view.getUint32(at + 4, little), value: view.getUint32(at + 8, little) };
  }
}

function commentIn(exif) {
  const directory = entryOf(exif, viewOf(exif).getUint32(4, isLittle(exif)), EXIF_DIRECTORY);
  const comment = directory && entryOf(exif, directory.value, USER_COMMENT);
  return comment ? taken(exif, comment.value, comment.count) : null;
}

/** The text after eight bytes that name its encoding. */
function decoded(exif, comment, most) {
  const unicode = isLittle(exif) ? 'utf-16le' : 'utf-16be';
  return new TextDecoder(word(comment, 0) === 'UNIC' ? unicode : 'utf-8').decode(comment.subarray(8, 8 + most));
}
