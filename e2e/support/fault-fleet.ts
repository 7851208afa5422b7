import { sampleCommand, waitFor, type Fleet } from '@org/dte-testing';
import { sampleFleet } from './sample-fleet';

const PROJECTS = 4;

/**
 * The timeouts that these tests wait for, short enough for a test. Everything else is as in production: on a slow
 * machine, an agent must not become late or a coordinator unreachable.
 */
export const SHORT_WAITS = {
  DTE_HEARTBEAT_MS: '300',
  DTE_LEASE_MS: '8000',
  DTE_COORDINATOR_GRACE_MS: '3000',
  DTE_DRAIN_MS: '1000',
};

/** The command of these tests: `hold` waits until the gate `go` is open, `after` needs its files. */
export const HELD = ['run-many', '-t', 'after', '--parallel=1', '--output-style=static'];

export const HELD_TASKS = Array.from({ length: PROJECTS }, (_, index) => `held${index + 1}`).flatMap(
  (name) => [`${name}:after`, `${name}:hold`],
);

/** Projects whose first task ends only when the test lets it. */
export function faultFleet(): Fleet {
  const projects = Object.fromEntries(
    Array.from({ length: PROJECTS }, (_, index) => {
      const name = `held${index + 1}`;
      const file = `dist/libs/${name}/held.txt`;
      return [
        name,
        {
          root: `libs/${name}`,
          targets: {
            hold: { command: sampleCommand(`${name}:hold`, { until: 'go', writes: file }) },
            after: {
              command: sampleCommand(`${name}:after`, { needs: file, writes: `dist/libs/${name}/after.txt` }),
            },
            // Fails when the gate opens.
            wrong: {
              command: sampleCommand(`${name}:wrong`, { until: 'go', exit: name === 'held1' ? 5 : 0 }),
            },
            bulk: {
              command: sampleCommand(`${name}:bulk`, { kb: 1500, writes: `dist/libs/${name}/bulk.txt` }),
            },
          },
        },
      ];
    }),
  );
  const shown = { root: 'libs/shown', targets: { show: { command: 'echo stage=$STAGE.' } } };
  return sampleFleet({
    projects: { ...projects, shown },
    targetDefaults: {
      hold: { cache: true, outputs: ['{workspaceRoot}/dist/{projectRoot}/held.txt'] },
      after: { cache: true, dependsOn: ['hold'], outputs: ['{workspaceRoot}/dist/{projectRoot}/after.txt'] },
      bulk: { cache: true, outputs: ['{workspaceRoot}/dist/{projectRoot}/bulk.txt'] },
    },
  });
}

/** Waits until this many tasks run on the named machines and none of them has ended. */
export const tasksHeldOn = async (
  fleet: Fleet,
  machines: readonly string[],
  describe: () => string,
): Promise<void> => {
  await waitFor(
    `a task that waits on each of ${machines.join(', ')}`,
    () =>
      machines.every((name) =>
        fleet.journal().some(({ machine, what }) => machine === name && what === 'start'),
      ),
    { lastState: () => `${JSON.stringify(fleet.journal())}\n${describe()}` },
  );
};
