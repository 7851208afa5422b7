import {
  DEFAULT_SESSION_SETTINGS,
  type ErrorCode,
  type MainSync,
  type Reason,
  type SessionSettings,
} from '@org/dte-protocol';
import { isDeepStrictEqual } from 'node:util';
import { describe as describeSession } from '../describe';
import { checkRun } from '../graph';
import type { AgentJoin, Effects, Input, SchedulerConfig } from '../interface';
import { createState, type SchedulerState } from '../state';
import { step } from '../step';
import { type Command, parseCommand, parseRun, parseWork } from './scenario-parse';
import { printEffects } from './scenario-print';

const CONFIG: SchedulerConfig = {
  leaseMs: 30_000,
  agentReturnMs: 15_000,
  mainLostMs: 60_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
  releaseIdleMs: 30_000,
  reserveSlots: 1,
};

const START_MS = 1_000_000;

/**
 * Runs a scenario and returns it with the actual results: blocks of commands, `----`, and their results, separated by
 * empty lines. A line that begins with `#` is a comment. After every block, all inputs so far are replayed, which must
 * give the same state.
 */
export function runScenario(text: string): string {
  const scenario = new Scenario();
  const blocks = text
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .filter(Boolean);
  return blocks.map((block) => scenario.runBlock(block)).join('\n\n') + '\n';
}

class Scenario {
  #config = CONFIG;
  #state: SchedulerState = createState(CONFIG, 's1');
  #nowMs = START_MS;
  #wakeAtMs: number | null = null;
  /** In the format of the journal: as text. */
  readonly #journal: [string, number][] = [];
  readonly #seqs = new Map<string, number>();

  runBlock(block: string): string {
    const [before = ''] = block.split(/^----$/m);
    const input = before.trimEnd();
    const commands = input.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    if (commands.length === 0) return input;
    const output = commands.flatMap((line) => this.#run(parseCommand(line)));
    this.#checkReplay();
    return [input, '----', ...(output.length === 0 ? ['(nothing)'] : output)].join('\n');
  }

  #run(command: Command): string[] {
    const input = this.#inputOf(command);
    return input === null ? this.#act(command) : this.#give(input);
  }

  /** The input that a command sends to the scheduler directly; null for any other command. */
  #inputOf(command: Command): Input | null {
    const { name, words } = command;
    const [who = ''] = words;
    switch (name) {
      case 'settings':
        return { type: 'session.configure', settings: settingsOf(command) };
      case 'join':
        this.#seqs.set(who, 0);
        return { type: 'agent.joined', agent: agentOf(command) };
      case 'sync':
        return { type: 'agent.sync', agentId: who, sync: this.#agentSync(command) };
      case 'drop':
        return { type: 'agent.disconnected', agentId: who };
      case 'remove':
        return { type: 'agent.removed', agentId: who, reason: reasonOf(words[1]) };
      case 'refuse':
        return { type: 'agent.refused', name: who, reason: reasonOf(words[1]) };
      case 'main':
        return { type: 'main.sync', sync: mainSyncOf(command) };
      case 'main-drop':
        return { type: 'main.disconnected', runId: who };
      case 'main-in':
        return { type: 'main.connected' };
      case 'main-out':
        return { type: 'main.left' };
      case 'complete':
        return { type: 'session.complete' };
      case 'restored':
        return { type: 'session.restored' };
      default:
        return null;
    }
  }

  #act(command: Command): string[] {
    const { name, words, options } = command;
    const ms = Number(words[0] ?? '');
    switch (name) {
      case 'config':
        for (const [key, value] of Object.entries(options))
          this.#config = { ...this.#config, [key]: Number(value) };
        this.#state = createState(this.#config, 's1');
        return [];
      case 'submit':
        return this.#submit(command);
      case 'advance':
        return this.#advance(ms);
      case 'freeze':
        // Time passes without a tick.
        this.#nowMs += ms;
        return [];
      case 'clock':
        this.#nowMs += ms;
        return this.#give({ type: 'tick' });
      case 'wake':
        return [this.#wakeAtMs === null ? 'wake never' : `wake in ${this.#wakeAtMs - this.#nowMs} ms`];
      case 'status':
        return this.#status();
      default:
        throw new Error(`Not a command: ${name}`);
    }
  }

