import { createServer, type AddressInfo } from 'node:net';

/**
 * A port of the loopback address that nobody listens on at this moment. Prefer port 0 where the listener can be
 * asked afterwards: between this answer and its use the port may be taken.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
