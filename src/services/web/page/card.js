// A request in the chat: the prompt, and what became of it.

import { buttons, seedButton } from './actions.js';
import * as api from './api.js';
import { el, icon, iconButton } from './dom.js';
import { counted, duration, errorText, language, moment, t } from './i18n.js';
import * as models from './models.js';
import { show } from './pictures.js';
import * as requests from './requests.js';
import { parseSize, pretty } from './sizes.js';
import * as store from './store.js';

/** The settings of a request in short texts. */
export function settingsOf({ n, size, steps, guidance, sampler, seed, variation, upscale }) {
  return [
    n > 1 && counted('pictures', n), size && pretty(size), steps && `${t('steps')}: ${steps}`, guidance !== undefined && `${t('guidance')}: ${guidance}`,
    sampler, seed !== undefined && t('seed_is', seed), variation && t('variation'), upscale && `${t('larger')} ×${upscale}`,
  ].filter(Boolean);
}

/** What the request is doing, in a sentence. */
export function statusText(record, live = {}) {
  if (record.wanted === 'cancel' || live.cancelling) return t('cancelling');
  if (record.status === 'unsent') return t('unsent');
  if (record.status === 'queued') {
    if (!live.position) return t('accepted');
    return live.eta ? t('waiting_eta', live.position, duration(live.eta)) : t('waiting', live.position);
  }
  const percent = Math.floor((live.progress ?? 0) * 100);
  if (live.stage === 'storing') return t('storing');
  if (percent === 0) return t('starting');
  return live.eta ? t('drawing_eta', percent, duration(live.eta)) : t('drawing', percent);
}

function expectedSize(record) {
  const card = models.model(record.body.model)?.card;
  return parseSize(record.body.size) ?? { width: card?.width ?? 512, height: card?.height ?? 512 };
}

/** The style sheet enlarges small pictures, but not to the full width. */
function setSize(canvas, { width, height }) {
  canvas.style.setProperty('--ratio', width / height);
  canvas.style.setProperty('--width', `${width}px`);
}

/** Shows the request's preview, if it is still there. */
async function showPreview(image, id) {
  const blob = await api.preview(id).catch(() => null);
  if (!blob?.size) return;
  const url = URL.createObjectURL(blob);
  image.addEventListener('load', () => URL.revokeObjectURL(url), { once: true });
  image.src = url;
  image.hidden = false;
}

/** The part that follows an unfinished request. */
function waiting(record) {
  const preview = el('img', { alt: t('preview'), hidden: true });
  const canvas = el('div.canvas.busy', {}, preview);
  setSize(canvas, expectedSize(record));
  const text = el('p.status');
  const bar = el('progress', { max: 1, value: 0, 'aria-label': t('progress') });
  let newest;
  const cancel = el('button.quiet', { type: 'button', 'data-action': 'cancel', onclick: () => requests.cancel(record.key) }, t('cancel'));
  return {
    node: el('div.card', {}, canvas, el('div.doing', {}, text, cancel), bar),
    update(now, live = {}) {
      text.textContent = statusText(now, live);
      bar.value = Math.min(Math.max(live.progress ?? 0, 0), 1);
      bar.classList.toggle('idle', !live.progress);
      cancel.disabled = now.wanted === 'cancel' || Boolean(live.cancelling);
      if (!live.preview || live.preview === newest) return;
      newest = live.preview;  // its address; it differs for each preview
      showPreview(preview, now.id);
    },
  };
}

function figure(record, n, open) {
  const { width, height } = record.data[n - 1];
  const count = record.data.length;
  const name = count > 1 ? t('picture', n, count, record.body.prompt) : t('picture_one', record.body.prompt);
  const image = el('img', { alt: name, width, height, draggable: 'true' });
  const attributes = { type: 'button', 'data-action': 'open', 'aria-label': t('open_picture', name), onclick: () => open(record.key, n) };
  const canvas = el('button.canvas.busy', attributes, image);
  setSize(canvas, { width, height });
  image.addEventListener('load', () => canvas.classList.remove('busy'));
  show(image, record, n, () => canvas.replaceWith(el('p.canvas.gone', {}, t('picture_gone'))));
  return el('figure', {}, canvas, el('figcaption', {}, seedButton(record, n), count === 1 && ` · ${factsOf(record)}`), buttons(record, n));
}

function factsOf(record) {
  const { width, height } = record.data[0];
  const facts = [`${width}×${height}`, record.model, record.seconds && t('took', duration(record.seconds))].filter(Boolean);
  return facts.map((fact) => fact.replaceAll(' ', '\u00a0')).join(' · ');
}

function finished(record, open) {
  return el('div.card', { 'data-count': record.data.length },
    el('div.pictures', {}, record.data.map((_, i) => figure(record, i + 1, open))),
    record.data.length > 1 && el('p.facts', {}, factsOf(record)),
    (record.notice_translations?.[language] ?? record.notices ?? []).map((notice) => el('p.notice', {}, t('note', notice))));
}

function ended(record) {
  const error = record.error ?? {};
  const text = record.status === 'cancelled' ? t('cancelled') : record.status === 'lost' ? t('lost_request') : errorText(error);
  const unsent = !record.id && record.status === 'failed' && error.code !== 'idempotency_key_reused';
  const again = () => (unsent ? requests.repeat(record.key) : requests.create(record.body));
  const name = unsent ? 'retry' : 'again';
  return el('div.card.ended', {},
    el(record.status === 'failed' ? 'p.status.error' : 'p.status', {}, text),
    el('div.actions', {}, el('button.action', { type: 'button', 'data-action': name, onclick: again }, icon('again'), el('span', {}, t(name)))));
}

/** {node, update(record, live), focus()}. `open(key, n)` shows a picture, `remove(key)` asks and deletes. */
export function card(key, { open, remove }) {
  const answer = el('div.answer');
  const bubble = el('div.bubble');
  const article = el('article', { tabindex: '-1' }, bubble, answer);
  let shown = '';
  let part = null;
  return {
    node: el('li', { 'data-key': key }, article),
    focus: () => article.focus({ preventScroll: true }),
    update(record, live) {
      const state = `${store.isOpen(record) ? 'open' : record.status} ${Boolean(record.saved)}`;
      if (state !== shown) {
        shown = state;
        article.setAttribute('aria-label', `${t('you_asked')}: ${record.body.prompt}`);
        const negative = record.body.negative_prompt;
        bubble.replaceChildren(
          el('p.words', {}, record.body.prompt),
          negative ? el('p.negative', {}, `${t('negative_prompt')}: ${negative}`) : '',
          el('p.facts', {}, [...settingsOf(record.body), moment(record.time)].join(' · ')),
          iconButton('.delete', 'trash', t('delete_one'), { 'data-action': 'delete', onclick: () => remove(key) }));
        part = store.isOpen(record) ? waiting(record) : null;
        answer.replaceChildren(part?.node ?? (record.data?.length > 0 ? finished(record, open) : ended(record)));
      }
      part?.update(record, live);
    },
  };
}
