// The weight of words in a prompt, (word:1.1), changed as AUTOMATIC1111's web UI does with Ctrl+Up and Ctrl+Down.

const STEP = 0.1;
const MOST = 9.9;
const BETWEEN_WORDS = /[\s.,\\/!?%^*;:{}=`~()[\]]/;

/** Changes the weight of the selection, of the parentheses around the caret, or of the word at the caret by one step up (1) or down (-1). Returns
 *  {text, start, end}, the selection being the words without parentheses; null if there is nothing at the caret. */
export function changeWeight(text, start, end, direction) {
  const part = partAt(text, start, end);
  if (!part) return null;
  const weighted = weightAround(text, part);
  const weight = Math.min(Math.max(Math.round(((weighted?.weight ?? 1) + direction * STEP) * 10) / 10, 0), MOST);
  const words = text.slice(part.start, part.end);
  const from = weighted?.from ?? part.start;
  const to = weighted?.to ?? part.end;
  const opening = weight === 1 ? '' : '(';
  const closing = weight === 1 ? '' : `:${weight.toFixed(1)})`;
  return {
    text: text.slice(0, from) + opening + words + closing + text.slice(to),
    start: from + opening.length,
    end: from + opening.length + words.length,
  };
}

function partAt(text, start, end) {
  if (start !== end) {
    while (start < end && /\s/.test(text[start])) start += 1;
    while (end > start && /\s/.test(text[end - 1])) end -= 1;
    return start < end ? inner(text, start, end) : null;
  }
  const open = text.lastIndexOf('(', start - 1);
  const close = text.indexOf(')', start);
  if (start > 0 && open >= 0 && close >= 0 && !text.slice(open + 1, start).includes(')') && !text.slice(start, close).includes('('))
    return inner(text, open, close + 1);
  while (start > 0 && !BETWEEN_WORDS.test(text[start - 1])) start -= 1;
  while (end < text.length && !BETWEEN_WORDS.test(text[end])) end += 1;
  return start < end ? { start, end } : null;
}

/** A selected "(words:1.1)" without its parentheses and weight. */
function inner(text, start, end) {
  const [whole, words] = /^\(([^()]*?)(?::\d*\.?\d+)?\)$/.exec(text.slice(start, end)) ?? [];
  return whole && words ? { start: start + 1, end: start + 1 + words.length } : { start, end };
}

/** The parentheses directly around the part: {from, to, weight}, or null. "(words)" weighs 1.1. */
function weightAround(text, { start, end }) {
  if (text[start - 1] !== '(' || text[start - 2] === '\\') return null;
  const [closing, number] = /^(?::(\d*\.?\d+))?\)/.exec(text.slice(end)) ?? [];
  if (!closing) return null;
  return { from: start - 1, to: end + closing.length, weight: number === undefined ? 1.1 : Number(number) };
}
