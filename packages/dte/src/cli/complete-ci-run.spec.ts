import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileRendezvous } from '@org/dte-client';
import { completeCiRunCommand } from './complete-ci-run';

const SESSION = 'pipeline-1';
const MINUTE_MS = 60_000;

describe('complete-ci-run', () => {
  let server: Server;
  let rendezvous: FileRendezvous;
  let dir: string;
  let said: string[];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'complete-ci-run-'));
    rendezvous = new FileRendezvous(dir);
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    said = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    await rendezvous.publish({
      version: 1,
      sessionId: SESSION,
      generation: 'first',
      expiresAtMs: Date.now() + MINUTE_MS,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
  });

  const completeCiRun = (): Promise<unknown> =>
    completeCiRunCommand().parseAsync(['--session', SESSION, '--rendezvous-dir', dir], { from: 'user' });

  it('has nothing to complete if the coordinator exits by itself right after its answer', async () => {
    server.on('request', (_request, response) => {
      void rendezvous.finish(SESSION, 'first', Date.now() + MINUTE_MS).then(() => {
        server.close();
        response.setHeader('connection', 'close').end('{}');
      });
    });
    await completeCiRun();
    expect(said.join('')).toContain(`session ${SESSION} · complete; its coordinator has ended`);
  });

  it('does not fail a job whose work is done because a standalone coordinator has gone', async () => {
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const warned = jest.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const { env } = process;
    process.env = { ...env, DTE_CONNECT_TIMEOUT_MS: '300', DTE_COORDINATOR_GRACE_MS: '300' };
    try {
      const url = `http://127.0.0.1:${port}`;
      const args = ['--session', SESSION, '--coordinator-url', url];
      await completeCiRunCommand().parseAsync(args, { from: 'user' });
    } finally {
      process.env = env;
    }
    expect(said.join('')).toContain('its coordinator does not answer; agents leave without it');
    expect(warned.mock.calls.join('')).toContain('No coordinator was reached');
  });

  it('fails with the error if the coordinator rejects it', async () => {
    server.on('request', (_request, response) => response.end('{}'));
    server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'));
    const { env } = process;
    process.env = { ...env, DTE_CONNECT_TIMEOUT_MS: '300', DTE_COORDINATOR_GRACE_MS: '300' };
    try {
      await expect(completeCiRun()).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
    } finally {
      process.env = env;
    }
  });
});
