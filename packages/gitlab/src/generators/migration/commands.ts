import { applySplices, type Splice } from '../text/splice';
import { type Pool } from '../../pipeline/options';
import { kebab, takesWord, translateFlag, type FlagResult } from './flags';
import { wordsFrom, type Word } from './words';

/** One command of the vendor's CLI. */
export interface Rewrite {
  readonly from: string;
  /** Null: dte has no equivalent, and nothing runs instead. */
  readonly to: string | null;
  /** What was removed and why, one line per flag or command. */
  readonly notes: readonly string[];
  readonly forwardEnv: readonly string[];
  /** Number of agents that the vendor would have started for this command. */
  readonly agents: number | null;
  /** The same by launch template; empty if there are none. */
  readonly pools: readonly Pool[];
  /** Files with agents or assignment rules that the command names. */
  readonly files: readonly string[];
}

export interface RewrittenText {
  readonly text: string;
  readonly rewrites: readonly Rewrite[];
}

/** How commands are written. */
export interface Launcher {
  /** How to run programs in node_modules if the vendor's line named no runner: `npx`, `yarn`, `pnpm exec`, `bunx`. */
  readonly run: string;
  /** Flags of `start-ci-run` that come from the vendor's configuration file, which only `start-nx-agents` reads. */
  readonly startFlags: readonly string[];
}

const LAUNCHER = [
  String.raw`npx(?:[ \t]+(?:-y|-q|--yes|--no|--no-install|--quiet|--prefer-offline|--prefer-online))*`,
  String.raw`npm[ \t]+(?:exec|x)(?:[ \t]+(?:-y|--yes|--no))*(?:[ \t]+--)?`,
  String.raw`yarn(?:[ \t]+(?:-s|--silent|dlx|run|exec))*`,
  String.raw`pnpm(?:[ \t]+(?:-s|--silent|exec|dlx|run))*`,
  String.raw`pnpx|bunx(?:[ \t]+--bun)?|bun[ \t]+(?:x|run)`,
].join('|');

/** Commands that `nx` forwards to the vendor's client; all commands of `nx-cloud` are the vendor's. */
const OF_NX =
  'start-ci-run|start-nx-agents|start-workers|start-agent|record|stop-all-agents|complete-ci-run|fix-ci|upload-agent-metrics';

const COMMAND = new RegExp(
  String.raw`(?<![\w./@=-])(?:(?<launcher>${LAUNCHER})[ \t]+)?(?:\.?/?node_modules/\.bin/)?(?:(?:nx-cloud|@nrwl/nx-cloud)(?:@[\w.^~-]+)?[ \t]+(?<vendor>[a-z][a-z-]*)|nx(?:@[\w.^~-]+)?[ \t]+(?<nx>${OF_NX}))(?![\w-])`,
  'g',
);

const NO_COUNTERPART: Readonly<Record<string, string>> = {
  'fix-ci': 'dte does not change your code',
  login: 'there is nothing to log in to',
  logout: 'there is nothing to log in to',
  configure: 'docs/reference/configuration.md lists the options',
  validate: 'run `dte doctor` manually instead',
  'upload-agent-metrics': 'nothing is uploaded; the runner and its machine have metrics of their own',
  'upload-and-show-run-details': 'nothing is uploaded; the log of the main job contains everything',
};

const RENAMED: Readonly<Record<string, string>> = {
  'start-ci-run': 'start-ci-run',
  'start-nx-agents': 'start-ci-run',
  'start-workers': 'start-ci-run',
  'start-agent': 'start-agent',
  record: 'record',
  'stop-all-agents': 'complete-ci-run',
  'complete-ci-run': 'complete-ci-run',
};

/** The runner for a program installed with the workspace. dlx and -y would download one from the registry instead. */
function ownLauncher(launcher: string | undefined, otherwise: string): string {
  if (launcher === undefined) return otherwise;
  if (launcher.startsWith('yarn')) return /-s\b|--silent/.test(launcher) ? 'yarn --silent' : 'yarn';
  if (/^pnp[mx]/.test(launcher)) return 'pnpm exec';
  return launcher.startsWith('bun') ? 'bunx' : 'npx';
}

