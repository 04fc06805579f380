// Server-sent events over fetch(): EventSource cannot send a key.

const MOST_BYTES = 1 << 20;  // of one event

/** Yields the data of each event as JSON. Ends with the stream; throws when it breaks off or when nothing comes for `silence` milliseconds. */
export async function* eventsOf(response, silence = 40_000) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await before(silence, reader.read());
      if (done) return;
      rest += value;
      if (rest.length > MOST_BYTES) throw new Error('an event is too long');
      const parts = rest.split(/\r?\n\r?\n/);
      rest = parts.pop();
      for (const part of parts) {
        const json = dataOf(part);
        if (json) yield json;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The JSON object in an event's data lines; undefined for a comment. */
export function dataOf(event) {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  if (lines.length === 0) return undefined;
  const json = JSON.parse(lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n'));
  return json && typeof json === 'object' ? json : undefined;
}

function before(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the stream is silent')), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
