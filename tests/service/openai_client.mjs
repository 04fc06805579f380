// Calls OpenAI's client as it is published, with its default settings. Arguments: a method such as images.generate, and its parameters as JSON, in which
// {"file": PATH} is a file. OPENAI_BASE_URL, OPENAI_API_KEY: read by the client; NODE_PACKAGES: the folder that has it. Prints {status, headers, data}
// or {error}.

import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';

const { OpenAI } = createRequire(`${process.env.NODE_PACKAGES}/`)('openai');
const [path, parameters] = process.argv.slice(2);
const client = new OpenAI();
const names = path.split('.');
const method = names.pop();
const owner = names.reduce((object, name) => object[name], client);
try {
  const { data, response } = await owner[method](...JSON.parse(parameters, (_, value) => (value?.file ? createReadStream(value.file) : value))).withResponse();
  console.log(JSON.stringify({ status: response.status, headers: Object.fromEntries(response.headers), data }));
} catch (error) {
  const { status, code, message } = error;
  console.log(JSON.stringify({ error: { class: error.constructor.name, status, code, message } }));
}
