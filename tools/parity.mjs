// npm run parity -- <workspace folder> [options of dte parity] -- <nx command>
//
// `dte parity` (docs/explanation/parity.md) with the packages of this repository, in a workspace that need not have them.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { packAll } from './pack.mjs';
import { red } from './lib/terminal.mjs';
import { loadWorkspaceFactory } from './lib/testing.mjs';

async function main([folder, ...args]) {
  if (folder === undefined || folder.startsWith('-'))
    throw new Error('Usage: npm run parity -- <workspace folder> [options of dte parity] -- <nx command>');
  await packAll();
  const { install } = loadWorkspaceFactory();
  const cli = join(install({ nx: null }), 'node_modules/@org/dte/dist/cli/main.js');
  const child = spawn(process.execPath, [cli, 'parity', ...args], { cwd: resolve(folder), stdio: 'inherit' });
  // The terminal sends Ctrl-C to both; this process waits until the copies are deleted.
  process.on('SIGINT', () => undefined).on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((ended, failed) => {
    child.once('error', failed).once('exit', (code) => ended(code ?? 2));
  });
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(red(error.message));
  return 2;
});
