// The history: requests and pictures. The database is the truth for all tabs of this browser; each tab has a copy of the requests in memory.
//
// A request: {key, time, body, status, id, model, data, used, notices, notice_translations, offers, error, linked, wanted, tried, saved}. `key` is the
// Idempotency-Key; `status` is "unsent", then the server's, or "lost"; `linked` is when the links came; `wanted` "cancel" if the user wants
// that; `tried` whether it was sent, though perhaps without an answer; `saved` whether the pictures were copied, as far as possible, and `bytes` their size.

import * as db from './database.js';

export const MOST_REQUESTS = 500;
export const MOST_MEGABYTES = 300;

const OPEN = ['unsent', 'queued', 'drawing'];
export const isOpen = (record) => OPEN.includes(record.status);

const records = new Map();   // by key
const pictures = new Map();  // `key/n` -> Blob, only without a database
const live = new Map();      // key -> progress, not stored
const listeners = [];
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('prompt2pic') : null;
let kept = false;

export const isKept = () => kept;
export const get = (key) => records.get(key);
export const progressOf = (key) => live.get(key);
/** Newest last. */
export const all = () => [...records.values()].sort((a, b) => a.time - b.time);
/** callback(key): the request was added, changed or removed, here or in another tab. */
export const onChange = (callback) => listeners.push(callback);

const notify = (key) => listeners.forEach((listener) => listener(key));

export async function open() {
  kept = await db.open();
  const found = await db.transaction('readonly', (requests) => db.done(requests.getAll()));
  for (const record of found ?? []) records.set(record.key, record);
  channel?.addEventListener('message', async ({ data }) => {
    if (data.progress) live.set(data.key, data.progress);
    else await refresh(data.key);
    notify(data.key);
  });
}

/** Reads the request again, which another tab may have changed. */
export async function refresh(key) {
  if (!kept) return;
  const record = await db.transaction('readonly', (requests) => db.done(requests.get(key)));
  if (record) records.set(key, record);
  else forget(key);
}

function forget(key) {
  records.delete(key);
  live.delete(key);
}

function changed(key) {
  channel?.postMessage({ key });
  notify(key);
}

export async function add(record) {
  records.set(record.key, record);
  await quietly(db.transaction('readwrite', (requests) => void requests.put(record)));
  changed(record.key);
  await prune();
}

/** Merges the changes into the request. Returns it, or undefined if it has been removed. */
export async function patch(key, changes) {
  const known = records.get(key);
  const stored = await quietly(
    db.transaction('readwrite', async (requests) => {
      const old = await db.done(requests.get(key));
      if (!old) return null;
      const merged = { ...old, ...changes };
      requests.put(merged);
      return merged;
    }),
  );
  const record = kept && stored === null ? null : (stored ?? (known && { ...known, ...changes }));
  if (!record) {
    forget(key);
    notify(key);
    return undefined;
  }
  records.set(key, record);
  if (!isOpen(record)) live.delete(key);
  changed(key);
  return record;
}

export function setProgress(key, progress) {
  live.set(key, progress);
  channel?.postMessage({ key, progress });
  notify(key);
}

const range = (key) => IDBKeyRange.bound([key, 0], [key, Infinity]);

export async function remove(key) {
  await quietly(
    db.transaction('readwrite', (requests, images) => {
      requests.delete(key);
      images.delete(range(key));
    }),
  );
  for (const name of pictures.keys()) if (name.startsWith(`${key}/`)) pictures.delete(name);
  forget(key);
  changed(key);
}

/** Keeps the copies of all pictures of a request: [[n, blob], ...]. */
export async function savePictures(key, blobs) {
  if (!records.has(key)) return;
  if (!kept) for (const [n, blob] of blobs) pictures.set(`${key}/${n}`, blob);
  await quietly(db.transaction('readwrite', (_, images) => blobs.forEach(([n, blob]) => images.put({ key, n, blob }))));
  await patch(key, { saved: true, bytes: blobs.reduce((sum, [, blob]) => sum + blob.size, 0) });
  await prune();
}

/** A copy of the picture, or null. */
export async function picture(key, n) {
  if (!kept) return pictures.get(`${key}/${n}`) ?? null;
  const found = await quietly(db.transaction('readonly', (_, images) => db.done(images.get([key, n]))));
  return found?.blob ?? null;
}

/** Removes the oldest finished requests beyond the limits. */
async function prune() {
  let count = records.size;
  let bytes = all().reduce((sum, record) => sum + (record.bytes ?? 0), 0);
  for (const record of all()) {
    if (count <= MOST_REQUESTS && bytes <= MOST_MEGABYTES * 1e6) return;
    if (isOpen(record)) continue;
    count -= 1;
    bytes -= record.bytes ?? 0;
    await remove(record.key);
  }
}

/** A full disk must not stop the page: the change lasts as long as the tab. */
async function quietly(promise) {
  try {
    return await promise;
  } catch (error) {
    console.warn('the history could not be written', error);
    return undefined;
  }
}
