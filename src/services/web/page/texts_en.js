// English texts. Names are the same as in texts_ru.js.

export const textsEn = {
  // Frame
  history: 'History', history_open: 'Open the history', history_close: 'Close the history', search: 'Search the history',
  history_empty: 'Your pictures will be here.', history_nothing: 'Nothing found.',
  history_limit: 'Kept in this browser only: the last {0} requests, {1} MB of pictures at most. Older ones are removed.',
  history_not_kept: 'This browser does not let the page keep a history: it ends with this tab.',
  delete_one_sure: 'Delete this request and its pictures from the history?', delete_all: 'Delete all', delete_all_sure: 'Delete the whole history of this browser? Requests that wait are cancelled.',
  deleted_all: 'The history is deleted.', delete_one: 'Delete from the history', deleted: 'Deleted.',
  earlier: 'Show earlier', to_latest: 'To the latest', chat: 'Requests and pictures',
  language: 'Русский', theme_auto: 'Theme: as the system', theme_light: 'Theme: light', theme_dark: 'Theme: dark',
  key_change: 'Access key', docs: 'The API', yes_delete: 'Delete', no: 'Cancel', close: 'Close',
  // Start
  welcome: 'What shall I draw?', welcome_hint: 'Write what you would like to see. Or try one of these:',
  no_model: 'The artists are away at the moment. You can write already: I draw as soon as they are back.',
  loading: 'Connecting…', lost: 'No connection to the server. I go on trying; nothing is lost.',
  // Prompt
  prompt: 'Prompt', prompt_hint: 'What shall I draw?', send: 'Draw', more: 'More settings', more_close: 'Close the settings',
  open_file: 'Recall the parameters of a PNG', drop_here: 'Drop a PNG to recall its parameters',
  editing: 'Same seed, another prompt', editing_stop: 'Stop editing', keys_hint: 'Enter draws · Shift+Enter: new line · Ctrl+↑↓: weight of a word',
  too_long: 'The prompt is too long: at most 16 KB.', wrong_value: 'Check the settings: {0}.',
  // Settings
  model: 'Model', format: 'Format', count: 'Pictures', negative_prompt: 'Negative prompt', negative_hint: 'What should not be in the picture',
  steps: 'Steps', guidance: 'Guidance', sampler: 'Sampler', seed: 'Seed', seed_hint: 'random', default_value: 'default', reset: 'Reset',
  size: 'Size', variation_seeds: 'Variation', upscale: 'Larger', remove: 'Remove: {0}', random_seed: 'Random seed',
  from_to: 'from {0} to {1}', whole: 'a whole number',
  // Request
  you_asked: 'Your request', unsent: 'Sending…', accepted: 'Accepted, finding a free artist…', waiting: 'In the queue: number {0}',
  waiting_eta: 'In the queue: number {0}, about {1}', starting: 'Starting to draw…', drawing: 'Drawing, {0}\u00a0%', drawing_eta: 'Drawing, {0}\u00a0%, {1} left',
  storing: 'Drawn, here it comes…', cancelling: 'Cancelling…', cancelled: 'Cancelled.', cancel: 'Cancel', progress: 'Progress',
  lost_request: 'The server no longer knows this request.', retry: 'Send again', preview: 'Preview',
  ready: 'Ready: {0}', failed: 'Did not work out: {0}', took: 'drawn in {0}', note: 'Note: {0}',
  // Picture
  picture: 'Picture {0} of {1}: {2}', picture_one: 'Picture: {0}', open_picture: 'Open: {0}', seed_is: 'Seed {0}', copy_seed: 'Copy seed {0}',
  original: 'Original', again: 'Again', variation: 'Variation', larger: 'Larger', same_seed: 'Same seed, another prompt', copy_prompt: 'Copy the prompt',
  copy_parameters: 'Copy the parameters', download: 'Download', actions: 'More actions', saving: 'Fetching the picture…',
  picture_gone: 'The picture is no longer in the storage, and there is no copy in this browser.',
  original_gone: 'The original is no longer in the storage: here is the copy from this browser.',
  copied: 'Copied', copy_failed: 'The browser did not allow copying.', viewer: 'Picture', previous: 'Previous picture', next: 'Next picture',
  again_accepted: 'Drawing it again', variation_accepted: 'Drawing a variation', larger_accepted: 'Drawing it larger',
  // File
  recalled: 'Parameters recalled.', recalled_without: 'Parameters recalled, except what this model cannot do: {0}.',
  file_without: 'There are no generation parameters in this file.', file_not_png: 'This is not a PNG. Parameters can be read from PNG files.',
  file_large: 'The file is larger than 64 MB.', file_broken: 'The file is damaged, its parameters cannot be read.',
  // Key
  key_title: 'Access key', key_text: 'This server asks for a key. Its operator has it.', key_label: 'Key', key_save: 'Save', key_forget: 'Forget the key',
  key_wrong: 'The server does not accept this key.', key_short: 'Enter the key.', key_used: 'The key is kept in this browser.',
  // Units and errors
  seconds: 's', minutes: 'min', hours: 'h', error_unknown: 'It did not work out. Try again.', details: 'What the server says',
  requests: { one: 'request', other: 'requests' }, pictures: { one: 'picture', other: 'pictures' },
  // Documentation
  docs_title: 'The API', docs_back: 'To the page', docs_parameters: 'Parameters', docs_body: 'Body', docs_answers: 'Answers', docs_example: 'Example',
  docs_required: 'required', docs_fields: 'Fields', docs_copy: 'Copy', docs_failed: 'The description of the API did not load. Reload the page.',
  docs_operations: 'Operations',
};

