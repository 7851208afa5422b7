// What the report of a session tells of its last command.

/** @param {object} pipeline whose command has ended */
export async function readRun(pipeline) {
  const { code, stdout, output } = await pipeline.dte(['report', '--format=json'], { name: 'report' });
  if (code !== 0) throw new Error(`There is no report.\n${output}`);
  return JSON.parse(stdout).runs.at(-1);
}

/** The attempts that ran on agents and were measured there, each with its task. */
export const attemptsOfRun = (run) =>
  run.tasks.flatMap((task) =>
    task.attempts.filter(({ measured }) => measured !== null).map((attempt) => ({ ...attempt, task })),
  );
