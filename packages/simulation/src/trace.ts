import type { RunSpec, Work } from '@org/dte-protocol';
import type { Effects, HistoryEvent, Input } from '@org/dte-scheduler';
import { START_MS } from './virtual-time';

/** Lines kept: the end of a long run shows the reason. */
const MOST_LINES = 4_000;

/**
 * The inputs of the scheduler, as a scenario of packages/scheduler/scenarios: commands, `----`, their effects. Lines with `#`
 * name the faults. The scenario runs unchanged, and UPDATE_SCENARIOS=1 adds the messages of each step.
 */
export class Trace {
  private readonly lines: string[] = [];
  private lastMs: number | null = null;

  note(text: string): void {
    this.add(`\n# at ${Date.now() - START_MS} ms: ${text}`);
  }

  step(input: Input, atMs: number, { events }: Effects): void {
    const passedMs = this.lastMs === null ? 0 : atMs - this.lastMs;
    this.lastMs = atMs;
    const told = events.map(printEvent);
    const advance = passedMs > 0 ? `advance ${passedMs}\n` : passedMs < 0 ? `clock ${passedMs}\n` : '';
    this.add(`\n${advance}${printInput(input)}\n----\n${told.length === 0 ? '(nothing)' : told.join('\n')}`);
  }

  text(): string {
    return this.lines.join('\n').trimStart();
  }

  private add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > MOST_LINES) this.lines.shift();
  }
}

function printInput(input: Input): string {
  switch (input.type) {
    case 'run.submit':
      return printRun(input.spec);
    case 'agent.joined': {
      const { agentId, slots } = input.agent;
      return `join ${agentId}${slots === null ? '' : ` slots=${slots}`}`;
    }
    case 'agent.sync': {
      const { work, draining, seq } = input.sync;
      const what = work.length === 0 ? 'idle' : work.map(printWork).join(', ');
      return `sync ${input.agentId}${draining ? ' drain' : ''} seq=${seq}: ${what}`;
    }
    case 'agents.heard':
      return `# heard: ${Object.entries(input.agoMs)
        .map(([agentId, agoMs]) => `${agentId} ${agoMs} ms ago`)
        .join(', ')}`;
    case 'agent.disconnected':
      return `drop ${input.agentId}`;
    case 'agent.removed':
      return `remove ${input.agentId} ${input.reason.code}`;
    case 'main.sync':
      return `main ${input.sync.runId} ${input.sync.want} ack=${input.sync.ackSeq}`;
    case 'main.disconnected':
      return `main-drop ${input.runId}`;
    case 'main.connected':
      return 'main-in';
    case 'main.left':
      return 'main-out';
    case 'session.restored':
      return 'restored';
    case 'session.complete':
      return 'complete';
    case 'session.configure':
      return `settings stop-after=${input.settings.stopAgentsAfter.join(',')} early`;
    default:
      return 'advance 0';
  }
}

function printRun({ runId, parallel, nxBail, tasks }: RunSpec): string {
  const list = tasks.map(({ id, dependencies, retries, parallelism, batch, initial }) => {
    const needs = dependencies.map((edge) => edge.id).join(' ');
    const marks = [
      ...(parallelism ? [] : ['alone']),
      ...(initial.state === 'pending' ? [] : [initial.state]),
      ...(retries === undefined ? [] : [`retries=${retries}`]),
      ...(batch === undefined ? [] : [`batch=${batch}`]),
    ].join(' ');
    return `${id}${needs === '' ? '' : `(${needs})`}${marks === '' ? '' : `[${marks}]`}`;
  });
  return `submit ${runId} unfollowed parallel=${parallel}${nxBail ? ' bail' : ''}: ${list.join(' ')}`;
}

function printWork({ runId, taskId, attempt, phase }: Work): string {
  const ref = `${runId}/${taskId}#${attempt}`;
  if (phase.name !== 'completed') return `${phase.name} ${ref}`;
  const { result } = phase;
  if (result.kind === 'returned') return `returned ${ref} ${result.reason.code}`;
  if (result.kind === 'finished') return `${result.status} ${ref}`;
  const members = result.members.map((each) => `${each.taskId}=${each.result?.status ?? 'skipped'}`);
  return `batch ${ref} ${members.join('+')}`;
}

function printEvent(event: HistoryEvent): string {
  const { type } = event;
  const task = 'taskId' in event ? ` ${event.runId}/${event.taskId}` : '';
  const attempt = 'attempt' in event && event.attempt !== null ? `#${event.attempt}` : '';
  const agent = 'agentId' in event ? ` ${task === '' ? '' : 'on '}${event.agentId}` : '';
  const status =
    'status' in event ? ` ${event.status}` : 'state' in event ? ` ${event.runId} ${event.state}` : '';
  const reason = 'reason' in event ? ` ${event.reason.code}` : '';
  return `${type}${task}${attempt}${agent}${status}${reason}`;
}
