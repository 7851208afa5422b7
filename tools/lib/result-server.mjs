// A remote cache as Nx's own client expects it (its self-hosted cache contract), in memory: what hand sharding shares its results by.
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** @returns {Promise<{ env: Record<string, string>, close: () => Promise<void>, hits: () => number }>} `env`: for Nx */
export async function startResultServer() {
  const results = new Map();
  let hits = 0;
  const answer = async (request, response) => {
    const key = request.url;
    if (request.method === 'PUT') {
      results.set(key, await buffer(request));
      response.writeHead(200).end();
    } else if (results.has(key)) {
      hits += 1;
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(results.get(key));
    } else {
      response.writeHead(404).end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    env: {
      NX_SELF_HOSTED_REMOTE_CACHE_SERVER: `http://127.0.0.1:${server.address().port}`,
      NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: 'bench',
    },
    hits: () => hits,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
