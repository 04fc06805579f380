// "More": what can be set for the next request. Only what the model can do is offered.

import { el, find, iconButton } from './dom.js';
import * as form from './form.js';
import { counted, own, t } from './i18n.js';
import * as models from './models.js';
import { formatsOf, pretty } from './sizes.js';

const MOST_COUNT = 4;
const MOST_SEED = Number.MAX_SAFE_INTEGER;
export const titleOf = (one) => own(one?.card?.title) ?? one?.id ?? '';

let drawnFor = '';

const value = (name) => form.form.values[name];

function labelled(name, control, ...more) {
  control.id = `set-${name}`;
  return el(`div.field.${name}`, {}, el('label', { for: control.id }, t(name)), control, more);
}

function choice(name, options, label = name) {
  const radios = options.map(({ text, of, shape }) => {
    const input = el('input', { type: 'radio', name: `set-${name}`, value: String(of ?? ''), onchange: () => form.setValue(name, of) });
    return el('label.option', {}, input, el('span', {}, shape ? frame(shape) : '', text));
  });
  return el(`fieldset.field.${name}`, {}, el('legend', {}, t(label)), el('div.options', {}, radios));
}

/** A small frame with the proportions of the format. */
function frame({ width, height }) {
  const shape = el('i.shape', { 'aria-hidden': 'true' });
  shape.style.setProperty('--ratio', width / height);
  shape.classList.toggle('wide', width > height);
  return shape;
}

function number(name, { min, max, step, hint }) {
  const input = el('input', { type: 'number', min, max, step, placeholder: hint, inputmode: step === 1 ? 'numeric' : 'decimal', autocomplete: 'off' });
  input.addEventListener('input', () => form.setValue(name, input.value === '' ? undefined : Number(input.value)));
  return input;
}

function select(name, options, changed) {
  const node = el('select', {}, options.map(([of, text]) => el('option', { value: of }, text)));
  node.addEventListener('change', () => changed(node.value));
  return node;
}

function fields() {
  const card = form.model()?.card;
  const offers = form.offered;
  const formats = formatsOf(card);
  const dice = iconButton('', 'dice', t('random_seed'), { onclick: () => form.setValue('seed', undefined) });
  const formatOption = (format, i) => ({ of: i === 0 ? undefined : format.size, text: format.ratio ?? pretty(format.size), shape: format });
  const samplers = () => [['', t('default_value')], ...card.samplers.map((name) => [name, name])];
  const negative = { rows: 2, maxlength: 16_384, placeholder: t('negative_hint'), oninput: ({ target }) => form.setValue('negative_prompt', target.value) };
  return [
    offers('model') && labelled('model', select('model', models.all().map((one) => [one.id, titleOf(one)]), (id) => form.setValue('model', id))),
    choice('n', Array.from({ length: MOST_COUNT }, (_, i) => ({ of: i === 0 ? undefined : i + 1, text: String(i + 1) })), 'count'),
    formats.length > 0 && choice('size', formats.map(formatOption), 'format'),
    offers('negative_prompt') && labelled('negative_prompt', el('textarea', negative)),
    offers('steps') && labelled('steps', number('steps', { min: 1, max: 150, step: 1, hint: card.steps })),
    offers('guidance') && labelled('guidance', number('guidance', { min: 0, max: 50, step: 0.1, hint: card.guidance })),
    offers('sampler') && labelled('sampler', select('sampler', samplers(), (name) => form.setValue('sampler', name))),
    labelled('seed', number('seed', { min: 0, max: MOST_SEED, step: 1, hint: t('seed_hint') }), dice),
  ].filter(Boolean);
}

/** Shows the values of the form; builds the fields anew when the model or the language has changed. */
export function draw(language) {
  const panel = find('#settings');
  const now = JSON.stringify([language, form.model()?.id, models.all()]);
  if (now !== drawnFor) {
    drawnFor = now;
    panel.replaceChildren(el('div.fields', {}, fields()),
      el('div.row', {}, el('button.quiet', { type: 'button', 'data-action': 'reset', onclick: () => form.change({ values: {} }) }, t('reset'))));
  }
  for (const control of panel.querySelectorAll('[id^="set-"]')) {
    const name = control.id.slice(4);
    const wanted = String((name === 'model' ? form.model()?.id : value(name)) ?? '');
    // A recalled sampler may have a name that is not listed.
    if (name === 'sampler' && ![...control.options].some((option) => option.value === wanted)) control.append(el('option', { value: wanted }, wanted));
    const same = control.type === 'number' && control.value !== '' && Number(control.value) === value(name);
    if (!same && control.value !== wanted && !(control.type === 'number' && control.validity.badInput)) control.value = wanted;
  }
  for (const radio of panel.querySelectorAll('input[type="radio"]')) radio.checked = radio.value === String(value(radio.name.slice(4)) ?? '');
}

export const isOpen = () => !find('#settings').hidden;

export function toggle(open) {
  const panel = find('#settings');
  panel.hidden = !open;
  find('#more').setAttribute('aria-expanded', String(open));
  if (open) find('input, select, textarea', panel)?.focus();
  else find('#prompt').focus();
}

/** The first field with an invalid value, or undefined. */
export const invalid = () => [...find('#settings').querySelectorAll('input[type="number"]')].find((input) => !input.checkValidity());

/** What a chip says about a setting. */
export function chipText(name, chosen) {
  if (name === 'n') return counted('pictures', chosen);
  if (name === 'size') return pretty(chosen);
  if (name === 'seed') return t('seed_is', chosen);
  if (name === 'variation') return `${t('variation_seeds')}: ${chosen.join(', ')}`;
  if (name === 'upscale') return `${t('upscale')} ×${chosen}`;
  return `${t(name)}: ${chosen}`;
}
