// Copies a text and says so.

import { el } from './dom.js';
import { t } from './i18n.js';
import { say } from './notices.js';

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el('textarea.unseen', { value: text });  // without https there is no clipboard object
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (!copied) return say(t('copy_failed'));
  }
  say(t('copied'));
}
