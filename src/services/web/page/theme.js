// The theme: as the system, light or dark. early.js applies it before the first paint.

import { find, icon } from './dom.js';
import { t } from './i18n.js';
import { read, write } from './settings.js';

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
let theme = Object.hasOwn(NEXT, read('theme') ?? '') ? read('theme') : 'auto';

/** Shows the chosen theme on its button. */
export function draw() {
  const button = find('#theme');
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.replaceChildren(icon(theme));
  button.title = t(`theme_${theme}`);
  button.setAttribute('aria-label', t(`theme_${theme}`));
}

export function start() {
  find('#theme').addEventListener('click', () => {
    theme = NEXT[theme];
    write('theme', theme);
    draw();
  });
  draw();
}
