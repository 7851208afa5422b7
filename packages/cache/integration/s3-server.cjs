'use strict';

// s3rver as a process: an S3 server over HTTP with signatures, lists, multipart uploads and a folder of files. It is mended where
// it is no S3: signatures are checked, an object is replaced as a whole, and a multipart upload can be aborted. Arguments: folder, bucket, and what it does
// with conditional writes: `obeys` them as S3 does, `ignores` them as s3rver and older servers do, or `refuses` them. A fourth one, `no-checksums`,
// ignores checksums, as s3rver and older servers do; without it, they are compared with what arrives and kept, as S3 does.
// `GET /served` has a line for each request so far. `GET /ahead?ms=600000` sets its clock, by which addresses expire.

const { AsyncLocalStorage } = require('node:async_hooks');
const { createHash } = require('node:crypto');
const { createWriteStream } = require('node:fs');
const { mkdir, rename, rm, writeFile } = require('node:fs/promises');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const S3rver = require('s3rver');
const { isSigned } = require('./s3-signature.cjs');

const [directory, bucket, conditions, checksums = 'checksums'] = process.argv.slice(2);
/** Of s3rver: it is the secret key of the access key of the same name. */
const SECRET_KEY = 'S3RVER';
const PARTS = path.join(directory, 'parts');

class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** The headers of the request that is being served. */
const current = new AsyncLocalStorage();
/** Of what was written with one, in base64. */
const sums = new Map();
/** What the request that is being served says about its body; undefined: nothing. */
const claimed = () => (checksums === 'checksums' ? current.getStore()?.['x-amz-checksum-sha256'] : undefined);
const isForNewOnly = () => conditions !== 'ignores' && current.getStore()?.['if-none-match'] === '*';

/** Makes what is done for one key wait for what was begun before. */
function turns() {
  const last = new Map();
  return (key, run) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(run);
    last.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  };
}

let files = 0;

async function save(content) {
  files += 1;
  const part = path.join(PARTS, String(files));
  const digest = createHash('md5');
  const sum = createHash('sha256');
  let size = 0;
  await pipeline(
    content,
    async function* (chunks) {
      for await (const chunk of chunks) {
        digest.update(chunk);
        sum.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(part),
  );
  const sha256 = sum.digest('base64');
  if (claimed() !== undefined && claimed() !== sha256) throw new Refused(400, 'BadDigest');
  return { part, size, md5: digest.digest('hex') };
}

function mend(store) {
  const inTurn = turns();
  const getMetadata = store.getMetadata.bind(store);
  // Never of one object while the bytes are still of another.
  store.getMetadata = (name, key) => inTurn(`${name}/${key}`, () => getMetadata(name, key));
  store.putObject = async ({ bucket: name, key, content, metadata }) => {
    const file = store.getResourcePath(name, key, 'object');
    const { part, size, md5 } = await save(content);
    return await inTurn(`${name}/${key}`, async () => {
      if (isForNewOnly() && (await store.existsObject(name, key)))
        throw new Refused(412, 'PreconditionFailed');
      await mkdir(path.dirname(file), { recursive: true });
      await store.putMetadata(name, key, metadata, md5);
      await rename(part, file);
      sums.set(`/${name}/${key}`, claimed());
      return { size, md5 };
    });
  };
  const copyObject = store.copyObject.bind(store);
  // It looks for metadata itself, so it cannot have a turn.
  store.copyObject = async (...args) => {
    const [, , name, key] = args;
    if (isForNewOnly() && (await store.existsObject(name, key))) throw new Refused(412, 'PreconditionFailed');
    return await copyObject(...args);
  };
  store.putPart = async (name, uploadId, number, content) => {
    const file = path.join(store.getResourcePath(name, undefined, 'uploads'), uploadId, String(number));
    const { part, size, md5 } = await save(content);
    await rename(part, file);
    await writeFile(`${file}.md5`, md5);
    return { size, md5 };
  };
}

const served = [];

/** How far its clock is ahead, ms. */
let ahead = 0;

/** s3rver looks at it only in the old kind of address. */
function isExpired({ 'X-Amz-Date': date, 'X-Amz-Expires': seconds }) {
  if (date === undefined || seconds === undefined) return false;
  const signedAt = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return Date.now() + ahead > Date.parse(signedAt) + Number(seconds) * 1_000;
}

async function answer(ctx, store, next) {
  if (ctx.path === '/ahead') {
    ahead = Number(ctx.query.ms);
    ctx.body = 'ok';
    return;
  }
  if (ctx.path === '/served') {
    ctx.body = served.join('\n');
    return;
  }
  served.push(`${ctx.method} ${ctx.url}`);
  // Other access keys are unknown to s3rver, and it says so.
  if (ctx.url.includes('S3RVER') || ctx.headers.authorization?.includes('S3RVER'))
    if (!isSigned(ctx, SECRET_KEY)) throw new Refused(403, 'SignatureDoesNotMatch');
  if (isExpired(ctx.query)) throw new Refused(403, 'AccessDenied');
  const { uploadId } = ctx.query;
  if (ctx.method === 'DELETE' && uploadId !== undefined) {
    await rm(path.join(store.getResourcePath(bucket, undefined, 'uploads'), uploadId), { recursive: true });
    ctx.status = 204;
    return;
  }
  if (conditions === 'refuses' && ctx.headers['if-none-match'] !== undefined)
    throw new Refused(501, 'NotImplemented');
  await next();
  const sum = sums.get(decodeURIComponent(ctx.path));
  if (ctx.method === 'HEAD' && ctx.headers['x-amz-checksum-mode'] === 'ENABLED' && sum !== undefined)
    ctx.set('x-amz-checksum-sha256', sum);
}

async function main() {
  await mkdir(PARTS, { recursive: true });
  const server = new S3rver({
    directory,
    port: 0,
    address: '127.0.0.1',
    silent: true,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket }],
  });
  mend(server.store);
  server.middleware.unshift(async (ctx, next) => {
    try {
      await current.run(ctx.headers, () => answer(ctx, server.store, next));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      ctx.status = error.status;
      ctx.type = 'application/xml';
      ctx.body = `<Error><Code>${error.code}</Code><Message>of the test server</Message></Error>`;
    }
  });
  const { port } = await server.run();
  console.log(`listening on ${port}`);
}

void main();
