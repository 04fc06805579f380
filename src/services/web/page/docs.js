// The documentation of the API, made of /openapi.json.

import { copy } from './copy.js';
import { el, find, iconButton } from './dom.js';
import { language, onLanguage, setLanguage, t, translate } from './i18n.js';
import { curlOf, fieldsOf, bodySchema, operationsOf, resolve, typeOf } from './openapi.js';
import * as theme from './theme.js';

let api = null;
let failed = false;

/** A text with `code` in it. */
function prose(text) {
  return String(text ?? '').split(/(`[^`]+`)/).map((part) => (part.startsWith('`') ? el('code', {}, part.slice(1, -1)) : part));
}

const badge = (method) => el(`span.method.${method.toLowerCase()}`, {}, method);

function table(title, rows) {
  if (rows.length === 0) return null;
  const line = ({ name, type, required, description, ...more }) =>
    el('tr', {},
      el('th', { scope: 'row' }, el('code', {}, name), required && el('span.required', {}, t('docs_required'))),
      el('td', {},
        el('span.type', {}, type, more.default !== undefined && ` = ${JSON.stringify(more.default)}`),
        description && el('p', {}, prose(description))));
  return el('section', {},
    el('h3', {}, title),
    el('div.wide', { tabindex: '0', role: 'region', 'aria-label': title }, el('table', {}, el('tbody', {}, rows.map(line)))));
}

function answers(operation) {
  const rows = Object.entries(operation.responses ?? {});
  const good = rows.filter(([status]) => status < '400');
  const bad = rows.filter(([status]) => status >= '400').map(([status]) => status);
  return el('section', {}, el('h3', {}, t('docs_answers')),
    good.map(([status, answer]) => {
      const known = resolve(api, answer);
      const fields = fieldsOf(api, bodySchema(known));
      return [el('p', {}, el('code.code-good', {}, status), ' ', prose(known.description)),
        fields.length > 0 && el('details', {}, el('summary', {}, t('docs_fields')), table(`${t('docs_fields')}, ${status}`, fields))];
    }),
    bad.length > 0 && el('p', {}, bad.map((status) => [el('code', {}, status), ' ']).flat(), prose(resolve(api, operation.responses[bad[0]]).description)));
}

function section(operation) {
  const command = curlOf(api, operation, location.origin);
  const parameters = operation.parameters.map(({ name, in: place, required, description, schema }) =>
    ({ name, type: `${place}, ${typeOf(api, schema)}`, required, description }));
  return el('section.operation', { id: operation.operationId },
    el('h2', {}, badge(operation.method), el('code', {}, operation.path)),
    el('p.summary', {}, prose(operation.summary), operation.description && ` ${operation.description}`),
    el('section', {}, el('h3', {}, t('docs_example')),
      el('div.example', {}, el('pre', { tabindex: '0' }, command),
        iconButton('', 'copy', t('docs_copy'), { onclick: () => copy(command) }))),
    table(t('docs_parameters'), parameters),
    table(t('docs_body'), fieldsOf(api, bodySchema(operation.requestBody))),
    answers(operation));
}

function draw() {
  const main = find('#operations');
  document.title = `Prompt2Pic — ${t('docs_title')}`;
  if (!api) return main.replaceChildren(el('h1', {}, t('docs_title')), el('p', { role: 'status' }, t(failed ? 'docs_failed' : 'loading')));
  const operations = operationsOf(api);
  find('#contents').replaceChildren(el('ul', {}, operations.map((operation) =>
    el('li', {}, el('a', { href: `#${operation.operationId}` }, badge(operation.method), el('span', {}, operation.path))))));
  main.replaceChildren(el('h1', {}, t('docs_title')),
    ...String(api.info?.description ?? '').split(/\n\s*\n/).map((paragraph) => el('p', {}, prose(paragraph))), ...operations.map(section));
}

async function start() {
  translate();
  theme.start();
  find('#language').addEventListener('click', () => setLanguage(language === 'en' ? 'ru' : 'en'));
  onLanguage(() => (theme.draw(), draw()));
  draw();
  try {
    api = await (await fetch('openapi.json')).json();
  } catch {
    failed = true;
  }
  draw();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start();
