import { execFileSync } from 'node:child_process';

/** What a task looks for, and whoever reads the disks later. */
export const CANARY = 'canary-of-the-secret-7c11';

/**
 * A task that looks for the canary where a task can look: in its own environment, in those that the processes above it were
 * started with and in their command lines; on an agent, where nobody but the agent was given it, in those of all processes of
 * the machine.
 */
export const SPY_SCRIPT = `
const { readdirSync, readFileSync } = require('node:fs');
// Not as one word: this file is on the disk too.
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

/** Files below a folder that hold the canary; not those that were installed. */
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
