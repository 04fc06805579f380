// Brings each request to its end: sends it, follows it, copies its pictures. Survives lost connections, restarts of the server and reloads of
// the page: what has happened is in the store, and a repeated call has the same Idempotency-Key.

import * as api from './api.js';
import { pause } from './dom.js';
import { alone, withStream } from './locks.js';
import * as store from './store.js';
import { eventsOf } from './stream.js';

const FIRST_PAUSE = 500;   // ms
const LONGEST_PAUSE = 15_000;
const POLL = 3_000;
const UNKNOWN_FOR = 20_000;  // a server that has just started may not know its requests yet

const driven = new Set();
let waking = new AbortController();
let ended = () => {};

/** `onEnd(record)` is called when a request ends that this tab works on. Continues what an earlier page left. */
export function start(onEnd) {
  ended = onEnd;
  store.onChange((key) => consider(key));
  for (const record of store.all()) consider(record.key);
  addEventListener('online', wake);
}

/** Ends all pauses between attempts: the server may be back. */
export function wake() {
  waking.abort();
  waking = new AbortController();
}

export async function create(body) {
  const record = { key: api.uuid(), time: Date.now(), body, status: 'unsent' };
  await store.add(record);
  return record;
}

/** Sends a request again that was not accepted; under the same key, so that an answer that was lost doubles nothing. */
export const repeat = (key) => store.patch(key, { status: 'unsent', error: undefined, wanted: undefined });

export async function cancel(key) {
  const record = store.get(key);
  if (!record || !store.isOpen(record)) return;
  if (!record.id && !record.tried) return void (await store.patch(key, { status: 'cancelled' }));
  const asked = await store.patch(key, { wanted: 'cancel' });  // it may have got its id meanwhile
  if (!asked?.id) return;  // drive() cancels it when it has one
  for (let attempt = 0; store.get(key) && store.isOpen(store.get(key)); ++attempt) {
    try {
      return void (await apply(key, await api.cancel(asked.id)));
    } catch (error) {
      if (!error.passes) return;
      await backOff(attempt, error);
    }
  }
}

/** Removes it from the history, and cancels it if it waits. */
export async function remove(key) {
  const record = store.get(key);
  await store.remove(key);
  if (record?.id && store.isOpen(record)) api.cancel(record.id).catch(() => {});
}

const needsWork = (record) => record && (store.isOpen(record) || (record.status === 'finished' && !record.saved));

function consider(key) {
  if (driven.has(key) || !needsWork(store.get(key))) return;
  driven.add(key);
  alone(`request.${key}`, () => drive(key))
    .catch((error) => console.warn('a request could not be followed', error))
    .finally(() => driven.delete(key));
}

async function drive(key) {
  await store.refresh(key);  // another tab may have worked on it
  const was = store.get(key);
  if (was && !was.id && store.isOpen(was)) await send(key);
  const sent = store.get(key);
  if (sent?.id && store.isOpen(sent)) {
    if (sent.wanted === 'cancel') await cancel(key);
    await follow(key, sent.id);
  }
  const record = store.get(key);
  if (was && record && store.isOpen(was) && !store.isOpen(record)) ended(record);
  if (record?.status === 'finished' && !record.saved) await copyPictures(record);
}

function backOff(attempt, error) {
  const grown = Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE);
  return pause(Math.max(grown * (0.75 + Math.random() / 2), (error?.retryAfter ?? 0) * 1000), waking.signal);
}

async function send(key) {
  for (let attempt = 0; ; ++attempt) {
    const record = await store.patch(key, { tried: true });
    if (!record || !store.isOpen(record)) return;
    try {
      const answer = await api.submit(record.body, key);
      // It may have ended already, if an earlier answer was lost; follow() gets the rest.
      const known = await store.patch(key, { id: answer.id, status: 'queued' });
      if (!known) await api.cancel(answer.id).catch(() => {});
      return;
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      if (!error.passes) return void (await store.patch(key, { status: 'failed', error: plain(error) }));
      await backOff(attempt, error);
    }
  }
}

const plain = ({ code, message, translations }) => ({ code, message, translations });

async function follow(key, id) {
  let failures = 0;
  let unknownSince = 0;
  const isOpen = () => store.get(key) && store.isOpen(store.get(key));
  while (isOpen()) {
    try {
      const streamed = await withStream(() => streamStates(key, id, () => (failures = unknownSince = 0)));
      if (!isOpen()) return;
      if (!streamed) await apply(key, await api.state(id));
      unknownSince = 0;
      if (isOpen()) await (streamed ? backOff(failures++) : pause(POLL));
    } catch (error) {
      if (error.status === 404) {
        unknownSince ||= Date.now();
        if (Date.now() - unknownSince > UNKNOWN_FOR) return void (await store.patch(key, { status: 'lost' }));
      } else if (error.status >= 400 && error.status < 500 && !error.passes) {
        return void (await store.patch(key, { status: 'failed', error: plain(error) }));
      }
      await backOff(failures++, error);
    }
  }
}

async function streamStates(key, id, onState) {
  const stop = new AbortController();
  try {
    for await (const state of eventsOf(await api.events(id, stop.signal))) {
      onState();
      await apply(key, state);
      if (!store.get(key) || !store.isOpen(store.get(key))) return;
    }
  } finally {
    stop.abort();
  }
}

/** Takes over a state that the server reports. */
export async function apply(key, state) {
  const record = store.get(key);
  if (!record) return;
  const { status, model, data, used, notices, notice_translations, offers, error } = state;
  if (['queued', 'drawing'].includes(status)) {
    if (record.status !== status) await store.patch(key, { status, model });
    const { position, eta_seconds: eta, progress, stage, cancelling, preview } = state;
    store.setProgress(key, { position, eta, progress, stage, cancelling, preview });
  } else {
    const seconds = state.seconds?.total;
    const pictures = Array.isArray(data) ? data : [];
    await store.patch(key, { status, model, data: pictures, used, notices, notice_translations, offers, error, seconds, linked: Date.now() });
  }
}

/** Copies that cannot be had are left out; the links may work for a while. */
async function copyPictures(record) {
  const blobs = [];
  for (let n = 1, attempt = 0; n <= (record.data?.length ?? 0); ) {
    if (!store.get(record.key)) return;
    try {
      blobs.push([n, await api.picture(record.id, n)]);
    } catch (error) {
      if (error.passes) {
        await backOff(attempt++, error);
        continue;
      }
    }
    n += 1;
    attempt = 0;
  }
  await store.savePictures(record.key, blobs);
}
