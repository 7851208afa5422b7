import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { type Coordinator, createCoordinator } from '@org/dte-coordinator';
import { DteError, HTTP } from '@org/dte-protocol';
import { exampleHello, runSpec, taskSpec, httpCall, RawClient } from '@org/dte-testing';
import { broken, brokenBytes, changed, type Json, toText } from '../hostile';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const SESSIONS = ['1-good', '2-bad'];

/** Two sessions with a run, an agent and a result each, as a coordinator leaves them. */
async function makeTemplate(dataDir: string): Promise<void> {
  const coordinator = await createCoordinator({ dataDir });
  for (const sessionId of SESSIONS) {
    const main = await RawClient.hello(
      coordinator.url,
      exampleHello({ role: 'main', sessionId, slots: null }),
    );
    const agent = await RawClient.hello(coordinator.url, exampleHello({ sessionId }));
    const run = runSpec('r1', [taskSpec('a:build'), taskSpec('b:build', ['a:build'])]);
    const body = JSON.stringify(run);
    await httpCall(coordinator.url, { method: 'POST', path: HTTP.runs, token: main.token, body });
    agent.send({ type: 'agent.sync', seq: 1, slots: 1, draining: false, work: [] });
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    await main.kill();
    await agent.kill();
  }
  await coordinator.close();
}

/** One line of a journal, which is JSON, with other values; or the text of it broken. */
function changedLine(random: Random, line: string): string {
  try {
    return toText(changed(random, JSON.parse(line) as Json));
  } catch {
    return broken(random, line);
  }
}

function changedLines(random: Random, text: string): string {
  const lines = text.split('\n');
  const at = random.int(0, Math.max(0, lines.length - 2));
  const line = lines[at] ?? '';
  const kind = random.int(0, 5);
  if (kind === 0) lines.splice(at, 1);
  else if (kind === 1) lines.splice(at, 0, lines[random.int(0, lines.length - 1)] ?? '');
  else lines[at] = random.chance(0.7) ? changedLine(random, line) : broken(random, line);
  return lines.join('\n');
}

function changedFile(random: Random, path: string): Buffer {
  const bytes = readFileSync(path);
  if (random.chance(0.15)) return brokenBytes(random, bytes);
  if (!path.endsWith('.br')) return Buffer.from(changedLines(random, bytes.toString('utf8')));
  return brotliCompressSync(changedLine(random, brotliDecompressSync(bytes).toString('utf8')), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
  });
}

class Journals {
  private readonly template: string;
  private readonly dataDir: string;

  private constructor(folder: string) {
    this.template = join(folder, 'template');
    this.dataDir = join(folder, 'a', 'b', 'data');
  }

  static async open(folder: string): Promise<Journals> {
    const journals = new Journals(folder);
    await makeTemplate(journals.template);
    mkdirSync(join(journals.dataDir, '..'), { recursive: true });
    return journals;
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const { dataDir } = this;
    cpSync(this.template, dataDir, { recursive: true });
    const session = join(dataDir, 'sessions', '2-bad');
    const files = readdirSync(session, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.(jsonl|gz)$/.test(path),
    );
    const path = join(session, random.pick(files));
    const bytes = changedFile(random, path);
    note(bytes);
    writeFileSync(path, bytes);
    await this.restore();
    rmSync(dataDir, { recursive: true });
  }

  private async restore(): Promise<void> {
    let coordinator: Coordinator;
    try {
      coordinator = await createCoordinator({ dataDir: this.dataDir });
    } catch (thrown) {
      mustHold(
        thrown instanceof DteError && thrown.code !== 'DTE_INTERNAL',
        () => `Not started: ${String(thrown)}`,
      );
      return;
    }
    const names = coordinator.sessions().map(({ sessionId }) => sessionId);
    await coordinator.close();
    mustHold(names.includes('1-good'), () => `The other session is gone: ${names.join(', ')}`);
    mustHold(
      existsSync(join(this.dataDir, 'sessions', '1-good')),
      () => 'The folder of the other session is gone.',
    );
  }
}

/** Journals and run files that somebody or something has changed: they cost their own session, and no other. */
export const journal: Target = {
  name: 'journal',
  share: 20,
  caseMs: 60_000,
  open: (folder): Promise<Running> => Journals.open(folder),
};
