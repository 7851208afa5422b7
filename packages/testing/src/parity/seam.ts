import { distributedNxJson, plainNxJson } from '@org/dte-parity';
import type { Machine } from '../workspace';

async function rewrite(machine: Machine, change: (nxJson: string) => string): Promise<void> {
  const before = machine.read('nx.json');
  const text = change(before);
  if (text !== before) machine.write('nx.json', text);
  // Git does not see the change to nx.json: commits, changes and affected projects are those of the other machines.
  const exit = await machine.run('git', ['update-index', '--skip-worktree', 'nx.json'], { name: 'git' });
  if (exit.code !== 0) throw new Error(`git update-index failed:\n${exit.output}`);
}

/** The workspace unchanged, except that a vendor's service is disabled: nothing is sent to anybody. */
export const makePlain = (machine: Machine): Promise<void> => rewrite(machine, plainNxJson);

/** nx.json as `setup-gitlab` writes it. */
export const makeDistributed = (machine: Machine): Promise<void> => rewrite(machine, distributedNxJson);
