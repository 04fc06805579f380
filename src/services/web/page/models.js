// The models that workers serve now.

import * as api from './api.js';
import { pause } from './dom.js';

const AGAIN = 3_000;     // ms, while there is no model
const REFRESH = 20_000;

let list = [];
let loaded = false;
const listeners = [];
export const onModels = (callback) => listeners.push(callback);
export const isLoaded = () => loaded;
export const all = () => list;

/** The model with this id, or the default. Undefined if there is none. */
export const model = (id) => list.find((each) => each.id === id) ?? list.find((each) => each.default) ?? list[0];

export const can = (one, feature) => Boolean(one?.card?.features?.includes(feature));

export async function load() {
  const found = await api.models();
  list = found.filter((each) => typeof each?.id === 'string');
  loaded = true;
  for (const listener of listeners) listener();
}

/** Loads them, again and again: workers come and go, and a lost server is noticed. Never ends. */
export async function keepLoaded() {
  for (let attempt = 0; ; ) {
    try {
      await load();
      attempt = 0;
      await pause(list.length > 0 ? REFRESH : AGAIN);
    } catch {
      await pause(Math.min(1000 * 2 ** attempt++, 10_000));
    }
    while (document.hidden) await shown();
  }
}

const shown = () => new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
