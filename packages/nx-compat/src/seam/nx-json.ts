import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

/** Where the options of the tasks runner are in nx.json. */
export const RUNNER_OPTIONS = ['tasksRunnerOptions', 'default', 'options'] as const;

/** Those of them that Nx itself reads, on 20 at least; the rest is ours. `accessToken` is the switch that makes Nx call a runner. */
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

/** What of nx.json concerns us. */
export interface NxJsonFacts {
  /** `{}` when there are none. */
  readonly runnerOptions: Readonly<Json>;
  /** The branch that `nx affected` compares with where nobody says otherwise. */
  readonly defaultBase: string | undefined;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The options of the runner; `{}` where nx.json has none. What is no object there counts as nothing. */
export function runnerOptionsOf(nxJson: Readonly<Json>): Readonly<Json> {
  let at: unknown = nxJson;
  for (const name of RUNNER_OPTIONS) at = isObject(at) ? at[name] : undefined;
  return isObject(at) ? at : {};
}

/** Nx allows comments and trailing commas in nx.json; strings are left as they are. */
const withoutComments = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
      found.startsWith('"') ? found : ' ',
    )
    .replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (found) => (found.startsWith('"') ? found : ''));

/** @throws Error when it is no JSON, comments and trailing commas aside, or no object */
export function parseNxJson(text: string): Json {
  const value: unknown = JSON.parse(withoutComments(text));
  if (!isObject(value)) throw new TypeError('It is no object.');
  return value;
}

/** What is there must be of the right kind: an option that is silently lost is worse than an error. */
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
 * nx.json of a workspace; nothing is in it when there is none.
 * @throws Error that names the file, when it cannot be read as JSON of an Nx workspace
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
