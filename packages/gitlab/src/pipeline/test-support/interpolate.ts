import { isMapping, type Mapping, type Yaml } from './ci-schema';

const WHOLE = /^\$\[\[ inputs\.([\w-]+) \]\]$/;
const PART = /\$\[\[ inputs\.([\w-]+) \]\]/g;

const inputOf = (inputs: Mapping, name: string): Yaml => {
  const value = inputs[name];
  if (value === undefined) throw new Error(`inputs.${name} is not declared`);
  return value;
};

const insert = (text: string, inputs: Mapping): string =>
  text.replace(PART, (_, name: string) => {
    const value = inputOf(inputs, name);
    if (typeof value === 'object') throw new Error(`inputs.${name} cannot be part of a text`);
    return String(value);
  });

/** Inserts inputs into a component's body as GitLab does: a value that consists only of an input keeps the input's type. */
export function interpolate(value: Yaml, inputs: Mapping): Yaml {
  if (typeof value === 'string') {
    const whole = WHOLE.exec(value);
    return whole === null ? insert(value, inputs) : inputOf(inputs, whole[1]!);
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, inputs));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [insert(key, inputs), interpolate(item, inputs)]),
  );
}
