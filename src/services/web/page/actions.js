// What can be done with a picture, as functions and as buttons.

import * as api from './api.js';
import { copy } from './copy.js';
import { el, icon } from './dom.js';
import * as form from './form.js';
import { errorText, t } from './i18n.js';
import { format } from './infotext.js';
import { menu } from './menu.js';
import { say } from './notices.js';
import { pictureUrl } from './pictures.js';
import { parametersOf } from './picture_file.js';
import * as requests from './requests.js';
import * as store from './store.js';

const LINK_LASTS = 5 * 60_000;  // ms; the server's setting is not known, and shorter ones are of no use

const isLink = (url) => /^https?:$/.test(new URL(url, location.href).protocol);

async function original(record, n) {
  const fresh = Date.now() - (record.linked ?? 0) < LINK_LASTS;
  if (fresh && isLink(record.data[n - 1].url)) return void window.open(record.data[n - 1].url, '_blank', 'noopener');
  const tab = window.open('about:blank', '_blank');  // at once: later it would be a pop-up
  if (tab) tab.opener = null;
  let target;
  try {
    const state = await api.state(record.id);
    await requests.apply(record.key, state);
    if (isLink(state.data[n - 1].url)) target = state.data[n - 1].url;
  } catch (error) {
    target = await pictureUrl(record.key, n);
    say(target ? t('original_gone') : error.code === 'connection' ? t('lost') : t('picture_gone'));
  }
  if (target && tab) tab.location.replace(target);
  else tab?.close();
}

const draw = (body, text) => requests.create(body).then(() => say(t(text)));

function again(record) {
  const { seed, ...body } = record.body;
  return draw(body, 'again_accepted');
}

function one(record, n) {
  const { n: _, ...body } = record.body;
  return { ...body, model: record.model ?? body.model, seed: record.data[n - 1].seed };
}

function variation(record, n) {
  const body = one(record, n);
  return draw({ ...body, variation: [...(body.variation ?? []), api.randomSeed()] }, 'variation_accepted');
}

const larger = (record, n) => draw({ ...one(record, n), upscale: 2 }, 'larger_accepted');

const sameSeed = (record, n) => form.edit(one(record, n), record.data[n - 1].seed);

async function copyParameters(record, n) {
  const blob = await store.picture(record.key, n);
  const text = blob && (await parametersOf(blob).catch(() => null));
  await copy(text ?? format(record.body, record.used ?? {}, record.data[n - 1], record.model));
}

async function download(record, n) {
  const url = await pictureUrl(record.key, n);
  if (!url) return original(record, n);
  const words = record.body.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['picture'];
  el('a', { href: url, download: `${words.join('-').slice(0, 40)}-${record.data[n - 1].seed}.png` }).click();
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    say(error instanceof api.ApiError ? errorText(error) : t('error_unknown'));
  }
}

/** The buttons of picture n. `leave` is called before actions that lead elsewhere on the page. */
export function buttons(record, n, leave = () => {}) {
  const button = (name, action, leaves) =>
    el('button.action', { type: 'button', 'data-action': name, onclick: () => (leaves && leave(), attempt(() => action(record, n))) },
      icon(name === 'same_seed' ? 'seed' : name), el('span', {}, t(name)));
  const offers = record.offers ?? [];
  return el('div.actions', {},
    button('original', original),
    button('again', again, true),
    offers.includes('variation') && button('variation', variation, true),
    offers.includes('larger') && button('larger', larger, true),
    menu(t('actions'), [
      ['seed', 'same_seed', () => (leave(), attempt(() => sameSeed(record, n)))],
      ['copy', 'copy_prompt', () => attempt(() => copy(record.body.prompt))],
      ['copy', 'copy_parameters', () => attempt(() => copyParameters(record, n))],
      ['download', 'download', () => attempt(() => download(record, n))],
    ]));
}

/** The seed of picture n; pressing it copies it. */
export const seedButton = (record, n) => {
  const { seed } = record.data[n - 1];
  const label = t('copy_seed', seed);
  return el('button.seed-value', { type: 'button', title: label, 'aria-label': label, onclick: () => copy(String(seed)) }, t('seed_is', seed));
};
