// Builds elements. Text is always inserted as text, never as HTML.

/** el('button.quiet', {type: 'button', onclick: f, 'aria-label': 'x'}, child, ...): children are nodes, texts, or null for none. */
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const node = document.createElement(tag);
  if (classes.length > 0) node.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
  else if (name === 'value') node.value = value;
  else node.setAttribute(name, value === true ? '' : value);
}

/** A button with an icon; the label is for screen readers and the tooltip. */
export const iconButton = (what, image, label, attributes) =>
  el(`button.icon-button${what}`, { type: 'button', 'aria-label': label, title: label, ...attributes }, icon(image));

export const find = (selector, from = document) => from.querySelector(selector);

/** Waits; ends early when the signal is aborted. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
  });
}

const PATHS = {
  send: 'M4 12 20 4l-4 16-4.5-6.5L4 12Zm7.5 1.5L20 4',
  more: 'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 4.5v5M8.5 14.5v5',
  file: 'M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3M12 15V4m0 0L7.5 8.5M12 4l4.5 4.5',
  original: 'M13 5h6v6m0-6-9 9M10 6H6a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1v-4',
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  variation: 'M4 17c4 0 5-10 9-10h7m0 0-3-3m3 3-3 3M4 7c2 0 3.2 2.3 4.3 4.7M12 15c1 1.3 2 2 3.5 2H20m0 0-3-3m3 3-3 3',
  larger: 'M14 4h6v6m0-6-7 7M10 20H4v-6m0 6 7-7',
  seed: 'M5 20h4l10-10-4-4L5 16v4ZM13 8l4 4',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  download: 'M12 4v11m0 0-4.5-4.5M12 15l4.5-4.5M5 20h14',
  dots: 'M5.5 12h.01M12 12h.01M18.5 12h.01',
  trash: 'M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13',
  close: 'M6 6l12 12M18 6 6 18',
  menu: 'M4 7h16M4 12h16M4 17h16',
  key: 'M14.5 14a5 5 0 1 0-4.4-2.6L4 17.5V20h3v-2h2v-2h2l1.4-1.4c.6.300 1.3.400 2.1.400ZM16 8.5h.01',
  auto: 'M12 4a8 8 0 1 0 0 16V4Zm0 0a8 8 0 0 1 0 16',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-6v2m0 16v2M2 12h2m16 0h2M5 5l1.4 1.4m11.2 11.2L19 19M5 19l1.4-1.4M17.6 6.4 19 5',
  dark: 'M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z',
  docs: 'M8 8 4 12l4 4m8-8 4 4-4 4M13.5 6l-3 12',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  down: 'M6 9.5l6 6 6-6',
  dice: 'M5 5h14v14H5zM9 9h.01M15 15h.01M12 12h.01M15 9h.01M9 15h.01',
};

/** A decorative icon. */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  svg.dataset.icon = name;
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
