import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from '@jest/globals';

export interface Reply {
  status: number;
  json: any;
}

/** Starts a built app before the tests of a file, on a free port, and stops it afterwards. */
export function app(name: 'storefront' | 'backoffice') {
  let server: ChildProcess;
  let address = '';

  beforeAll(async () => {
    const bundle = join(__dirname, '../../../../dist/apps', name, 'main.js');
    server = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: server.stdout! })) {
      address = line.replace('listening on ', '');
      return;
    }
    throw new Error(`${name} ended before it was listening`);
  });

  afterAll(async () => {
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  });

  return async (line: string, body?: object): Promise<Reply> => {
    const [method, path = ''] = line.split(' ');
    const response = await fetch(address + path, {
      method,
      headers: { connection: 'close' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: await response.json() };
  };
}
