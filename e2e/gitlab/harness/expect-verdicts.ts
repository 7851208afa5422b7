import type { Verdict } from './interpreter';
import type { PipelineRun } from './pipeline-run';

/**
 * Compares how the jobs of a pipeline have ended, and a failure shows the end of the pipeline's log, and that of each job with
 * another verdict.
 * @param partial jobs that are not named may have ended in any way
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
  // The interpreter writes the end of an after_script as a job of its own, in whose name the job's comes first.
  const logs = wrong.map((job) => `---- ${job} ----\n${run.log(job.replace(/ +after_script$/, ''))}`);
  throw new Error([...lines, run.describe(), ...logs].join('\n'));
}
