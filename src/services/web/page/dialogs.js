// Dialogs that ask for something: a confirmation, the access key.

import * as api from './api.js';
import { el, find } from './dom.js';
import { t } from './i18n.js';
import * as settings from './settings.js';

/** A modal dialog; resolves when it is closed. <dialog> keeps the focus inside and gives it back. */
function ask(attributes, build) {
  return new Promise((resolve) => {
    let result = null;
    const close = (value) => {
      result = value;
      dialog.close();
    };
    const dialog = el('dialog.ask', attributes, build(close));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Whether the user agrees. */
export function confirm(question, yes) {
  return ask({ role: 'alertdialog', 'aria-label': question }, (close) => [
    el('p', {}, question),
    el('div.row', {},
      el('button.quiet', { type: 'button', onclick: () => close(false) }, t('no')),
      el('button.strong.danger', { type: 'button', 'data-action': 'confirm', onclick: () => close(true) }, yes)),
  ]);
}

let needed = null;  // a promise for a key that the server accepts, while calls wait for one
let gotKey;

/** Asks for the access key that the server wants. Resolves when there is another one, here or in another tab; the user may look around first. */
export function keyForServer() {
  needed ??= new Promise((resolve) => (gotKey = resolve)).finally(() => (needed = null));
  if (!find('dialog.key')) changeKey();
  return needed;
}

settings.onChange('key', () => gotKey?.());

/** Lets the user enter, change or forget the key. Resolves when the dialog is closed. */
export async function changeKey() {
  if (await keyDialog(Boolean(needed))) gotKey?.();
}

/** Resolves to true if the key was changed. */
function keyDialog(wanted) {
  return ask({ class: 'ask key', 'aria-labelledby': 'key-title' }, (close) => {
    const input = el('input', { id: 'key', type: 'password', autocomplete: 'current-password', maxlength: 500, 'aria-describedby': 'key-error' });
    const error = el('p.error', { id: 'key-error', role: 'alert' });
    const save = el('button.strong', { type: 'submit' }, t('key_save'));
    const submit = async (event) => {
      event.preventDefault();
      const key = input.value.trim();
      error.textContent = '';
      if (!/^[!-~]+$/.test(key)) return void (error.textContent = t(key ? 'key_wrong' : 'key_short'));
      save.disabled = true;
      try {
        if (!(await api.accepts(key))) return void (error.textContent = t('key_wrong'));
        api.setKey(key);
        close(true);
      } catch {
        error.textContent = t('lost');
      } finally {
        save.disabled = false;
      }
    };
    const forget = () => {
      api.setKey(null);
      close(true);
    };
    return el('form', { onsubmit: submit, novalidate: true },
      el('h2', { id: 'key-title' }, t('key_title')),
      el('p', {}, t(wanted ? 'key_text' : 'key_used')),
      el('label', { for: 'key' }, t('key_label')), input, error,
      el('div.row', {},
        api.hasKey() && el('button.quiet', { type: 'button', onclick: forget }, t('key_forget')),
        el('button.quiet', { type: 'button', onclick: () => close(false) }, t('no')),
        save));
  });
}