/** By the code of the API; {0} is the server's message. */
export const errorsEn = {
  queue_full: 'You already have as many requests waiting as are allowed. Wait until some are ready, or cancel one.',
  day_full: 'That was all for today: the daily limit is reached. Try again later.',
  too_many_requests: 'That was too fast. Wait a few seconds and send again.',
  too_many_calls_wait: 'The server is busy. Wait a few seconds and send again.',
  model_not_found: 'There is no such model here. Choose another one in the settings.',
  idempotency_key_reused: 'This request was sent before with other parameters. Send it again as a new one.',
  unavailable: 'The queue or the storage is not reachable at the moment. Try again later.',
  stopping: 'The server is restarting. Try again in a moment.',
  internal: 'An error in the server. Try again later.',
  invalid_value: 'The server does not accept a value; change it in the settings: {0}',
  invalid_json: 'The server did not understand the request. Reload the page and try again.',
  invalid_content_type: 'The server did not understand the request. Reload the page and try again.',
  invalid_idempotency_key: 'The server did not understand the request. Reload the page and try again.',
  bad_request: 'The server did not understand the request. Reload the page and try again.',
  method_not_allowed: 'The server did not understand the request. Reload the page and try again.',
  too_large: 'The request is too large. Make the prompt shorter.',
  invalid_api_key: 'The server does not accept the key. Enter another one.',
  not_found: 'The server no longer knows this request. Draw it again.',
  not_ready: 'The picture is not drawn yet. Wait a little.',
  not_drawn_yet: 'The picture is not drawn yet. Wait a little.',
  gone: 'The picture is no longer in the storage. Draw it again.',
  cancelled: 'Cancelled.',
  cannot_do: 'This cannot be drawn: {0}',
  content_policy_violation: 'The safety checker withheld this picture. Try other words.',
  too_long: 'Drawing this takes too long, so it was stopped. Ask for fewer steps or a smaller picture.',
  no_worker: 'Nobody here can draw with this model now. Try again later.',
  killed_worker: 'Drawing this broke down twice, so there is no third try. Try other words.',
  unreadable: 'The request got damaged on its way. Please try again.',
  drawing_failed: 'It did not work out. Try again, or use other words.',
  failed: 'It did not work out. Try again, or use other words.',
  storing_failed: 'The picture was drawn, but could not be stored. Please try again later.',
};
