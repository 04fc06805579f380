// Short messages: seen and read out (say), or only read out (announce).

import { find } from './dom.js';

let timer;

export function say(text) {
  const toast = find('#toast');
  toast.textContent = text;
  toast.classList.add('shown');
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove('shown'), 2500 + text.length * 50);
}

export const announce = (text) => (find('#announcer').textContent = text);
