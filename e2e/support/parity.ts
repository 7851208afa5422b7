import {
  DEFAULT_NX_VERSION,
  describeReport,
  type Fleet,
  NX_VERSIONS,
  ParityBench,
  type ParityOptions,
  type ParityReport,
  type Replacement,
} from '@org/dte-testing';

/**
 * Versions of Nx for suites that are too slow to run on all versions for every commit: the default one, all with
 * `PARITY_NX=all`, or those that `PARITY_NX` names.
 */
export const PARITY_VERSIONS: readonly string[] = ((wanted) => {
  if (wanted === undefined || wanted === '') return [DEFAULT_NX_VERSION];
  return wanted === 'all' ? NX_VERSIONS : wanted.split(',');
})(process.env['PARITY_NX']);

/** Sample tasks print on which machine they run. */
const MACHINES: Replacement = [/ on (main|plain|agent-\d+)\b/g, ' on <machine>'];

/** If a workspace has a custom runner, Nx 20.8 prints that custom runners will change, also for an nx inside a task. */
const NOTICE: Replacement = [
  /\n[^\n]*Custom task runners will be replaced[^\n]*\s+[^\n]*custom-tasks-runner\n\n/g,
  '',
];

/** A plain machine, a main job and two agents for one workspace. */
export const openParity = (fleet: Fleet, options: ParityOptions = {}): Promise<ParityBench> =>
  ParityBench.open(fleet, { ...options, replace: [MACHINES, NOTICE, ...(options.replace ?? [])] });

/** Fails with the whole comparison if there is a difference, or if no agent ran anything. */
export function expectParity(report: ParityReport, { distributed = true } = {}): void {
  const [cold] = report.rounds;
  const onAgents = Object.values(cold?.places ?? {}).some((place) => place.startsWith('agent-'));
  if (report.differences === 0 && (!distributed || onAgents)) return;
  const log = cold?.exits.distributed.output.slice(-4000) ?? '';
  const why = report.differences === 0 ? 'No task ran on an agent.' : `${report.differences} differences.`;
  throw new Error(`${why}\n${describeReport(report)}\nThe main job:\n${log}`);
}
