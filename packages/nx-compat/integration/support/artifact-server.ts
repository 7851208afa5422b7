import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the server answers: according to the contract, with one status for all, or by closing the connection. */
export type ServerMode = 'normal' | 'cut' | number;

export interface ArtifactServer {
  url: string;
  mode: ServerMode;
  artifacts: Map<string, Buffer>;
  requests: string[];
  close(): Promise<void>;
}

/** The self-hosted cache contract of Nx in a few lines, on a free port of the loopback. */
export async function startArtifactServer(): Promise<ArtifactServer> {
  const artifacts = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const hash = request.url?.split('/').pop() ?? '';
    const chunks: Buffer[] = [];
    requests.push(`${request.method ?? ''} ${hash}`);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { mode } = handle;
      if (mode === 'cut') return void request.socket.destroy();
      if (mode !== 'normal')
        return void response.writeHead(mode, { 'content-type': 'text/plain' }).end('a reason');
      if (request.headers.authorization !== 'Bearer secret')
        return void response.writeHead(401).end('who are you?');
      if (request.method === 'PUT') {
        const present = artifacts.has(hash);
        if (!present) artifacts.set(hash, Buffer.concat(chunks));
        return void response.writeHead(present ? 409 : 200).end();
      }
      const body = artifacts.get(hash);
      return void response.writeHead(body ? 200 : 404).end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const handle: ArtifactServer = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    mode: 'normal',
    artifacts,
    requests,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => {
          done();
        });
      }),
  };
  return handle;
}
