import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

/** Where the options of the tasks runner are in nx.json. */
export const RUNNER_OPTIONS = ['tasksRunnerOptions', 'default', 'options'] as const;

/** Those that Nx itself reads, at least on 20; the others are options of dte. `accessToken` is the switch that makes Nx call a runner. */
export const OPTIONS_OF_NX: readonly string[] = [
  'accessToken',
  'cacheableOperations',
  'parallel',
  'cacheDirectory',
  'skipNxCache',
  'useDaemonProcess',
  'captureStderr',
  'runtimeCacheInputs',
];

/** The parts of nx.json that we use. */
export interface NxJsonFacts {
  /** `{}` if there are none. */
  readonly runnerOptions: Readonly<Json>;
  /** The default base branch of `nx affected`. */
  readonly defaultBase: string | undefined;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The options of the runner; `{}` if nx.json has none. A value that is not an object is ignored. */
export function runnerOptionsOf(nxJson: Readonly<Json>): Readonly<Json> {
  let at: unknown = nxJson;
  for (const name of RUNNER_OPTIONS) at = isObject(at) ? at[name] : undefined;
  return isObject(at) ? at : {};
}

/** Nx allows comments and trailing commas in nx.json; strings are unchanged. */
const withoutComments = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
      found.startsWith('"') ? found : ' ',
    )
    .replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (found) => (found.startsWith('"') ? found : ''));

/** @throws Error if it is not valid JSON (except for comments and trailing commas), or not an object */
export function parseNxJson(text: string): Json {
  const value: unknown = JSON.parse(withoutComments(text));
  if (!isObject(value)) throw new TypeError('It is no object.');
  return value;
}

/** Existing values must have the right type: a silently ignored option is worse than an error. */
function checked(nxJson: Json): NxJsonFacts {
  let at: Json = nxJson;
  for (const [index, name] of RUNNER_OPTIONS.entries()) {
    const value = at[name];
    if (value === undefined) break;
    if (!isObject(value))
      throw new TypeError(`${RUNNER_OPTIONS.slice(0, index + 1).join('.')} is no object.`);
    at = value;
  }
  const { defaultBase } = nxJson;
  if (defaultBase !== undefined && (typeof defaultBase !== 'string' || defaultBase === ''))
    throw new TypeError('defaultBase is no name of a branch.');
  return { runnerOptions: runnerOptionsOf(nxJson), defaultBase };
}

/**
 * nx.json of a workspace; empty if there is none.
 * @throws Error that names the file, if it is not valid JSON of an Nx workspace
 */
export function readNxJson(workspaceRoot: string): NxJsonFacts {
  const path = join(workspaceRoot, 'nx.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    text = '{}';
  }
  try {
    return checked(parseNxJson(text));
  } catch (cause) {
    throw new Error(`${path} is not valid JSON for an Nx workspace.`, { cause });
  }
}
