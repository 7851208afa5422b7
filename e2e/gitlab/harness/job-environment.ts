import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The interpreter's variables of a job that starts. */
export type JobVariables = Readonly<Record<string, string>>;

/** Every bash of the interpreter sources this. Only a job's own shell has CI_JOB_ID, and it has not run this before. */
const PROLOGUE = `
if [ -n "\${CI_JOB_ID:-}" ] && [ -z "\${RUNNER_PROLOGUE_DONE:-}" ]; then
  export RUNNER_PROLOGUE_DONE=1
  if ! runner_exports=$("$RUNNER_NODE" "$RUNNER_FOLDER/ask.cjs"); then
    echo 'The test gave this job no environment.' >&2
    exit 1
  fi
  eval "$runner_exports"
fi
`;

const ASK = `
const { request } = require('node:http');
const asking = request(process.env.RUNNER_URL, { method: 'POST' }, (response) => {
  response.pipe(process.stdout);
  if (response.statusCode !== 200) process.exitCode = 1;
});
asking.on('error', (error) => { console.error(error.message); process.exitCode = 1; });
asking.end(JSON.stringify(process.env));
`;

const quoted = (value: string): string => `'${value.replaceAll("'", String.raw`'\''`)}'`;

/**
 * What a GitLab runner gives to each of its jobs and the interpreter does not: the test is asked when a job starts. The
 * pipeline needs no changes for this, because bash reads BASH_ENV before the job's script.
 */
export class JobEnvironments {
  private constructor(
    private readonly server: Server,
    /** Environment of the interpreter. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(
    folder: string,
    onJob: (job: JobVariables) => Record<string, string>,
  ): Promise<JobEnvironments> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'prologue.sh'), PROLOGUE);
    writeFileSync(join(folder, 'ask.cjs'), ASK);
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        try {
          const job = JSON.parse(Buffer.concat(chunks).toString('utf8')) as JobVariables;
          const lines = Object.entries(onJob(job)).map(([name, value]) => `export ${name}=${quoted(value)}`);
          response.end(`${lines.join('\n')}\n`);
        } catch (error) {
          response.writeHead(500).end(`echo ${quoted(String(error))} >&2\n`);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new JobEnvironments(server, {
      BASH_ENV: join(folder, 'prologue.sh'),
      RUNNER_FOLDER: folder,
      RUNNER_NODE: process.execPath,
      RUNNER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
