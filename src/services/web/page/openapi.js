// Reads an OpenAPI description: references, types in words, examples.

const MOST_DEPTH = 6;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** Every operation: {method, path, ...operation}, with the parameters of its path. */
export function operationsOf(api) {
  return Object.entries(api.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      method: method.toUpperCase(), path, ...item[method],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map((parameter) => resolve(api, parameter)),
    })));
}

/** Follows "#/components/..."; what stands beside a reference is kept. */
export function resolve(api, node, depth = 0) {
  if (!node?.$ref || depth > MOST_DEPTH) return node ?? {};
  const { $ref, ...beside } = node;
  let target = api;
  for (const part of $ref.replace(/^#\//, '').split('/')) target = target?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  return { ...resolve(api, target, depth + 1), ...beside };
}

/** The type of a schema in a few words. */
export function typeOf(api, schema) {
  const { type, items, enum: values, const: only, minimum, maximum } = resolve(api, schema);
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.join(' | ');
  if (type === 'array') return `array of ${typeOf(api, items)}`;
  if (type === undefined) return 'any';
  if (minimum === undefined && maximum === undefined) return String(type);
  return `${type}, ${minimum ?? ''} … ${maximum ?? ''}`;
}

/** The fields of an object and of the objects in it: [{name: "data[].url", type, required, description, default}]. */
export function fieldsOf(api, schema, prefix = '', depth = 0) {
  const { properties = {}, required = [], type, items } = resolve(api, schema);
  if (type === 'array' && depth < MOST_DEPTH) return fieldsOf(api, items, `${prefix}[]`, depth + 1);
  return Object.entries(properties).flatMap(([key, property]) => {
    const name = prefix ? `${prefix}.${key}` : key;
    const known = resolve(api, property);
    const row = { name, type: typeOf(api, property), required: required.includes(key), description: known.description, default: known.default };
    return [row, ...(depth < MOST_DEPTH ? fieldsOf(api, property, name, depth + 1) : [])];
  });
}

/** The schema of a body in JSON or a form, or undefined. */
export const bodySchema = (holder) => holder?.content?.['application/json']?.schema ?? holder?.content?.['multipart/form-data']?.schema;

/** A command line for the operation. */
export function curlOf(api, { method, path, requestBody }, origin) {
  const body = resolve(api, bodySchema(requestBody));
  const address = path.replace('{id}', 'ID').replace('{n}', '1');
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}'${origin}${address}'`, "-H 'Authorization: Bearer KEY'"];
  if (path.endsWith('/events')) lines[0] = lines[0].replace('curl', 'curl -N');
  if (path.endsWith('/images/{n}')) lines.push('-o picture.png');
  if (body.properties) {
    const values = { prompt: 'a fox in the snow', image: '@photo.jpg' };
    const example = (body.required ?? []).map((name) => [name, values[name] ?? typeOf(api, body.properties[name])]);
    if (requestBody.content['multipart/form-data']) lines.push(...example.map(([name, value]) => `-F '${name}=${value}'`));
    else lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(Object.fromEntries(example))}'`);
  }
  return lines.join(' \\\n  ');
}
