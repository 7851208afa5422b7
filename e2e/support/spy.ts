import { execFileSync } from 'node:child_process';

/** The value that a task looks for, and that tests look for on the disks later. */
export const CANARY = 'canary-of-the-secret-7c11';

/**
 * A task that looks for the canary wherever a task can: in its own environment, in the initial environments and command
 * lines of its parent processes, and, on an agent, in those of all processes of the machine, where only the agent got
 * it.
 */
export const SPY_SCRIPT = `
const { readdirSync, readFileSync } = require('node:fs');
// Not as one word, because this file is on the disk too.
const canary = ${JSON.stringify(CANARY.split('-'))}.join('-');
const read = (pid, file) => {
  try {
    return readFileSync('/proc/' + pid + '/' + file, 'latin1');
  } catch {
    return '';
  }
};
const parentOf = (pid) => Number(read(pid, 'stat').replace(/^.*\\) . /s, '').split(' ')[0]);
const pids = new Set();
for (let pid = process.pid; pid > 1; pid = parentOf(pid)) pids.add(pid);
if (process.env.MACHINE !== 'main')
  for (const name of readdirSync('/proc'))
    if (/^[0-9]+$/.test(name) && read(name, 'environ').includes('HOME=' + process.env.HOME)) pids.add(Number(name));
const seen = [...pids].filter((pid) => (read(pid, 'environ') + read(pid, 'cmdline')).includes(canary));
if (JSON.stringify(process.env).includes(canary)) seen.push('my environment');
console.log('spy on ' + process.env.MACHINE + ' looked at ' + (pids.size > 2) + ', found: ' + (seen.join() || 'nothing'));
process.exitCode = seen.length;
`;

/** Files below a folder that contain the canary, without installed ones. */
export function filesWithCanary(folder: string): string[] {
  try {
    const args = ['-rlF', '--exclude-dir=node_modules', '--', CANARY, folder];
    return execFileSync('grep', args, { encoding: 'utf8' }).trim().split('\n');
  } catch (thrown) {
    // 1: nothing found.
    if ((thrown as { status?: number }).status === 1) return [];
    throw thrown;
  }
}
