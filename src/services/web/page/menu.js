// A button that opens a menu.

import { el, icon } from './dom.js';
import { t } from './i18n.js';

const MARGIN = 24;  // px, with a scroll bar

/** `items`: [icon, name of the text, action]. */
export function menu(label, items) {
  const attributes = { type: 'button', 'aria-label': label, title: label, 'aria-haspopup': 'menu', 'aria-expanded': 'false' };
  const button = el('button.action.dots', attributes, icon('dots'));
  const list = el('div.menu', { role: 'menu', 'aria-label': label, hidden: true },
    items.map(([image, name, action]) =>
      el('button.item', { type: 'button', role: 'menuitem', tabindex: '-1', 'data-action': name, onclick: () => (close(), action()) }, icon(image), t(name))));
  const holder = el('div.menu-holder', {}, button, list);

  function open() {
    list.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    // Upwards where there is no room below.
    const room = (holder.closest('.scroll, dialog') ?? document.body).getBoundingClientRect();
    list.classList.toggle('up', button.getBoundingClientRect().bottom + list.offsetHeight + 8 > room.bottom);
    const { left } = button.getBoundingClientRect();
    const tooFar = Math.max(0, left + list.offsetWidth + MARGIN - room.right);
    list.style.left = `${-Math.min(tooFar, left - room.left - MARGIN)}px`;
    list.firstChild.focus();
    document.addEventListener('pointerdown', outside, true);
  }
  function close(refocus = true) {
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    if (refocus) button.focus();
  }
  function outside(event) {
    if (!holder.contains(event.target)) close(false);
  }
  button.addEventListener('click', () => (list.hidden ? open() : close()));
  list.addEventListener('keydown', (event) => {
    const all = [...list.children];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) all.at(to % all.length).focus();
    else if (event.key === 'Escape' || event.key === 'Tab') close(event.key === 'Escape');
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  });
  return holder;
}
