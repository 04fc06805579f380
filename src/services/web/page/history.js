// The history at the side: all requests, with search and deletion.

import { settingsOf, statusText } from './card.js';
import { confirm } from './dialogs.js';
import { el, find, iconButton } from './dom.js';
import { counted, moment, t } from './i18n.js';
import { announce, say } from './notices.js';
import { show } from './pictures.js';
import * as requests from './requests.js';
import * as store from './store.js';

const entries = new Map();  // by key
let reveal;

/** `onChoose(key)` shows a request in the chat. */
export function start(onChoose) {
  reveal = onChoose;
  find('#search').addEventListener('input', filter);
  find('#delete-all').addEventListener('click', deleteAll);
  find('#history-open').addEventListener('click', () => toggle(true));
  find('#history-close').addEventListener('click', () => toggle(false));
  find('#shade').addEventListener('click', () => toggle(false));
  find('#history').addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    if (find('#search').value) {
      find('#search').value = '';
      filter();
    } else toggle(false);
  });
  matchMedia('(min-width: 1000px)').addEventListener('change', () => toggle(false));
  store.onChange((key) => update(key));
  redraw();
}

export function redraw() {
  entries.clear();
  find('#entries').replaceChildren();
  for (const record of store.all()) update(record.key);
  filter();
  find('#limit').textContent = store.isKept() ? t('history_limit', store.MOST_REQUESTS, store.MOST_MEGABYTES) : t('history_not_kept');
}

/** On narrow screens the history lies over the chat. */
export function toggle(open) {
  const side = find('#history');
  if (open === side.classList.contains('open')) return;
  side.classList.toggle('open', open);
  find('#shade').hidden = !open;
  find('.main').inert = open;
  find('#history-open').setAttribute('aria-expanded', String(open));
  (open ? find('#search') : find('#history-open')).focus();
}

function stateOf(record) {
  if (store.isOpen(record)) return statusText(record, store.progressOf(record.key));
  if (record.status === 'finished') return moment(record.time);
  return `${moment(record.time)} · ${t(record.status === 'cancelled' ? 'cancelled' : 'failed', '').replace(/[:.\s]+$/, '')}`;
}

function entry(record) {
  const thumb = record.status === 'finished' && record.data?.length > 0 ? el('img', { alt: '' }) : el('span');
  if (thumb.tagName === 'IMG') show(thumb, record, 1);
  const state = el('span.state', {}, stateOf(record));
  const choose = el('button.choose', { type: 'button', onclick: () => (toggle(false), reveal(record.key)) },
    el('span.thumb', {}, thumb, record.data?.length > 1 && el('span.count', { title: counted('pictures', record.data.length) }, String(record.data.length))),
    el('span.lines', {}, el('span.words', {}, record.body.prompt), state));
  const remove = iconButton('.delete', 'trash', `${t('delete_one')}: ${record.body.prompt}`, { title: t('delete_one'), onclick: () => deleteOne(record.key) });
  const words = [record.body.prompt, record.body.negative_prompt, record.model, ...settingsOf(record.body), ...(record.data ?? []).map(({ seed }) => seed)];
  return { node: el('li', { 'data-key': record.key }, choose, remove), state, text: words.filter(Boolean).join('\n').toLowerCase(), looks: looks(record) };
}

const looks = (record) => `${record.status} ${Boolean(record.saved)}`;

function update(key) {
  const record = store.get(key);
  const known = entries.get(key);
  if (record && known?.looks === looks(record)) {
    if (store.isOpen(record)) known.state.textContent = stateOf(record);
    return;
  }
  if (record) {
    const made = entry(record);
    entries.set(key, made);
    if (known) known.node.replaceWith(made.node);
    else find('#entries').prepend(made.node);
  } else if (known) {
    known.node.remove();
    entries.delete(key);
  }
  filter();
}

function filter() {
  const words = find('#search').value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const { node, text } of entries.values()) {
    node.hidden = !words.every((word) => text.includes(word));
    count += node.hidden ? 0 : 1;
  }
  find('#no-entries').hidden = count > 0;
  find('#no-entries').textContent = t(entries.size > 0 ? 'history_nothing' : 'history_empty');
  find('#delete-all').disabled = entries.size === 0;
}

export async function deleteOne(key) {
  const node = entries.get(key)?.node;
  const inHistory = node?.contains(document.activeElement);
  const next = node?.nextElementSibling ?? node?.previousElementSibling;
  if (!(await confirm(t('delete_one_sure'), t('yes_delete')))) return;
  await requests.remove(key);
  announce(t('deleted'));
  (inHistory ? (find('button', next ?? undefined) ?? find('#search')) : find('#prompt')).focus();
}

async function deleteAll() {
  if (!(await confirm(t('delete_all_sure'), t('yes_delete')))) return;
  for (const { key } of store.all()) await requests.remove(key);
  say(t('deleted_all'));
  find('#search').focus();
}
