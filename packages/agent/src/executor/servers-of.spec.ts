import { type RunSpec, type TaskSpec } from '@org/dte-protocol';
import { runOfTasks } from '@org/dte-testing';
import { type Run } from './run-cache';
import { environmentId } from './run-environment';
import { serverGraphOf, serversOf } from './servers-of';

/** `needs`: task -> servers; an exclamation mark at the end: until it is ready. */
function runOf(needs: Record<string, readonly string[]>): Run {
  const spec: RunSpec = runOfTasks(Object.keys(needs));
  const tasks = spec.tasks.map((task): TaskSpec => {
    const continuousDependencies = (needs[task.id] ?? []).map((name) =>
      name.endsWith('!') ? { id: name.slice(0, -1), waitFor: 'ready' } : { id: name },
    );
    return { ...task, continuousDependencies };
  });
  return { spec, tasks: new Map(tasks.map((task) => [task.id, task])) };
}

const run = runOf({
  'api:serve': [],
  'web:serve': ['api:serve!'],
  'e2e:run': ['web:serve', 'api:serve'],
  'lib:build': [],
});
const task = (id: string): TaskSpec => run.tasks.get(id)!;

it('lists the servers of a task once, dependencies first, and the tasks that wait until they are ready', () => {
  const values = { STAGE: 'staging' };
  const identity = `${environmentId(values)} {}`;
  expect(serversOf(run, task('e2e:run'), values)).toEqual({
    servers: [
      { taskId: 'api:serve', identity, needs: [] },
      { taskId: 'web:serve', identity, needs: [{ taskId: 'api:serve', untilReady: true }] },
    ],
    needs: [
      { taskId: 'web:serve', untilReady: false },
      { taskId: 'api:serve', untilReady: false },
    ],
  });
});

it('is empty for a task that needs none', () => {
  expect(serversOf(run, task('lib:build'), {})).toBeNull();
});

it('distinguishes servers of commands with different values', () => {
  const identityWith = (stage: string) =>
    serversOf(run, task('e2e:run'), { STAGE: stage })?.servers.map(({ identity }) => identity);
  expect(identityWith('staging')).toEqual(identityWith('staging'));
  expect(identityWith('staging')).not.toEqual(identityWith('production'));
});

it('passes the waiting tasks to a server, so that Nx can decide whether it has to become ready', () => {
  const graph = serverGraphOf(run, 'api:serve');
  expect(Object.keys(graph.tasks).sort()).toEqual(['api:serve', 'e2e:run', 'web:serve']);
  expect(graph.continuousDependencies['web:serve']).toEqual([{ id: 'api:serve', waitFor: 'ready' }]);
});
