// What this browser remembers besides the history. Without storage (blocked by the user) it lasts as long as the page.

const PREFIX = 'prompt2pic.';
const memory = new Map();

export function read(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

/** Null removes it. */
export function write(name, value) {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // Kept in memory only.
  }
}

export function readJson(name) {
  try {
    return JSON.parse(read(name) ?? 'null');
  } catch {
    return null;
  }
}

/** Calls back when another tab has changed the setting. */
export function onChange(name, callback) {
  addEventListener('storage', (event) => {
    if (event.key === PREFIX + name) callback();
  });
}
