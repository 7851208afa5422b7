import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { REPOSITORY, RunningProcess } from '@org/dte-testing';
import { openBucket } from '../src';
import { AREA, BUCKET, CREDENTIALS, entryOf, never, opener, S3Bench } from './s3-bench';

const ROLE = 'arn:aws:iam::123456789012:role/ci-main';
const TOKEN = 'the.id.token';

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

/** AWS's service that gives keys for an id token, as far as its API describes this one action. */
class FakeSts {
  readonly forms: URLSearchParams[] = [];
  private readonly server: Server = createServer((request, response) => {
    void formOf(request).then((form) => {
      this.forms.push(form);
      const isRight =
        form.get('Action') === 'AssumeRoleWithWebIdentity' &&
        form.get('RoleArn') === ROLE &&
        form.get('WebIdentityToken') === TOKEN;
      response.writeHead(isRight ? 200 : 400, { 'content-type': 'text/xml' });
      response.end(isRight ? GRANTED : REFUSED);
    });
  });

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const inTenMinutes = new Date(Date.now() + 600_000).toISOString();
const GRANTED = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${CREDENTIALS.accessKeyId}</AccessKeyId><SecretAccessKey>${CREDENTIALS.secretAccessKey}</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${inTenMinutes}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
const REFUSED = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>the token is another</Message></Error></ErrorResponse>`;

describe('credentials for a bucket by an id token of GitLab', () => {
  const bench = new S3Bench('obeys');
  const sts = new FakeSts();
  const before = { ...process.env };
  let folder = '';

  beforeAll(async () => {
    await bench.start();
    folder = mkdtempSync(join(tmpdir(), 'dte-token-'));
    Object.assign(process.env, {
      AWS_ROLE_ARN: ROLE,
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ENDPOINT_URL_STS: await sts.start(),
      AWS_REGION: 'eu-central-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: join(folder, 'none'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    });
  });
  afterAll(async () => {
    process.env = before;
    sts.close();
    await bench.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const openWithoutKeys = () =>
    openBucket(
      { s3Bucket: BUCKET, s3Prefix: 'dte', s3Endpoint: bench.url },
      { authorities: [], workspaceRoot: REPOSITORY },
    );

  it('are asked for once, and used for requests and presigned addresses', async () => {
    writeFileSync(join(folder, 'token'), TOKEN);
    const cache = openWithoutKeys();
    const entry = entryOf('1', 'one');
    expect(await cache.write(AREA, entry, opener('one'), never())).toBe('stored');
    expect(await cache.find(AREA, [entry], never())).toEqual([entry]);
    const direct = await cache.readDirectly(AREA, entry);
    expect(new URL(direct?.url ?? '').searchParams.get('X-Amz-Security-Token')).toBe('session');
    expect(sts.forms).toHaveLength(1);
    await cache.close();
  });

  it('are refused with what the service says, and no word of the token', async () => {
    writeFileSync(join(folder, 'token'), 'another.id.token');
    const cache = openWithoutKeys();
    const found = cache.find(AREA, [entryOf('1', 'one')], never());
    const error = await found.then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toMatch(
      /failed \(status 400, InvalidIdentityTokenException\): the id token is not accepted there/,
    );
    expect(error?.message).not.toContain('another.id.token');
    await cache.close();
  });
});

describe('a process without a bucket', () => {
  it('loads nothing of the SDK, not even when a bucket is opened', async () => {
    const script = `
      const { openBucket } = require('@org/dte-cache');
      const loaded = () => Object.keys(require.cache).filter((path) => path.includes('@aws-sdk')).length;
      console.log('before', loaded());
      const cache = openBucket({ s3Bucket: 'b', s3Prefix: '' }, { authorities: [], workspaceRoot: process.cwd() });
      console.log('opened', loaded());
      void cache.close().then(() => console.log('closed', loaded()));`;
    const node = new RunningProcess({
      name: 'node',
      command: process.execPath,
      args: ['-e', script],
      cwd: join(REPOSITORY, 'packages', 'dte'),
      env: process.env,
    });
    expect((await node.end()).output).toBe('before 0\nopened 0\nclosed 0\n');
  });
});
