// The language of the page: Russian or English.

import { errorsEn, textsEn } from './texts_en.js';
import { errorsRu, textsRu } from './texts_ru.js';
import { read, write } from './settings.js';

const TEXTS = { en: textsEn, ru: textsRu };
const ERRORS = { en: errorsEn, ru: errorsRu };
const RUSSIAN_SPEAKING = ['ru', 'be', 'kk', 'ky'];  // as the bot does

function preferred() {
  for (const tag of navigator.languages ?? []) {
    const language = tag.toLowerCase().split('-')[0];
    if (RUSSIAN_SPEAKING.includes(language)) return 'ru';
    if (language === 'en') return 'en';
  }
  return 'en';
}

export let language = Object.hasOwn(TEXTS, read('language') ?? '') ? read('language') : preferred();

/** The text with {0}, {1} replaced. */
export function t(name, ...values) {
  return TEXTS[language][name].replace(/\{(\d)\}/g, (_, digit) => String(values[digit]));
}

/** One of the texts {en, ru} of a model's card, or undefined. */
export const own = (texts) => texts?.[language] ?? texts?.en ?? Object.values(texts ?? {})[0];

/** A count with its word: 1 picture, 2 pictures; 1 картинка, 2 картинки, 5 картинок. */
export function counted(name, count) {
  const forms = TEXTS[language][name];
  const rule = new Intl.PluralRules(language).select(count);
  return `${count} ${forms[rule] ?? forms.other}`;
}

/** What an error of the API means and what to do; unknown codes have the server's message. */
export function errorText(error) {
  const text = ERRORS[language][error.code];
  const message = error.translations?.[language] ?? error.message;
  if (!text) return message || t('error_unknown');
  return text.includes('{0}') ? text.replace('{0}', () => message) : text;
}

/** Seconds as "40 s" or "3 min", rounded as the bot does. */
export function duration(time) {
  const seconds = Math.max(1, Math.ceil(time));
  if (seconds < 10) return `${seconds}\u00a0${t('seconds')}`;
  if (seconds < 60) return `${Math.ceil(seconds / 5) * 5}\u00a0${t('seconds')}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}\u00a0${t('minutes')}`;
  const hours = `${Math.floor(minutes / 60)} ${t('hours')}`;
  return minutes % 60 === 0 ? hours : `${hours} ${minutes % 60} ${t('minutes')}`;
}

/** Today as a time, otherwise with the date. */
export function moment(milliseconds) {
  const date = new Date(milliseconds);
  const today = new Date().toDateString() === date.toDateString();
  const day = today ? {} : { day: 'numeric', month: 'short' };
  const locale = navigator.languages?.find((tag) => tag.split('-')[0] === language) ?? language;
  return new Intl.DateTimeFormat(locale, { ...day, hour: '2-digit', minute: '2-digit' }).format(date);
}

/** Fills elements with data-text, data-label (for screen readers and as a tooltip) and data-hint (placeholder). */
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of root.querySelectorAll('[data-label]')) {
    node.setAttribute('aria-label', t(node.dataset.label));
    if (node.matches('button, a')) node.title = t(node.dataset.label);
  }
  for (const node of root.querySelectorAll('[data-hint]')) node.placeholder = t(node.dataset.hint);
}

const listeners = [];
export const onLanguage = (callback) => listeners.push(callback);

export function setLanguage(chosen) {
  language = chosen;
  write('language', chosen);
  translate();
  for (const listener of listeners) listener();
}