  #submit(command: Command): string[] {
    const spec = parseRun(command);
    const error = checkRun(spec);
    if (error !== null) return [`${error.code} ${error.message}`];
    const flaky = command.options['flaky']?.split(',');
    const lateMs = command.options['late']?.split(',').map((ms) => (ms === '-' ? null : Number(ms)));
    const submitted = this.#give({
      type: 'run.submit',
      spec,
      ...(flaky === undefined ? {} : { flaky }),
      ...(lateMs === undefined ? {} : { lateMs }),
      ...(command.words.includes('learnt') ? { learntMs: spec.tasks.map(({ weight }) => weight) } : {}),
    });
    if (command.words.includes('unfollowed')) return submitted;
    const sync: MainSync = { type: 'main.sync', runId: spec.runId, ackSeq: 0, want: 'follow' };
    return [...submitted, ...this.#give({ type: 'main.sync', sync })];
  }

  #agentSync({ words: [who = '', ...flags], options, rest }: Command) {
    const seq = Number(options['seq'] ?? (this.#seqs.get(who) ?? 0) + 1);
    this.#seqs.set(who, seq);
    return {
      type: 'agent.sync' as const,
      seq,
      slots: numberOr(options['slots'], this.#state.agents.get(who)?.slots ?? null),
      draining: flags.includes('drain'),
      work: parseWork(rest, this.#nowMs),
    };
  }

  /** Lets time pass, with a tick whenever the last step asked for one, and one at the end. */
  #advance(byMs: number): string[] {
    const untilMs = this.#nowMs + byMs;
    const lines: string[] = [];
    while (this.#wakeAtMs !== null && this.#wakeAtMs <= untilMs) {
      this.#nowMs = Math.max(this.#nowMs, this.#wakeAtMs);
      lines.push(...this.#give({ type: 'tick' }));
    }
    this.#nowMs = untilMs;
    return [...lines, ...this.#give({ type: 'tick' })];
  }

  #give(input: Input): string[] {
    this.#journal.push([JSON.stringify(input), this.#nowMs]);
    const effects: Effects = step(this.#state, input, this.#nowMs);
    this.#wakeAtMs = effects.wakeAtMs;
    return printEffects(effects);
  }

  #status(): string[] {
    const { state, runs } = describeSession(this.#state);
    const lines = runs.map(
      (run) => `run ${run.runId} ${run.state} done=${run.done}/${run.total} failed=${run.failed}`,
    );
    return [`session ${state}`, ...lines];
  }

  #checkReplay(): void {
    const again = createState(this.#config, 's1');
    for (const [input, nowMs] of this.#journal) step(again, JSON.parse(input) as Input, nowMs);
    if (!isDeepStrictEqual(again, this.#state)) throw new Error('Replaying the inputs led to another state.');
  }
}

const settingsOf = ({ words, options }: Command): SessionSettings => ({
  ...DEFAULT_SESSION_SETTINGS,
  stopAgentsAfter: options['stop-after']?.split(',') ?? [],
  stopAgentsOnFailure: words.includes('stop-on-failure'),
  requireExplicitCompletion: words.includes('explicit'),
  ...(words.includes('held') ? { held: true } : {}),
  ...(words.includes('early') ? { releaseEarly: true } : {}),
});

const agentOf = ({ words: [who = ''], options }: Command): AgentJoin => ({
  agentId: who,
  name: who,
  jobUrl: null,
  slots: numberOr(options['slots'], null),
  labels: options['labels']?.split(',') ?? [],
  ...(options['spare'] === undefined ? {} : { spare: Number(options['spare']) }),
  ...(options['only'] === undefined ? {} : { onlyRun: options['only'] }),
});

const mainSyncOf = ({ words: [who = '', want = 'follow'], options }: Command): MainSync => ({
  type: 'main.sync',
  runId: who,
  ackSeq: Number(options['ack'] ?? 0),
  want: want as MainSync['want'],
});

const numberOr = <T>(text: string | undefined, otherwise: T): number | T =>
  text === undefined ? otherwise : Number(text);

const reasonOf = (code = 'DTE_AGENT_LEFT'): Reason => ({
  code: code as ErrorCode,
  message: `because of ${code}`,
});
