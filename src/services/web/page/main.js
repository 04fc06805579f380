// Starts the page.

import * as api from './api.js';
import * as composer from './composer.js';
import * as dialogs from './dialogs.js';
import { el, find, icon } from './dom.js';
import * as feed from './feed.js';
import * as form from './form.js';
import * as history from './history.js';
import { errorText, language, onLanguage, own, setLanguage, t, translate } from './i18n.js';
import * as models from './models.js';
import { announce } from './notices.js';
import * as requests from './requests.js';
import { titleOf } from './settings_panel.js';
import * as store from './store.js';
import * as theme from './theme.js';
import * as viewer from './viewer.js';

const ICONS = {
  'history-open': 'menu', 'history-close': 'close', 'key-open': 'key', docs: 'docs', latest: 'down', more: 'more', 'file-open': 'file', send: 'send',
  'editing-stop': 'close',
};

function drawWelcome() {
  const one = form.model();
  find('#model-name').textContent = titleOf(one);
  find('#welcome-hint').textContent = t(!models.isLoaded() ? 'loading' : one ? 'welcome_hint' : 'no_model');
  const use = (example) => {
    form.change({ prompt: example });
    find('#prompt').focus();
  };
  const examples = own(one?.card?.examples) ?? [];
  const button = (example) => el('li', {}, el('button.example', { type: 'button', onclick: () => use(example) }, example));
  find('#examples').replaceChildren(...examples.slice(0, 8).map(button));
}

function drawConnection(reachable) {
  find('#lost').hidden = reachable;
  find('#lost').textContent = reachable ? '' : t('lost');
  if (reachable) requests.wake();
}

function ended({ status, body, error }) {
  if (status === 'finished') announce(t('ready', body.prompt));
  else if (status === 'failed') announce(t('failed', errorText(error ?? {})));
}

async function start() {
  translate();
  for (const [id, name] of Object.entries(ICONS)) find(`#${id}`).replaceChildren(icon(name));
  theme.start();
  api.configure({ changed: drawConnection, ask: dialogs.keyForServer });
  await store.open();
  feed.start({ open: viewer.open, remove: history.deleteOne });
  history.start(feed.reveal);
  composer.start();
  requests.start(ended);
  find('#language').addEventListener('click', () => setLanguage(language === 'en' ? 'ru' : 'en'));
  find('#key-open').addEventListener('click', () => dialogs.changeKey().then(models.load).catch(() => {}));
  onLanguage(() => {
    for (const part of [theme.draw, drawWelcome, feed.redraw, history.redraw, composer.draw]) part();
    find('#lost').textContent = find('#lost').hidden ? '' : t('lost');
  });
  models.onModels(() => (drawWelcome(), composer.draw()));
  form.onForm(() => (find('#model-name').textContent = titleOf(form.model())));
  drawWelcome();
  models.keepLoaded();
  if (matchMedia('(min-width: 1000px)').matches) find('#prompt').focus();
}

start();
