import type {
  AgentWanted,
  Artifact,
  Assignment,
  RunLogEntry,
  RunUpdate,
  SessionInfo,
} from '@org/dte-protocol';
import type { Effects, HistoryEvent, Outgoing } from '../interface';

type Ahead = NonNullable<AgentWanted['ahead']>[number];

/** Events that add nothing to the messages of the same step. */
const SILENT: HistoryEvent['type'][] = ['task.assigned', 'agent.joined', 'run.submitted', 'task.ended'];

/** Effects as lines of a scenario. */
export const printEffects = (effects: Effects): string[] => [
  ...effects.events.filter(({ type }) => !SILENT.includes(type)).map(printEvent),
  ...effects.send.flatMap(printOutgoing),
];

function printEvent(event: HistoryEvent): string {
  switch (event.type) {
    case 'task.lost':
    case 'result.refused': {
      const code = event.type === 'task.lost' ? ` ${event.reason.code}` : '';
      return `${event.type} ${event.runId}/${event.taskId}#${event.attempt} on ${event.agentId}${code}`;
    }
    case 'task.recalled':
    case 'task.retried':
      return `${event.type} ${event.runId}/${event.taskId}#${event.attempt} on ${event.agentId}`;
    case 'task.outrun':
      return `task.outrun ${event.runId}/${event.taskId}#${event.attempt} on ${event.agentId} ${event.end}`;
    case 'task.measured':
      return `task.measured ${event.runId}/${event.taskId} ${event.runMs}`;
    case 'task.ran':
      return `task.ran ${event.runId}/${event.taskId} ${event.hash} ${event.status}`;
    case 'agent.released':
      return `agent.released ${event.agentId} ${event.reason.message}`;
    case 'agent.left':
      return `agent.left ${event.agentId} ${event.reason.code}`;
    case 'agent.disconnected':
      return `agent.disconnected ${event.agentId}`;
    case 'agent.refused':
      return `agent.refused ${event.name} ${event.reason.code}`;
    case 'run.ended':
      return `run.ended ${event.runId} ${event.state}`;
    case 'run.closed':
      return `run.closed ${event.runId}`;
    case 'session.finished':
      return `session.finished ${event.reason.message}`;
    default:
      return event.type;
  }
}

function printOutgoing(outgoing: Outgoing): string[] {
  if (outgoing.to === 'agent') return [printWanted(outgoing.agentId, outgoing.message)];
  if (outgoing.to === 'run') return printUpdate(outgoing.message);
  return [printInfo(outgoing.message)];
}

function printWanted(agentId: string, { seq, assignments, slots, stop, ahead = [] }: AgentWanted): string {
  const head = [`wanted ${agentId}`, ...(seq > 0 ? [`seq=${seq}`] : []), `slots=${slots ?? '-'}`];
  if (stop !== null) head.push(`stop=${stop.code}`);
  return `${head.join(' ')}: ${assignments.length === 0 ? 'nothing' : assignments.map(printAssignment).join(', ')}${ahead.map(printAhead).join('')}`;
}

const printAhead = ({ runId, taskId, attempt, recalled }: Ahead): string =>
  ` | ${recalled === true ? 'recall' : 'ahead'} ${runId}/${taskId}#${attempt}`;

function printAssignment({
  runId,
  taskId,
  attempt,
  parallelism,
  closure,
  retry,
  unbegun,
  members,
}: Assignment): string {
  const needs = closure.map((entry) => `${entry.taskId}@${printArtifact(entry.artifact)}`);
  const alone = parallelism ? '' : ' alone';
  const batch = members === undefined ? '' : ` batch(${members.map((each) => each.taskId).join(' ')})`;
  const fails = retry === undefined ? '' : ` failed=${retry.failed} left=${retry.left}`;
  const first = unbegun === true ? ' unbegun' : '';
  return `${runId}/${taskId}#${attempt}${first}${batch}${alone}${fails}${needs.length > 0 ? ` needs(${needs.join(' ')})` : ''}`;
}

function printArtifact(artifact: Artifact): string {
  if (artifact.kind === 'cache') return artifact.hash;
  return artifact.kind === 'attempt' ? `attempt${artifact.attempt}` : 'none';
}

function printUpdate({ runId, fromSeq, entries, state, summary }: RunUpdate): string[] {
  const { done, total, running, oldestRunning } = summary;
  const oldest = oldestRunning === null ? '' : ` oldest=${oldestRunning.taskId}/${oldestRunning.forMs}ms`;
  return [
    `update ${runId} ${state} after=${fromSeq} done=${done}/${total} running=${running}${oldest}`,
    ...entries.map((entry) => `  ${printEntry(entry)}`),
  ];
}

function printEntry(entry: RunLogEntry): string {
  const head = `${entry.seq} ${entry.type} ${entry.taskId}`;
  if (entry.type === 'started')
    return `${head}#${entry.attempt} on ${entry.agent.agentId}${entry.second === true ? ' second' : ''}`;
  if (entry.type === 'retried')
    return `${head}#${entry.attempt} on ${entry.agent.agentId} ${entry.reason.code}${entry.batchLog === undefined ? '' : ' +log'}`;
  const where = entry.attempt === null ? '' : `#${entry.attempt} on ${entry.agent?.agentId}`;
  return `${head}${where} ${entry.status}${entry.reason === null ? '' : ` ${entry.reason.code}`}${entry.batchLog === undefined ? '' : ' +log'}`;
}

function printInfo({ state, agents, refused }: SessionInfo): string {
  const words = agents.map((agent) => {
    const marks = [agent.connected ? '' : '!', agent.draining ? '~' : ''].join('');
    return `${agent.agentId}${marks}[${agent.running.join(' ')}]`;
  });
  const turnedAway = refused.map(({ name, reason }) => ` refused=${name}/${reason.code}`).join('');
  return `info ${state}: ${words.join(' ') || 'no agents'}${turnedAway}`;
}
