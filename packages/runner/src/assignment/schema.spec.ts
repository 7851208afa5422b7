import Ajv from 'ajv';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rulesFileSchema, rulesJsonSchema } from './schema';

const published = JSON.parse(
  readFileSync(join(__dirname, '../../../dte/schemas/dte.schema.json'), 'utf8'),
) as Record<string, unknown>;

const rule = { targets: ['e2e'], 'run-on': [{ agent: 'linux', parallelism: 2 }] };

const FILES: [what: string, file: unknown, isGood: boolean][] = [
  ['a rule', { 'assignment-rules': [rule] }, true],
  ['the main job', { 'assignment-rules': [{ ...rule, 'run-on': 'main' }] }, true],
  ['another word for agents', { 'assignment-rules': [{ ...rule, 'run-on': 'linux' }] }, false],
  ['the main job in a list', { 'assignment-rules': [{ ...rule, 'run-on': ['main'] }] }, false],
  ['no rules', { 'assignment-rules': [] }, true],
  [
    'all kinds of patterns',
    { 'assignment-rules': [{ ...rule, projects: ['a'], configurations: ['b'] }] },
    true,
  ],
  ['a key too many', { 'assignment-rules': [{ ...rule, agent: 'x' }] }, false],
  ['nothing it is about', { 'assignment-rules': [{ 'run-on': rule['run-on'] }] }, false],
  ['nowhere to run', { 'assignment-rules': [{ targets: ['e2e'] }] }, false],
  ['a label with a blank', { 'assignment-rules': [{ ...rule, 'run-on': [{ agent: 'a b' }] }] }, false],
  ['half a task', { 'assignment-rules': [{ ...rule, 'run-on': [{ agent: 'a', parallelism: 1.5 }] }] }, false],
  ['no key', {}, false],
];

describe('the JSON schema for editors', () => {
  it('equals the shipped file: if not, run `node tools/docs.mjs`', () => {
    expect(published).toEqual(rulesJsonSchema());
  });

  it.each(FILES)('judges a file with %s as the parser does', (_, file, isGood) => {
    const says = new Ajv({ strict: false }).compile(published);
    expect(says(file)).toBe(isGood);
    expect(rulesFileSchema.safeParse(file).success).toBe(isGood);
  });
});
