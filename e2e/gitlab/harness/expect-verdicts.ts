import type { Verdict } from './interpreter';
import type { PipelineRun } from './pipeline-run';

/**
 * Compares the results of a pipeline's jobs. On failure, it prints the end of the pipeline's log, and that of each job
 * with an unexpected result.
 * @param partial jobs that are not named may have any result
 */
export function expectVerdicts(
  run: PipelineRun,
  expected: Readonly<Record<string, Verdict>>,
  { partial = false } = {},
): void {
  const { verdicts } = run;
  const jobs = Object.keys(partial ? expected : { ...verdicts, ...expected });
  const wrong = jobs.filter((job) => verdicts[job] !== expected[job]);
  if (wrong.length === 0) return;
  const lines = wrong.map(
    (job) => `${job}: ${expected[job] ?? 'no such job'} expected, ${verdicts[job] ?? 'none'} received`,
  );
  // The interpreter reports the end of an after_script as a separate job, whose name starts with the job's name.
  const logs = wrong.map((job) => `---- ${job} ----\n${run.log(job.replace(/ +after_script$/, ''))}`);
  throw new Error([...lines, run.describe(), ...logs].join('\n'));
}
