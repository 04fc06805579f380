// The chat: the newest requests at the bottom, older ones on demand.

import { card } from './card.js';
import { find } from './dom.js';
import * as store from './store.js';

const PAGE = 20;

const cards = new Map();  // by key
let limit = PAGE;
let handlers;
let follows = true;  // the end is in view: keep it there

export function start(given) {
  handlers = given;
  const scroll = find('#scroll');
  scroll.addEventListener('scroll', () => {
    follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;
    find('#latest').hidden = follows;
  });
  new ResizeObserver(() => follows && toEnd()).observe(find('#feed'));
  new ResizeObserver(() => follows && toEnd()).observe(scroll);
  find('#latest').addEventListener('click', () => toEnd(true));
  find('#earlier').addEventListener('click', showEarlier);
  new IntersectionObserver(([entry]) => entry.isIntersecting && showEarlier(), { root: scroll }).observe(find('#earlier'));
  store.onChange((key) => (store.get(key) && cards.has(key) ? cards.get(key).update(store.get(key), store.progressOf(key)) : render()));
  render();
  toEnd();
}

/** Adds and removes cards. */
function render() {
  const all = store.all();
  const visible = all.slice(-limit);
  const keys = new Set(visible.map((record) => record.key));
  for (const [key, { node }] of cards) {
    if (keys.has(key)) continue;
    node.remove();
    cards.delete(key);
  }
  let next = null;
  for (const record of visible.reverse()) {
    if (!cards.has(record.key)) {
      cards.set(record.key, card(record.key, handlers));
      cards.get(record.key).update(record, store.progressOf(record.key));
    }
    const { node } = cards.get(record.key);
    if (node.nextSibling !== next || !node.parentNode) find('#feed').insertBefore(node, next);
    next = node;
  }
  find('#earlier').hidden = all.length <= limit;
  find('#welcome').hidden = all.length > 0;
}

/** In another language. */
export function redraw() {
  cards.clear();
  find('#feed').replaceChildren();
  render();
}

function showEarlier() {
  const scroll = find('#scroll');
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  limit += PAGE;
  render();
  if (!follows) scroll.scrollTop = scroll.scrollHeight - fromEnd;
}

const smooth = () => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth');

export function toEnd(gently = false) {
  follows = true;
  find('#scroll').scrollTo({ top: find('#scroll').scrollHeight, behavior: gently ? smooth() : 'instant' });
}

/** Scrolls to a request and focuses it. */
export function reveal(key) {
  const fromEnd = store.all().reverse().findIndex((record) => record.key === key);
  if (fromEnd < 0) return;
  limit = Math.max(limit, fromEnd + 1);
  render();
  follows = false;
  const shown = cards.get(key);
  shown.node.scrollIntoView({ block: 'center', behavior: 'instant' });
  shown.focus();
}
