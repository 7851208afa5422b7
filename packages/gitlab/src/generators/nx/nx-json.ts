import {
  ACCESS_TOKEN,
  DEFAULT_RUNNERS,
  RUNNER,
  RUNNER_OPTIONS,
  runnerOptionsOf,
  VENDOR_RUNNERS,
} from '@org/dte-nx-compat';
import { CACHE_STORES, type CacheStore } from '../../pipeline/options';
import { type Report } from '../workspace/report';
import { asObject, parseJson, removeJson, setJson, type Json } from '../text/json';

const FILE = 'nx.json';
const DEFAULT = RUNNER_OPTIONS.slice(0, -1);

/** With any of these, Nx treats the workspace as the vendor's, or never calls a runner (neverConnectToCloud). */
const DEFEATING: Readonly<Record<string, string>> = {
  nxCloudId: "Nx would contact the vendor's service instead of calling dte",
  nxCloudAccessToken: "Nx would contact the vendor's service instead of calling dte",
  nxCloudEncryptionKey: 'it belongs to nxCloudAccessToken',
  nxCloudUrl: 'it belongs to nxCloudId',
  neverConnectToCloud: 'it disables the runner on Nx 22.7 and later; nothing is contacted without it either',
};

/** Options of a runner entry that Nx itself reads, at least on 20. */
const OPTIONS_OF_NX = [
  'cacheableOperations',
  'parallel',
  'cacheDirectory',
  'skipNxCache',
  'useDaemonProcess',
];

function removeDefeating(text: string, report: Report): string {
  let edited = text;
  for (const [name, why] of Object.entries(DEFEATING)) {
    if (!(name in parseJson(edited))) continue;
    edited = removeJson(edited, [name]);
    report.change(FILE, `removed ${name}: ${why}`);
  }
  for (const [name, entry] of Object.entries(asObject(parseJson(edited)['tasksRunnerOptions']))) {
    if (name === 'default' || !VENDOR_RUNNERS.includes(String(asObject(entry)['runner']))) continue;
    edited = removeJson(edited, ['tasksRunnerOptions', name]);
    report.change(
      FILE,
      `removed tasksRunnerOptions.${name}: if the vendor's runner is configured anywhere, Nx contacts the vendor`,
    );
  }
  return edited;
}

/** The remaining options of the entry; dte would not know those of another runner. */
function keptOptions(entry: Json, report: Report): Json {
  const options = asObject(entry['options']);
  const { runner } = entry;
  const isOurs = runner === undefined || runner === RUNNER;
  const names = Object.keys(options).filter((name) => name !== 'accessToken');
  const kept = names.filter((name) => isOurs || OPTIONS_OF_NX.includes(name));
  const dropped = names.filter((name) => !kept.includes(name));
  if (dropped.length > 0)
    report.dropped(FILE, `options of the runner ${String(runner)}: ${dropped.join(', ')}`);
  return Object.fromEntries(kept.map((name) => [name, options[name]]));
}

function setRunner(text: string, report: Report): string {
  const entry = asObject(asObject(parseJson(text)['tasksRunnerOptions'])['default']);
  const options = asObject(entry['options']);
  if (entry['runner'] === RUNNER && options['accessToken']) return text;
  const previous = entry['runner'];
  const value = {
    ...entry,
    runner: RUNNER,
    options: { ...keptOptions(entry, report), accessToken: ACCESS_TOKEN },
  };
  if (typeof previous === 'string' && ![RUNNER, ...VENDOR_RUNNERS, ...DEFAULT_RUNNERS].includes(previous)) {
    report.dropped(
      FILE,
      `the runner ${previous}: only one can be called (Nx 21 and later did not call it either)`,
    );
  }
  report.change(
    FILE,
    `tasksRunnerOptions.default.runner is ${RUNNER}, accessToken is the switch that Nx requires`,
  );
  return setJson(text, DEFAULT, value);
}

/** Adds names to options.forwardEnv: the equivalent of the vendor's --with-env-vars. */
function forward(text: string, names: readonly string[], report: Report): string {
  const options = runnerOptionsOf(parseJson(text));
  const before = Array.isArray(options['forwardEnv']) ? options['forwardEnv'].map(String) : [];
  const added = names.filter((name) => !before.includes(name));
  if (added.length === 0) return text;
  report.change(FILE, `forwardEnv has ${added.join(', ')}, from with-env-vars`);
  return setJson(text, [...DEFAULT, 'options', 'forwardEnv'], [...before, ...added]);
}

/** What the vendor's lines and files ask of nx.json, and the flags. */
export interface Wishes {
  readonly forwardEnv: readonly string[];
  readonly stopOnFailure: boolean;
  /** The option `cache`; `none`: without it. */
  readonly cache: CacheStore;
}

/** The equivalent of the vendor's `fail-after: 1`. */
function stopOnFailure(text: string): string {
  const path = [...DEFAULT, 'options', 'stopAgentsOnFailure'];
  return 'stopAgentsOnFailure' in runnerOptionsOf(parseJson(text)) ? text : setJson(text, path, true);
}

const CACHE = [...DEFAULT, 'options', 'cache'];

/** The option `cache` of nx.json; null if it is not set, or to something unknown. */
export function cacheIn(text: string): CacheStore | null {
  const value = runnerOptionsOf(parseJson(text))['cache'];
  return CACHE_STORES.find((store) => store === value) ?? null;
}

function setCache(text: string, cache: CacheStore, report: Report): string {
  const before = cacheIn(text);
  if ((before ?? 'none') === cache) return text;
  report.change(
    FILE,
    cache === 'none' ? 'the option cache is not set any more' : `the option cache is ${cache}`,
  );
  return cache === 'none' ? removeJson(text, CACHE) : setJson(text, CACHE, cache);
}

/** nx.json with our runner, and without settings that keep Nx from calling it. */
export function setUpNxJson(text: string, wishes: Wishes, report: Report): string {
  const forwarded = forward(setRunner(removeDefeating(text, report), report), wishes.forwardEnv, report);
  const stopping = wishes.stopOnFailure ? stopOnFailure(forwarded) : forwarded;
  const edited = setCache(stopping, wishes.cache, report);
  const globals = asObject(parseJson(edited)['namedInputs'])['sharedGlobals'];
  if (Array.isArray(globals) && globals.includes('{workspaceRoot}/.gitlab-ci.yml')) {
    report.hand(
      FILE,
      'namedInputs.sharedGlobals has {workspaceRoot}/.gitlab-ci.yml: every edit of the pipeline makes every task run again. Remove it unless you want that',
    );
  }
  return edited;
}

/** nx.json without our runner, and without objects that contained only it. */
export function tearDownNxJson(text: string): string {
  const runners = asObject(parseJson(text)['tasksRunnerOptions']);
  if (asObject(runners['default'])['runner'] !== RUNNER) return text;
  return removeJson(text, Object.keys(runners).length === 1 ? ['tasksRunnerOptions'] : DEFAULT);
}

export function defaultBranch(nxJson: string): string | null {
  const json = parseJson(nxJson);
  const base = json['defaultBase'] ?? asObject(json['affected'])['defaultBase'];
  return typeof base === 'string' && base !== '' ? base.replace(/^origin\//, '') : null;
}
