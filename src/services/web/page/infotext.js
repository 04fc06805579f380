// Generation parameters in the text form of AUTOMATIC1111: the prompt, a line "Negative prompt: ...", then "Steps: 20, Sampler: DDPM, ...".

const FIELD = /\s*([\w][\w \-/]*):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/gy;
const MOST_FIELDS = 100;
const LONGEST_PROMPT = 16_384;

/** The fields of the last line as a Map, or null if it is part of the prompt. */
function fieldsOf(line) {
  const fields = new Map();
  FIELD.lastIndex = 0;
  for (let found; fields.size < MOST_FIELDS && (found = FIELD.exec(line)); ) {
    let value = found[2].trim();
    if (value.startsWith('"')) {
      try {
        value = String(JSON.parse(value));
      } catch {
        // Taken as it is.
      }
    }
    fields.set(found[1].trim(), value);
    if (FIELD.lastIndex >= line.length) break;
  }
  return fields.has('Steps') || fields.has('Seed') ? fields : null;
}

const whole = (text, most) => (/^\d{1,16}$/.test(text ?? '') && Number(text) <= most ? Number(text) : undefined);
const decimal = (text, most) => (/^\d{1,4}(\.\d{1,20})?$/.test(text ?? '') && Number(text) <= most ? Number(text) : undefined);

/** The method and, where a program names them apart, its noise levels: "DPM++ 2M Karras". */
function samplerOf(fields) {
  const schedule = fields.get('Schedule type');
  const known = schedule && schedule !== 'Automatic' ? [schedule] : [];
  return fields.get('Sampler') && [fields.get('Sampler'), ...known].join(' ').slice(0, 64);
}

/** Reads {prompt, negative_prompt, steps, guidance, seed, size, sampler, model, variation, upscale}, each undefined if it is missing. Returns null if the
 *  text has no parameters. */
export function parse(text) {
  const lines = text.replace(/\r\n?/g, '\n').trim().split('\n');
  const fields = fieldsOf(lines.at(-1));
  if (!fields) return null;
  lines.pop();
  const from = lines.findIndex((line) => line.startsWith('Negative prompt:'));
  const negative = from < 0 ? [] : lines.splice(from);
  const seeds = fields.get('Varied with seeds')?.split(' ').map((seed) => whole(seed, Number.MAX_SAFE_INTEGER));
  return {
    prompt: lines.join('\n').trim().slice(0, LONGEST_PROMPT),
    negative_prompt: negative.join('\n').slice('Negative prompt:'.length).trim().slice(0, LONGEST_PROMPT) || undefined,
    steps: whole(fields.get('Steps'), 150),
    guidance: decimal(fields.get('CFG scale'), 50),
    seed: whole(fields.get('Seed'), Number.MAX_SAFE_INTEGER),
    size: /^\d{1,4}x\d{1,4}$/.test(fields.get('Size') ?? '') ? fields.get('Size') : undefined,
    sampler: samplerOf(fields),
    model: fields.get('Model')?.slice(0, 64),
    variation: seeds?.length <= 16 && seeds.every((seed) => seed !== undefined) ? seeds : undefined,
    upscale: decimal(fields.get('Hires upscale'), 4),
  };
}

/** The same for a picture of which there is no copy: from the request and what the server says it used. */
export function format(body, used, image, model) {
  const field = (name, value) => (value === undefined || value === '' ? [] : [`${name}: ${/[,:\n]/.test(value) ? JSON.stringify(value) : value}`]);
  const fields = [
    ...field('Steps', used.steps ?? body.steps),
    ...field('Sampler', used.sampler ?? body.sampler),
    ...field('CFG scale', used.guidance ?? body.guidance),
    ...field('Seed', image.seed),
    ...field('Size', `${image.width}x${image.height}`),
    ...field('Model', model),
    ...field('Varied with seeds', body.variation?.join(' ')),
    ...field('Hires upscale', body.upscale),
  ];
  const negative = body.negative_prompt ? [`Negative prompt: ${body.negative_prompt}`] : [];
  return [body.prompt, ...negative, fields.join(', ')].join('\n');
}

/** Names of samplers differ between programs: "DPM++ 2M Karras", "dpmpp_2m_karras". A name that is not among `samplers` stays: the server knows more. */
export const samplerNamed = (name, samplers) => {
  const plain = (text) => text.toLowerCase().replace(/\+\+/g, 'pp').replace(/[^a-z0-9]/g, '');
  return samplers.find((sampler) => plain(sampler) === plain(name)) ?? name;
};
