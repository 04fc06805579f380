// One picture on the whole page; arrows lead to the others.

import { buttons, seedButton } from './actions.js';
import { el, find, iconButton } from './dom.js';
import { moment, t } from './i18n.js';
import { pictureUrl } from './pictures.js';
import * as store from './store.js';

let dialog = null;
let at = null;  // {key, n}

const everyPicture = () => store.all().flatMap((record) => (record.data ?? []).map((_, i) => ({ key: record.key, n: i + 1 })));

/** The picture `by` places further, or undefined at the end. */
function neighbour(by) {
  const all = everyPicture();
  return all[all.findIndex(({ key, n }) => key === at.key && n === at.n) + by];
}

export function open(key, n) {
  dialog = el('dialog.viewer', { 'aria-label': t('viewer') });
  dialog.addEventListener('keydown', onKey);
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  dialog.addEventListener('close', () => {
    dialog.remove();
    dialog = null;
  });
  document.body.append(dialog);
  draw({ key, n });
  dialog.showModal();
}

function onKey(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const to = by && neighbour(by);
  if (!to) return;
  event.preventDefault();
  draw(to);
}

function draw(to) {
  at = to;
  const record = store.get(to.key);
  const { width, height } = record.data[to.n - 1];
  const image = el('img', { alt: t('picture_one', record.body.prompt), width, height });
  image.style.setProperty('--width', `${width}px`);
  image.style.setProperty('--height', `${height}px`);
  pictureUrl(to.key, to.n).then((url) => (image.src = url ?? record.data[to.n - 1].url));
  const turn = (by, name, label) =>
    iconButton('.turn', name, t(label), { 'data-action': name, disabled: !neighbour(by), onclick: () => draw(neighbour(by)) });
  const focused = dialog.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
  const close = () => dialog?.close();
  dialog.replaceChildren(
    el('div.stage', {}, turn(-1, 'left', 'previous'), image, turn(1, 'right', 'next')),
    el('div.about', {},
      el('div', {}, el('p.words', {}, record.body.prompt), el('p.facts', {}, seedButton(record, to.n), ` · ${width}×${height} · ${moment(record.time)}`)),
      buttons(record, to.n, close)),
    iconButton('.viewer-close', 'close', t('close'), { 'data-action': 'close', onclick: close }));
  // The focused button was replaced by a new one.
  const same = focused && find(`[data-action="${focused}"]:not(:disabled)`, dialog);
  if (dialog.open) (same || find('[data-action="close"]', dialog)).focus();
}

store.onChange((key) => {
  if (dialog && at.key === key && !store.get(key)) dialog.close();
});
