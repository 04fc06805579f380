// Addresses of the pictures for <img>: of the copy in this browser, or the link while there is none.

import * as store from './store.js';

const urls = new Map();  // "key/n" -> a promise of a blob: URL or null

/** Of the copy; null without one. */
export function pictureUrl(key, n) {
  const name = `${key}/${n}`;
  if (!urls.has(name)) {
    urls.set(name, store.picture(key, n).then((blob) => {
      if (!blob) urls.delete(name);
      return blob ? URL.createObjectURL(blob) : null;
    }));
  }
  return urls.get(name);
}

store.onChange(async (key) => {
  if (store.get(key)) return;
  for (const [name, url] of urls) {
    if (!name.startsWith(`${key}/`)) continue;
    urls.delete(name);
    if (await url) URL.revokeObjectURL(await url);
  }
});

/** Sets the address when the image comes near the visible part. `missing()` is called if there is no picture. */
export function show(image, record, n, missing = () => {}) {
  image.addEventListener('error', missing);
  near.set(image, async () => {
    const url = (await pictureUrl(record.key, n)) ?? (record.saved ? record.data[n - 1].url : null);
    if (url) image.src = url;
  });
  observer.observe(image);
}

const near = new WeakMap();
const observer = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      near.get(target)();
    }
  },
  { rootMargin: '600px', scrollMargin: '600px' },
);
