// What the next request will be: the prompt and the settings. A draft survives a reload.

import * as infotext from './infotext.js';
import * as models from './models.js';
import { readJson, write } from './settings.js';
import { allows } from './sizes.js';

const MOST_PROMPT = 16_384;  // bytes
const NAMES = ['model', 'size', 'n', 'negative_prompt', 'steps', 'guidance', 'sampler', 'seed', 'variation', 'upscale'];

/** `values` has only what differs from the model's defaults; `before` is the draft that editing interrupted, or null. */
export const form = { prompt: '', values: {}, before: null };

const listeners = [];
export const onForm = (callback) => listeners.push(callback);

export function change(changes) {
  Object.assign(form, changes);
  form.values = Object.fromEntries(Object.entries(form.values).filter(([, value]) => value !== undefined && value !== ''));
  write('draft', JSON.stringify({ prompt: form.prompt, values: form.values, before: form.before }));
  for (const listener of listeners) listener();
}

export const setValue = (name, value) => change({ values: { ...form.values, [name]: value } });

export function restore() {
  const draft = readJson('draft');
  if (typeof draft?.prompt !== 'string' || typeof draft.values !== 'object') return;
  const values = Object.fromEntries(NAMES.filter((name) => name in draft.values).map((name) => [name, draft.values[name]]));
  change({ prompt: draft.prompt.slice(0, MOST_PROMPT), values, before: draft.before ?? null });
}

export const model = () => models.model(form.values.model);

export const tooLong = () => new TextEncoder().encode(form.prompt).length > MOST_PROMPT;

/** The settings that the model offers: the rest cannot be changed and is not sent. */
export function offered(name) {
  const one = model();
  const card = one?.card;
  if (name === 'model') return models.all().length > 1;
  if (name === 'n' || name === 'seed') return true;
  if (name === 'size') return Boolean(card?.width) && (!card.sizes || card.sizes.length > 1);
  if (name === 'sampler') return (card?.samplers?.length ?? 0) > 1;
  if (name === 'steps' || name === 'guidance') return typeof card?.[name] === 'number';
  return models.can(one, { negative_prompt: 'negative_prompt', variation: 'variation', upscale: 'larger' }[name]);
}

/** The settings that will be sent. */
export function effective() {
  const names = NAMES.filter((name) => name !== 'model' && name in form.values && offered(name));
  return Object.fromEntries(names.map((name) => [name, form.values[name]]));
}

/** The body of the call. */
export function body() {
  const { n, ...values } = effective();
  const id = model()?.id;
  return { prompt: form.prompt.trim(), ...(id && { model: id }), ...(n > 1 && { n }), ...values };
}

/** After sending: the settings stay, except what belongs to one picture. */
export function sent() {
  const { variation, upscale, ...values } = form.before?.values ?? form.values;
  change({ prompt: '', values, before: null });
}

/** Fills the form for another prompt with the seed of a picture. */
export function edit(request, seed) {
  const { prompt, n, seed: _, ...values } = request;
  const before = form.before ?? { prompt: form.prompt, values: form.values };
  change({ prompt, values: { ...values, seed }, before });
}

export function stopEditing() {
  if (form.before) change({ ...form.before, before: null });
}

/** Fills the form with parameters read from a file. Returns the names of those that cannot be used here. */
export function recall(text) {
  const { prompt, ...found } = infotext.parse(text) ?? {};
  if (prompt === undefined) return null;
  const target = models.all().find((each) => each.id === found.model) ?? model();
  const dropped = [];
  if (found.model && found.model !== target?.id) dropped.push('model');
  change({ prompt, values: { model: target?.id }, before: null });
  const card = target?.card;
  if (found.sampler) found.sampler = infotext.samplerNamed(found.sampler, card?.samplers ?? []);
  const values = { ...form.values };
  for (const name of NAMES.filter((each) => each !== 'model' && found[each] !== undefined)) {
    const isDefault = name === 'size' ? found.size === `${card?.width}x${card?.height}` : found[name] === card?.[name];
    if (isDefault) continue;
    if (offered(name) && (name !== 'size' || allows(card, found.size))) values[name] = found[name];
    else if (name !== 'sampler') dropped.push(name === 'variation' ? 'variation_seeds' : name);
  }
  change({ values });
  return dropped;
}
