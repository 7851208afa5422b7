import { Ajv, type ValidateFunction } from 'ajv';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { parseAllDocuments } from 'yaml';

export type Yaml = null | string | number | boolean | Yaml[] | { [key: string]: Yaml };
export type Mapping = Record<string, Yaml>;

/** GitLab's own schema of `.gitlab-ci.yml`, from gitlab-ci-local: an ES module, which jest does not load. */
function schemaOfGitlab(): object {
  const source = readFileSync(require.resolve('gitlab-ci-local/src/schema/schema.js'), 'utf8');
  const sandbox: { schema?: unknown } = {};
  runInNewContext(source.replace('export const schema', 'globalThis.schema'), sandbox);
  // Some code does not recognize objects of another context.
  return JSON.parse(JSON.stringify(sandbox.schema)) as object;
}

let compiled: ValidateFunction | undefined;

/** Violations of GitLab's schema in a document; empty if it is valid. */
export function schemaProblems(document: Yaml): string[] {
  // The only formats are of addresses, and we write none.
  compiled ??= new Ajv({ strict: false, validateFormats: false }).compile(schemaOfGitlab());
  if (compiled(document)) return [];
  return (compiled.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

/** The documents of a text as GitLab parses them (YAML 1.1); throws on syntax errors and warnings. */
export function documents(text: string): Mapping[] {
  const parsed = parseAllDocuments(text, { version: '1.1', strict: true });
  if (!Array.isArray(parsed)) throw new Error('an empty text');
  return parsed.map((document) => {
    const [trouble] = [...document.errors, ...document.warnings];
    if (trouble !== undefined) throw trouble;
    return document.toJS() as Mapping;
  });
}

export const isMapping = (value: Yaml | undefined): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Mappings are merged, everything else is replaced: GitLab's semantics of `include` and `extends`. */
export function merge(below: Mapping, above: Mapping): Mapping {
  const result = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = result[key];
    result[key] = isMapping(old) && isMapping(value) ? merge(old, value) : value;
  }
  return result;
}

const NOT_JOBS = ['include', 'stages', 'variables', 'workflow', 'default', 'spec'];

/** A text, or a list of texts. */
const texts = (value: Yaml): string[] => [value].flat().filter((item) => typeof item === 'string');

/** A job with the jobs it extends. */
function resolved(pipeline: Mapping, name: string): Mapping {
  const job = pipeline[name];
  if (!isMapping(job)) throw new Error(`no job ${name}`);
  const { extends: parents = [], ...own } = job;
  return texts(parents)
    .map((parent) => resolved(pipeline, parent))
    .concat(own)
    .reduce(merge, {});
}

/** The jobs of a pipeline, with `extends` resolved and without hidden ones. Throws if one extends a job that does not exist. */
export const jobsOf = (pipeline: Mapping): Record<string, Mapping> =>
  Object.fromEntries(
    Object.keys(pipeline)
      .filter((name) => !NOT_JOBS.includes(name) && !name.startsWith('.'))
      .map((name) => [name, resolved(pipeline, name)]),
  );

/** Validates a pipeline with the schema, before and after `extends`, and with GitLab's further checks. */
export function pipelineProblems(pipeline: Mapping): string[] {
  const jobs = jobsOf(pipeline);
  const globals = Object.fromEntries(Object.entries(pipeline).filter(([key]) => NOT_JOBS.includes(key)));
  const beyond = Object.entries(jobs).flatMap(([name, job]) => [
    ...texts(job['needs'] ?? [])
      .filter((need) => !(need in jobs))
      .map((need) => `${name} needs ${need}, which is no job`),
    ...('script' in job === 'trigger' in job ? [`${name} has script and trigger, or neither`] : []),
  ]);
  return [...schemaProblems(pipeline), ...schemaProblems({ ...globals, ...jobs }), ...beyond];
}
