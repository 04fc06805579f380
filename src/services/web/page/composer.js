// The prompt box: typing, sending, keys, chips of the settings, files.

import { el, find, icon } from './dom.js';
import { toEnd } from './feed.js';
import * as form from './form.js';
import { language, t } from './i18n.js';
import { say } from './notices.js';
import { FileError, parametersOf } from './picture_file.js';
import * as requests from './requests.js';
import * as panel from './settings_panel.js';
import * as store from './store.js';
import { changeWeight } from './weight.js';

const box = () => find('#prompt');

export function start() {
  box().addEventListener('input', () => form.change({ prompt: box().value }));
  box().addEventListener('keydown', onKey);
  find('#composer').addEventListener('keydown', (event) => event.key === 'Escape' && escape(event));
  find('#composer').addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
  });
  find('#send').addEventListener('click', send);
  find('#more').addEventListener('click', () => panel.toggle(!panel.isOpen()));
  find('#editing-stop').addEventListener('click', () => (form.stopEditing(), box().focus()));
  find('#file-open').addEventListener('click', () => find('#file').click());
  find('#file').addEventListener('change', ({ target }) => {
    if (target.files[0]) recall(target.files[0]);
    target.value = '';
  });
  acceptDrops();
  let edited = false;
  form.onForm(() => {
    draw();
    if (Boolean(form.form.before) !== edited) {
      edited = !edited;
      if (edited) box().focus(), box().select();
    }
  });
  form.restore();
  draw();
}

export function draw() {
  const { prompt, before } = form.form;
  if (box().value !== prompt) box().value = prompt;
  box().style.height = 'auto';
  box().style.height = `${box().scrollHeight}px`;
  find('#send').disabled = prompt.trim() === '';
  find('#editing').hidden = !before;
  panel.draw(language);
  const values = Object.entries(form.effective());
  find('#chips').hidden = values.length === 0;
  find('#chips').replaceChildren(...values.map(([name, value]) => {
    const text = panel.chipText(name, value);
    const remove = () => (form.setValue(name, undefined), box().focus());
    const label = t('remove', text);
    const attributes = { type: 'button', 'data-name': name, 'aria-label': label, title: label, onclick: remove };
    return el('li', {}, el('button.chip', attributes, el('span', {}, text), icon('close')));
  }));
}

async function send() {
  if (form.form.prompt.trim() === '') return box().focus();
  if (form.tooLong()) return say(t('too_long'));
  const wrong = panel.invalid();
  if (wrong) {
    panel.toggle(true);
    wrong.focus();
    return say(t('wrong_value', wrong.labels[0].textContent));
  }
  const body = form.body();
  form.sent();
  find('#settings').hidden = true;
  find('#more').setAttribute('aria-expanded', 'false');
  box().focus();
  await requests.create(body);
  toEnd();
}

function onKey(event) {
  if (event.isComposing) return;
  const arrow = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (event.key === 'Enter' && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    send();
  } else if (arrow && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    weigh(arrow);
  } else if (event.key === 'ArrowUp' && box().value === '') {
    const last = store.all().at(-1)?.body.prompt;
    if (!last) return;
    event.preventDefault();
    form.change({ prompt: last });
    box().setSelectionRange(last.length, last.length);
  }
}

function weigh(direction) {
  const changed = changeWeight(box().value, box().selectionStart, box().selectionEnd, direction);
  if (!changed || changed.text.length > box().maxLength) return;
  box().value = changed.text;
  box().setSelectionRange(changed.start, changed.end);
  form.change({ prompt: changed.text });
}

function escape(event) {
  if (panel.isOpen()) panel.toggle(false);
  else if (form.form.before) form.stopEditing();
  else return;
  event.preventDefault();
}

async function recall(file) {
  try {
    const dropped = form.recall(await parametersOf(file));
    if (!dropped) return say(t('file_without'));
    say(dropped.length > 0 ? t('recalled_without', dropped.map((name) => t(name).toLowerCase()).join(', ')) : t('recalled'));
    box().focus();
  } catch (error) {
    say(t(error instanceof FileError ? error.message : 'file_broken'));
  }
}

/** Files may be dropped anywhere; pictures dragged from this page are not files to recall. */
function acceptDrops() {
  const shade = find('#drop');
  const hasFile = (event) => event.dataTransfer?.types.includes('Files');
  let inside = false;
  addEventListener('dragstart', () => (inside = true));
  addEventListener('dragend', () => (inside = false));
  addEventListener('dragover', (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    shade.hidden = inside;
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) shade.hidden = true;
  });
  addEventListener('drop', (event) => {
    shade.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault();
    if (!inside && event.dataTransfer.files[0]) recall(event.dataTransfer.files[0]);
  });
}
