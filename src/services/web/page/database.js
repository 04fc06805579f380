// IndexedDB with promises. Stores: `requests` by key, `pictures` by [key, n].

let database = null;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Resolves to false if this browser keeps no data. */
export async function open() {
  try {
    const request = indexedDB.open('prompt2pic', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('requests', { keyPath: 'key' });
      request.result.createObjectStore('pictures', { keyPath: ['key', 'n'] });
    };
    database = await done(request);
    database.onversionchange = () => database.close();
    return true;
  } catch {
    return false;
  }
}

/** Runs `work(requests, pictures)` in one transaction and returns what it returns; null without a database. */
export function transaction(mode, work) {
  if (!database) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const all = database.transaction(['requests', 'pictures'], mode);
    let result;
    all.oncomplete = () => resolve(result);
    all.onerror = all.onabort = () => reject(all.error ?? new Error('aborted'));
    Promise.resolve(work(all.objectStore('requests'), all.objectStore('pictures'))).then(
      (value) => (result = value),
      (error) => {
        try {
          all.abort();
        } catch {
          // It has ended already.
        }
        reject(error);
      },
    );
  });
}

export { done };
