// Calls of the API: authorization, errors, and whether the server can be reached.

import * as settings from './settings.js';

const BUSY = [408, 502, 503, 504];  // of the server or of a proxy before it while it restarts

/** An error that the API or the connection reports. `code` is the API's, or "connection". */
export class ApiError extends Error {
  constructor(status, code, message, retryAfter = 0, translations = undefined) {
    super(message);
    Object.assign(this, { status, code, retryAfter, translations });
  }
  /** Whether the same call may succeed later without a change. */
  get passes() {
    return this.code === 'connection' || this.code === 'too_many_requests' || BUSY.includes(this.status);
  }
}

function randomHex(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A random UUID; crypto.randomUUID() exists only on https and localhost. */
export function uuid() {
  const hex = randomHex(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** The tokens that work for requests, by their ids and Idempotency-Keys: only the owner may follow them, though the key may have changed since. Not stored. */
const owners = new Map();

export const hasKey = () => Boolean(settings.read('key'));

/** Null: this browser's own token again. */
export function setKey(key) {
  if (!key) owners.clear();
  settings.write('key', key);
}

function token() {
  const key = settings.read('key');
  if (key) return key;
  let own = settings.read('browser');
  if (!/^web-[0-9a-f]{32}$/.test(own ?? '')) {
    own = `web-${randomHex(16)}`;
    settings.write('browser', own);
  }
  return own;
}

let reachable = true;
let onReachable = () => {};
let askForKey = () => Promise.reject(new Error('not set'));

/** `changed(reachable)` is called when the server is lost or found; `ask()` resolves when the user has given another key. */
export function configure({ changed, ask }) {
  onReachable = changed;
  askForKey = ask;
}

function reached(now) {
  if (reachable === now) return;
  reachable = now;
  onReachable(now);
}

async function errorOf(response) {
  const retryAfter = Math.min(Number(response.headers.get('Retry-After')) || 0, 60);
  try {
    const { error } = await response.json();
    return new ApiError(response.status, String(error.code), String(error.message), retryAfter, error.translations);
  } catch {
    return new ApiError(response.status, `http_${response.status}`, `${response.status} ${response.statusText}`, retryAfter);
  }
}

/** fetch() with the key, or the one that worked for the request `id`. Throws ApiError unless the answer is good; asks the user for a key if the server wants one. */
export async function call(path, { headers = {}, id, ...options } = {}) {
  for (;;) {
    const used = owners.get(id) ?? token();
    let response;
    try {
      response = await fetch(path, { ...options, cache: 'no-store', headers: { ...headers, Authorization: `Bearer ${used}` } });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      reached(false);
      throw new ApiError(0, 'connection', String(error.message));
    }
    reached(![502, 504].includes(response.status));
    if (response.ok) {
      if (id) owners.set(id, used);
      return response;
    }
    if (response.status !== 401) throw await errorOf(response);
    owners.delete(id);
    if (used === token()) await askForKey();
  }
}

export const getJson = async (path, options) => (await call(path, options)).json();

export const models = async () => (await getJson('v1/models')).data;

export async function submit(body, key) {
  const answer = await getJson('v1/images/generations', {
    id: key,
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', Prefer: 'respond-async', 'Idempotency-Key': key },
  });
  owners.set(answer.id, owners.get(key));
  return answer;
}

const requestPath = (id) => `v1/requests/${encodeURIComponent(id)}`;

export const state = (id) => getJson(requestPath(id), { id });
export const cancel = (id) => getJson(requestPath(id), { id, method: 'DELETE' });
export const events = (id, signal) => call(`${requestPath(id)}/events`, { id, signal });

/** A blob. It is empty if the preview is gone. */
export const preview = (id) => blobOf(id, 'preview');
export const picture = (id, n) => blobOf(id, `images/${n}`);

async function blobOf(id, path) {
  const response = await call(`${requestPath(id)}/${path}`, { id });
  try {
    return await response.blob();
  } catch (error) {
    throw new ApiError(0, 'connection', String(error.message));  // broke off
  }
}

/** Whether the key is accepted. */
export async function accepts(key) {
  const response = await fetch('v1/models', { cache: 'no-store', headers: { Authorization: `Bearer ${key}` } });
  return response.status !== 401;
}
