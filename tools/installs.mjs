// npm run installs [-- --managers=npm,pnpm,yarn --nx=20.8.4,22.7.12,24.0.6]: installs @org/dte as users do, from a registry,
// with each package manager, beside each Nx version, with @nx/devkit and without. Every install must succeed, bring no
// second Nx, and leave a workspace in which the generator runs.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { registryFiles, startRegistry } from './lib/registry.mjs';
import { packAll } from './pack.mjs';

const { values } = parseArgs({
  options: {
    managers: { type: 'string', default: 'npm,pnpm,yarn' },
    nx: { type: 'string', default: '20.8.4,22.7.12,24.0.6' },
  },
});

/** A slow registry is no failure; a package manager that hangs is one. */
const INSTALL_MS = 10 * 60_000;

/** The versions that fit Node 20, run by npx so that nothing has to be installed on the machine. */
const COMMANDS = {
  npm: ['npm', 'install'],
  pnpm: ['npx', '--yes', 'pnpm@10', 'install', '--no-frozen-lockfile'],
  yarn: ['npx', '--yes', '@yarnpkg/cli-dist@4', 'install', '--no-immutable'],
};
const LOCKS = { npm: 'package-lock.json', pnpm: 'pnpm-lock.yaml', yarn: 'yarn.lock' };

// Yarn keeps what an earlier run's registry said of our packages.
const yarnFolder = mkdtempSync(join(tmpdir(), 'dte-yarn-'));

function run([command, ...args], cwd) {
  return new Promise((resolve) => {
    const env = {
      ...process.env,
      YARN_GLOBAL_FOLDER: yarnFolder,
      CI: 'true',
      NX_DAEMON: 'false',
      NO_COLOR: '1',
      NX_SKIP_NX_CACHE: 'true',
    };
    const child = spawn(command, args, { cwd, env, timeout: INSTALL_MS });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    child.on('error', (error) => resolve({ code: 127, text: error.message }));
    child.on('close', (code) => resolve({ code, text }));
  });
}

/** Every installed copy of Nx below a folder of packages, as `version path`. */
function nxCopies(folder) {
  const found = [];
  const visit = (at) => {
    const manifest = join(at, 'nx', 'package.json');
    if (existsSync(manifest)) found.push(JSON.parse(readFileSync(manifest, 'utf8')).version);
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const path = join(at, entry.name);
      if (entry.name.startsWith('@') || entry.name === '.pnpm') visit(path);
      else if (existsSync(join(path, 'node_modules'))) visit(join(path, 'node_modules'));
    }
  };
  visit(join(folder, 'node_modules'));
  return [...new Set(found)];
}

async function tryOne({ manager, nx, devkit }, url) {
  const root = mkdtempSync(join(tmpdir(), 'dte-install-'));
  try {
    const devDependencies = { '@org/dte': '*', nx };
    // Of the same major: not every release of Nx has a devkit of the same number in every registry.
    if (devkit) devDependencies['@nx/devkit'] = nx.split('.')[0];
    const files = {
      ...registryFiles(url),
      'package.json': JSON.stringify({ name: 'shop', private: true, devDependencies }, null, 2),
      'nx.json': '{}\n',
      'libs/a/project.json': '{ "name": "a", "targets": { "build": { "command": "true" } } }\n',
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    // Yarn takes an outer folder's project for this one unless it has a lockfile of its own.
    if (manager === 'yarn') writeFileSync(join(root, LOCKS.yarn), '');
    const installed = await run(COMMANDS[manager], root);
    if (installed.code !== 0) return [`install ended with ${installed.code}`, installed.text.slice(-2_000)];
    const problems = [];
    const copies = nxCopies(root);
    if (copies.length !== 1 || copies[0] !== nx) problems.push(`installed nx: ${copies.join(', ')}`);
    const hasDevkit = existsSync(join(root, 'node_modules/@nx/devkit'));
    if (hasDevkit !== devkit) problems.push(`@nx/devkit is ${hasDevkit ? '' : 'not '}installed`);
    for (const line of installed.text.split('\n'))
      if (/ERESOLVE|unmet peer|incorrect peer|YN0002.*dte|YN0060|YN0086/.test(line))
        problems.push(line.trim());
    const nxFolder = join(root, 'node_modules/nx');
    const { bin } = JSON.parse(readFileSync(join(nxFolder, 'package.json'), 'utf8'));
    const nxCommand = ['node', join(nxFolder, bin.nx)];
    const generated = await run([...nxCommand, 'g', '@org/dte:setup-gitlab', '--dry-run'], root);
    if (generated.code !== 0 || !generated.text.includes('.gitlab-ci.yml'))
      problems.push(`the generator ended with ${generated.code}`, generated.text.slice(-2_000));
    return problems;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const registry = await startRegistry(await packAll());
let failed = 0;
let tried = 0;
try {
  for (const manager of values.managers.split(','))
    for (const nx of values.nx.split(','))
      for (const devkit of [false, true]) {
        const startedMs = Date.now();
        const problems = await tryOne({ manager, nx, devkit }, registry.url);
        tried += 1;
        if (problems.length > 0) failed += 1;
        const seconds = Math.round((Date.now() - startedMs) / 1000);
        const name = `${manager.padEnd(4)}  nx ${nx.padEnd(8)} ${devkit ? 'with @nx/devkit' : 'alone'}`;
        console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(36)} ${seconds} s`);
        for (const problem of problems) console.log(problem.replace(/^/gm, '        '));
      }
} finally {
  await registry.close();
  rmSync(yarnFolder, { recursive: true, force: true });
}
console.log(`installs: ${JSON.stringify({ tried, failed })}`);
process.exitCode = failed === 0 ? 0 : 1;
