// Which sizes a model can be asked for.

const RATIOS = ['1:1', '2:3', '3:2', '9:16', '16:9'];
const GRID = 64;  // px
const LONGEST = 4096;

export function parseSize(text) {
  const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(text ?? '') ?? [];
  return width > 0 && height > 0 ? { width: Number(width), height: Number(height) } : null;
}

export const nameOf = ({ width, height }) => `${width}x${height}`;
export const pretty = (size) => size.replace('x', '×');

/** The formats on offer: [{size: "512x768", ratio: "2:3" or null, width, height}]; the model's default comes first. Empty without a choice. */
export function formatsOf(card) {
  if (!card?.width || !card?.height) return [];
  const own = { width: card.width, height: card.height };
  const sizes = card.sizes ? card.sizes.map(parseSize).filter(Boolean) : RATIOS.map((ratio) => sizeOf(ratio, own, card.max_pixels));
  const names = new Set([own, ...sizes].map(nameOf));
  if (card.sizes) names.forEach((name) => card.sizes.includes(name) || names.delete(name));
  const formats = [...names].map((size) => ({ size, ratio: ratioOf(parseSize(size)), ...parseSize(size) }));
  return formats.length > 1 ? formats : [];
}

/** The size of this ratio with the area of the default, in multiples of 64. */
function sizeOf(ratio, own, most = Infinity) {
  const [across, down] = ratio.split(':').map(Number);
  let height = Math.sqrt(Math.min(own.width * own.height, most) * (down / across));
  let width = (height * across) / down;
  width = Math.min(Math.max(GRID, Math.round(width / GRID) * GRID), LONGEST);
  height = Math.min(Math.max(GRID, Math.round(height / GRID) * GRID), LONGEST);
  while (width * height > most && Math.max(width, height) > GRID) {
    if (width >= height) width -= GRID;
    else height -= GRID;
  }
  return { width, height };
}

function ratioOf({ width, height }) {
  return RATIOS.find((ratio) => {
    const [across, down] = ratio.split(':').map(Number);
    return Math.abs(Math.log((width / height) * (down / across))) < 0.08;
  }) ?? null;
}

/** Whether the model draws this size, as far as its card says. */
export function allows(card, size) {
  const parsed = parseSize(size);
  if (!card || !parsed) return false;
  if (card.sizes) return card.sizes.includes(size);
  return parsed.width * parsed.height <= (card.max_pixels ?? Infinity);
}