interface FlagSum {
  readonly kept: string[];
  readonly notes: string[];
  readonly forwardEnv: string[];
  agents: number | null;
  readonly pools: Pool[];
  readonly files: string[];
}

function translateWords(words: readonly Word[]): FlagSum {
  const sum: FlagSum = { kept: [], notes: [], forwardEnv: [], agents: null, pools: [], files: [] };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === undefined) break;
    if (!word.value.startsWith('--')) {
      sum.notes.push(`${word.raw}: dte has no such argument`);
      continue;
    }
    const [, written = '', raw] = /^(--[\w-]+)(?:=([\s\S]*))?$/.exec(word.raw) ?? [];
    const name = kebab(written);
    const next = words[i + 1];
    const separate =
      raw === undefined && takesWord(name) && next !== undefined && !next.value.startsWith('--');
    if (separate) i++;
    const value = separate
      ? next.value
      : raw === undefined
        ? null
        : word.value.slice(word.value.indexOf('=') + 1);
    const result: FlagResult = translateFlag({ name, raw: separate ? next.raw : (raw ?? null), value });
    sum.kept.push(...result.keep);
    if (result.note !== undefined)
      sum.notes.push(`${word.raw}${separate ? ` ${next.raw}` : ''}: ${result.note}`);
    sum.forwardEnv.push(...(result.forwardEnv ?? []));
    sum.pools.push(...(result.pools ?? []));
    if (result.file !== undefined) sum.files.push(result.file);
    if (result.agents !== undefined) sum.agents = (sum.agents ?? 0) + result.agents;
  }
  return sum;
}

interface Found {
  readonly splice: Splice;
  readonly rewrite: Rewrite;
}

const NOTHING = { notes: [], forwardEnv: [], agents: null, pools: [], files: [] };

function rewriteOne(text: string, match: RegExpExecArray, otherwise: Launcher): Found {
  const { launcher, vendor, nx } = match.groups ?? {};
  const command = vendor ?? nx ?? '';
  const behind = match.index + match[0].length;
  const own = RENAMED[command];
  const start = match.index;
  if (own === 'record') {
    const to = `${ownLauncher(launcher, otherwise.run)} dte record`;
    const rewrite = { ...NOTHING, from: match[0], to };
    return { splice: { start, end: behind, text: to }, rewrite };
  }
  const { words, end } = wordsFrom(text, behind);
  const from = text.slice(start, end);
  if (own === undefined) {
    const notes = [`${command}: ${NO_COUNTERPART[command] ?? 'dte has no such command'}`];
    return {
      splice: { start, end, text: 'true' },
      rewrite: { ...NOTHING, from, to: null, notes },
    };
  }
  const { kept, ...sum } = translateWords(words);
  if (command === 'start-nx-agents' || command === 'start-workers') kept.push(...otherwise.startFlags);
  if (own === 'start-ci-run' && !kept.includes('--distribute-on=manual'))
    kept.unshift('--distribute-on=manual');
  const to = [ownLauncher(launcher, otherwise.run), 'dte', own, ...kept].join(' ');
  return { splice: { start, end, text: to }, rewrite: { ...sum, from, to } };
}

/**
 * Rewrites the vendor's commands in shell text to ours, flag by flag. A command without an equivalent becomes `true`,
 * so that `a && b` keeps its meaning; the caller removes whole lines.
 */
export function rewriteCommands(text: string, otherwise: Launcher): RewrittenText {
  const found = [...text.matchAll(COMMAND)].map((match) => rewriteOne(text, match, otherwise));
  return {
    text: applySplices(
      text,
      found.map(({ splice }) => splice),
    ),
    rewrites: found.map(({ rewrite }) => rewrite),
  };
}
