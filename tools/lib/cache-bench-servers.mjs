// The two servers of `npm run bench -- cache`: the coordinator, and nginx with WebDAV. Both are asked by the same client.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cpuOf } from './cpu.mjs';
import { MainJob } from './scale-main.mjs';
import { CoordinatorProcess } from './scale-processes.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

const IDENTITY = { commit: null, nxVersion: '0.0.0', nodeVersion: process.version, platform: 'any' };
/** What is sent, again and again: the client must not be what is measured. */
const PIECE = Buffer.alloc(1024 * 1024, 'all bytes of an artifact ');

/** Connections that stay open: as many as requests are under way. */
class Client {
  agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(url, headers = () => ({})) {
    this.url = url;
    this.headers = headers;
  }

  async put(path, bytes) {
    const call = this.begin('PUT', path, { 'content-length': bytes });
    for (let left = bytes; left > 0; left -= PIECE.length) {
      const piece = left >= PIECE.length ? PIECE : PIECE.subarray(0, left);
      if (!call.write(piece)) await once(call, 'drain');
    }
    call.end();
    return this.finish(call, path, [200, 201, 204]);
  }

  async get(path, bytes) {
    const call = this.begin('GET', path, {});
    call.end();
    const got = await this.finish(call, path, [200]);
    if (got !== bytes) throw new Error(`${this.url}${path} has sent ${got} of ${bytes} bytes.`);
  }

  begin(method, path, headers) {
    return request(this.url + path, {
      agent: this.agent,
      method,
      headers: { 'content-type': 'application/octet-stream', ...this.headers(), ...headers },
    });
  }

  async finish(call, path, accepted) {
    const [answer] = await once(call, 'response');
    let bytes = 0;
    answer.on('data', (chunk) => (bytes += chunk.length));
    await once(answer, 'end');
    if (accepted.includes(answer.statusCode)) return bytes;
    throw new Error(`${call.method} ${this.url}${path} was answered with ${answer.statusCode}.`);
  }

  close() {
    this.agent.destroy();
  }
}

/** The coordinator, and a main job that has its token. Objects are artifacts of a session. */
export class CoordinatorServer {
  name = 'coordinator';

  constructor(profile) {
    this.process = new CoordinatorProcess(profile);
  }

  async start() {
    const { waitFor } = loadWorkspaceFactory();
    await this.process.start();
    this.main = new MainJob({ url: this.process.url, sessionId: 'bench-cache', identity: IDENTITY });
    await waitFor('the connection of the main job', () => this.main.connection.state.name === 'open');
    const headers = () => ({ authorization: `Bearer ${this.main.connection.token()}` });
    this.client = new Client(this.process.url, headers);
  }

  pathOf = (number) => `/v1/cache/${String(number).padStart(20, '0')}`;

  /** Deletes what is stored, behind the coordinator's back: no name is used twice. */
  clear() {
    const sessions = join(this.process.folder, 'data', 'sessions');
    for (const session of readdirSync(sessions)) {
      const artifacts = join(sessions, session, 'artifacts');
      for (const file of readdirSync(artifacts)) rmSync(join(artifacts, file));
    }
  }

  peakMb() {
    return this.process.peakMb();
  }

  usedMs() {
    return this.process.usedMs();
  }

  readFromDisk() {
    return readFromDisk(this.process.process.pid);
  }

  async close() {
    this.client?.close();
    this.main?.close();
    await this.process.close();
  }
}

const CONFIG = (port) => `
worker_processes 1;
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_max_body_size 0;
  client_body_temp_path body;
  keepalive_requests 100000;
  server {
    listen 127.0.0.1:${port};
    location / { root data; dav_methods PUT DELETE; }
  }
}
`;

/** nginx as a process of its own, with nothing but a folder. */
export class NginxServer {
  name = 'nginx';
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-nginx-'));

  async start() {
    const { RunningProcess, waitFor } = loadWorkspaceFactory();
    for (const name of ['data', 'body', 'logs']) mkdirSync(join(this.folder, name));
    const port = await freePort();
    writeFileSync(join(this.folder, 'nginx.conf'), CONFIG(port));
    this.process = new RunningProcess({
      name: 'nginx',
      command: 'nginx',
      cwd: this.folder,
      args: ['-p', this.folder, '-c', 'nginx.conf', '-e', 'error.log'],
      env: process.env,
    });
    this.client = new Client(`http://127.0.0.1:${port}`);
    await waitFor(
      'nginx',
      () =>
        this.client.put('/ready', 1).then(
          () => true,
          () => false,
        ),
      {
        lastState: () => this.process.describe(),
      },
    );
  }

  pathOf = (number) => `/${number}`;

  /** It is one process, without a master. */
  usedMs() {
    return cpuOf(this.process.pid).own;
  }

  readFromDisk() {
    return readFromDisk(this.process.pid);
  }

  clear() {
    const data = join(this.folder, 'data');
    for (const file of readdirSync(data)) rmSync(join(data, file));
  }

  async close() {
    this.client?.close();
    if (this.process?.running) {
      this.process.signalTree('SIGTERM');
      await this.process.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** `cache-bench-bare.mjs` as a process of its own. */
export class BareServer extends NginxServer {
  name = 'bare node';

  async start() {
    const { RunningProcess } = loadWorkspaceFactory();
    mkdirSync(join(this.folder, 'data'));
    this.process = new RunningProcess({
      name: 'bare',
      command: process.execPath,
      cwd: this.folder,
      args: [fileURLToPath(new URL('./cache-bench-bare.mjs', import.meta.url)), 'data'],
      env: process.env,
    });
    await this.process.waitForOutput(/port \d+/);
    this.client = new Client(`http://127.0.0.1:${/port (\d+)/.exec(this.process.output())[1]}`);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Such as `nginx/1.22.1`. */
export function nginxVersion() {
  const { stderr, error } = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  if (error) throw new Error(`nginx does not start (${error.message}): apt-get install nginx-full`);
  return /nginx\/\S+/.exec(stderr)?.[0] ?? 'nginx';
}

/** What a process has had read for it; 0 for what was in the page cache. */
const readFromDisk = (pid) => Number(/^read_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))[1]);

export const rssOf = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
