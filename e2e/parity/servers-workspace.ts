import { type FileContent, type Fleet, Fleet as Fleets, install } from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';

/**
 * A server with a fixed address, which is a socket in the workspace: a user finds the one of its own machine, and a second one
 * on the same machine cannot start. It answers with the file that it was built from, as it was when it started.
 *
 *   node tools/server.cjs <name> <file> [after=ms] [dies=ms]
 */
const SERVER = `
const { appendFileSync, readFileSync, rmSync } = require('node:fs');
const { createServer } = require('node:net');
const [name, file, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((arg) => arg.split('=')));
const content = readFileSync(file, 'utf8');
const note = (what) => appendFileSync(process.env.SAMPLE_JOURNAL, JSON.stringify({ id: 'server ' + name, what, machine: process.env.MACHINE, pid: process.pid, at: Date.now() }) + '\\n');
const server = createServer((socket) => socket.end(content));
const leave = (code) => { note('end'); rmSync(name + '.sock', { force: true }); process.exit(code); };
note('start');
console.log(name + ' starts');
setTimeout(() => server.listen(name + '.sock', () => {
  console.log(name + ' listens');
  if (options.dies) setTimeout(() => { console.log(name + ' has no more memory'); leave(4); }, Number(options.dies));
}), Number(options.after || 0));
process.on('SIGTERM', () => leave(0));
`;

/**
 *   node tools/user.cjs <id> <server> [for=ms] [once] asks the server, and again after a while; `once`: it must be there at once
 */
const USER = `
const { appendFileSync } = require('node:fs');
const { connect } = require('node:net');
const { setTimeout: delay } = require('node:timers/promises');
const [id, name, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((arg) => arg.split('=')));
const note = (what) => appendFileSync(process.env.SAMPLE_JOURNAL, JSON.stringify({ id, what, machine: process.env.MACHINE, pid: process.pid, at: Date.now() }) + '\\n');
const ask = () => new Promise((resolve) => {
  let answer = '';
  connect(name + '.sock').on('data', (data) => (answer += data)).on('end', () => resolve(answer.trim())).on('error', () => resolve(null));
});
(async () => {
  note('start');
  let first = await ask();
  for (let tries = 0; first === null && !('once' in options) && tries < 100; tries++) { await delay(50); first = await ask(); }
  console.log(id + ' is told ' + first);
  await delay(Number(options.for || 0));
  const last = await ask();
  console.log(id + ' is then told ' + last);
  note('end');
  process.exit(first !== null && last !== null ? 0 : 7);
})();
`;

const needs = (...servers: string[]): { dependsOn: object[] } => ({
  dependsOn: servers.map((server) => {
    const [project = '', target = '', waitFor] = server.split(' ');
    return { projects: [project], target, ...(waitFor === undefined ? {} : { waitFor }) };
  }),
});

const server = (name: string, options = '', extra: object = {}): object => ({
  continuous: true,
  dependsOn: ['build'],
  command: `node tools/server.cjs ${name} dist/apps/app/out.txt ${options}`,
  ...extra,
});

const user = (id: string, name: string, options: string, extra: object): object => ({
  cache: true,
  command: `node tools/user.cjs ${id} ${name} ${options}`,
  ...extra,
});

/** A workspace of servers and tasks that need them; `ready` for Nx 24, which supports readiness. */
export function serversFleet(nx: string): Fleet {
  const hasReadiness = Number(nx.split('.')[0]) >= 24;
  const app = {
    build: {
      cache: true,
      outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      command:
        "node -e \"require('fs').mkdirSync('dist/apps/app',{recursive:true});require('fs').writeFileSync('dist/apps/app/out.txt','built\\\\n')\"",
    },
    serve: server('app'),
    late: server('late', 'dies=600'),
    ...(hasReadiness
      ? {
          slow: server('slow', 'after=700', { readyWhen: { logMatches: 'slow listens' } }),
          never: server('never', 'after=60000', { readyWhen: { logMatches: 'never listens', timeout: 500 } }),
        }
      : {}),
  };
  const gateway = {
    serve: {
      ...needs('app serve'),
      continuous: true,
      command: 'node tools/server.cjs gateway apps/gateway/source.txt',
    },
  };
  const e2e = {
    ...Object.fromEntries(
      ['e2e-ci--a', 'e2e-ci--b', 'e2e-ci--c', 'e2e-ci--d'].map((name) => [
        name,
        user(`e2e:${name}`, 'app', 'for=400', needs('app serve')),
      ]),
    ),
    'e2e-ci--gateway': user('e2e:e2e-ci--gateway', 'gateway', 'for=100', needs('gateway serve')),
    ...(hasReadiness
      ? { 'e2e-ci--ready': user('e2e:e2e-ci--ready', 'slow', 'once', needs('app slow ready')) }
      : {}),
    'e2e-ci': {
      executor: 'nx:noop',
      dependsOn: ['a', 'b', 'c', 'd', 'gateway', ...(hasReadiness ? ['ready'] : [])].map(
        (name) => `e2e-ci--${name}`,
      ),
    },
    long: user('e2e:long', 'app', 'for=3000', needs('app serve')),
    crash: user('e2e:crash', 'late', 'for=1500', needs('app late')),
    'after-crash': user('e2e:after-crash', 'late', '', {
      dependsOn: [...needs('app late').dependsOn, 'crash'],
    }),
    ...(hasReadiness ? { never: user('e2e:never', 'never', '', needs('app never ready')) } : {}),
  };
  const projects = { app, gateway, e2e };
  const files: Record<string, FileContent> = {
    'nx.json': { defaultBase: 'main', analytics: false },
    'tools/server.cjs': SERVER,
    'tools/user.cjs': USER,
  };
  for (const [name, targets] of Object.entries(projects)) {
    files[`apps/${name}/project.json`] = { name, targets };
    files[`apps/${name}/source.txt`] = `${name}\n`;
  }
  return Fleets.create({ install: install({ nx }), files, env: LIGHT_NX });
}
