import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { resolveNx } from '../../src';
import { packEntry, readSmall } from '../../src/cache/pack-entry';
import { OUTPUT_SHAPES } from '../support/output-shapes';

export interface PackInput {
  workspaceRoot: string;
  remoteCache: { url: string; token: string };
  /** `upload`: pack entries, and let Nx's client upload the same ones. `retrieve`: with Nx's client, what was packed. */
  how: 'upload' | 'retrieve';
}

export interface PackResult {
  /** Entry -> what is in it, by path: kind, mode, time, content or target. */
  seen: Record<string, Record<string, string>>;
  /** Entry -> exit code and terminal output; `error: ` and why if Nx rejects it. */
  said: Record<string, string>;
}

interface NativeCache {
  retrieve(hash: string, cacheDirectory: string): Promise<{ code: number; terminalOutput?: string } | null>;
  store(hash: string, cacheDirectory: string, terminalOutput: string, code: number): Promise<boolean>;
}

/** Text with characters of all lengths, longer than what is encoded at a time. */
const PRINTED = `${'żółw 😀\n'.repeat(20_000)}end`;
export const CODES: Readonly<Record<string, number>> = { plain: 0, modes: 3, names: 255, long: 1 };

const describe = (path: string): string => {
  const stat = lstatSync(path);
  const said = `${(stat.mode & 0o777).toString(8)}${stat.isDirectory() ? '' : ` ${String(Math.floor(stat.mtimeMs / 1000))}`}`;
  if (stat.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  return stat.isDirectory() ? `folder ${said}` : `file ${said} ${readFileSync(path, 'utf8')}`;
};

function contentOf(root: string, path = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, path))) {
    const inner = path === '' ? name : `${path}/${name}`;
    // Nx puts them beside the outputs; what is in them is in its answer.
    if (path === '' && (name === 'terminalOutput' || name === 'code')) continue;
    found[inner] = describe(join(root, inner));
    if (found[inner].startsWith('folder')) Object.assign(found, contentOf(root, inner));
  }
  return found;
}

/** Lets Nx's own HTTP client and the packer of dte work on the same entries. */
export async function run({ workspaceRoot, remoteCache, how }: PackInput): Promise<PackResult> {
  process.env['NX_SELF_HOSTED_REMOTE_CACHE_SERVER'] = remoteCache.url;
  process.env['NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN'] = remoteCache.token;
  const { HttpRemoteCache } = resolveNx(workspaceRoot).load<{ HttpRemoteCache: new () => NativeCache }>('src/native');
  const native = new HttpRemoteCache();
  const directory = join(workspaceRoot, '..', 'entries');
  const seen: PackResult['seen'] = {};
  const said: PackResult['said'] = {};
  for (const [name, shape] of Object.entries(OUTPUT_SHAPES)) {
    const hash = name.replace(/[^a-z0-9]/gi, '');
    const folder = join(directory, `${how === 'upload' ? 'ours' : ''}${hash}`);
    const code = CODES[name] ?? 0;
    if (how === 'retrieve') {
      mkdirSync(folder, { recursive: true });
      const got = await native.retrieve(hash, directory).catch((error: unknown) => String(error).split('\n')[0]);
      said[name] = typeof got === 'object' ? `${String(got?.code)} ${String(got?.terminalOutput === PRINTED)}` : `error: ${got ?? ''}`;
    } else {
      mkdirSync(folder, { recursive: true });
      process.chdir(folder);
      shape.before?.();
      shape.make();
      process.chdir(workspaceRoot);
      // 20 fails for links that lead nowhere.
      await native.store(`ours${hash}`, directory, PRINTED, code).catch(() => false);
      const entry = { folder, terminalOutput: PRINTED, code };
      const put = (name: string, body: Buffer) =>
        fetch(`${remoteCache.url}/v1/cache/${name}`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${remoteCache.token}` },
          body,
        });
      await put(hash, await buffer(packEntry(entry)));
      const small = readSmall(entry);
      if (small !== null) await put(`small${hash}`, small.pack());
    }
    seen[name] = contentOf(folder);
  }
  return { seen, said };
}
