// Stores and sends bodies with Node's streams as its manual shows them, and does nothing else: no token, no digest, no limit.
// What `npm run bench -- cache --bare=1` compares with: the usual way, not the fastest one that Node has.
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const [folder] = process.argv.slice(2);
const BUFFER_BYTES = 256 * 1024;

async function put(request, response) {
  const path = join(folder, request.url.slice(1));
  await pipeline(request, createWriteStream(`${path}.part`, { highWaterMark: BUFFER_BYTES }));
  await rename(`${path}.part`, path);
  response.writeHead(201).end();
}

async function get(request, response) {
  const path = join(folder, request.url.slice(1));
  const { size } = await stat(path);
  response.writeHead(200, { 'content-length': size });
  await pipeline(createReadStream(path, { highWaterMark: BUFFER_BYTES }), response);
}

const server = createServer((request, response) => {
  const answering = request.method === 'PUT' ? put(request, response) : get(request, response);
  answering.catch((error) => response.destroy(error));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
