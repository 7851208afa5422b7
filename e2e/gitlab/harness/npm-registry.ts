import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { packedTarballs } from '@org/dte-testing';

interface Published {
  /** The metadata that npm requests before it installs. */
  packument: object;
  tarball: Buffer;
}

/**
 * The organisation's npm registry, with only our packed packages; npm looks for only the scope `@org` here. So a
 * workspace names versions as usual, and its lockfile is valid in every clone. With paths, it would not be.
 */
export class NpmRegistry {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<NpmRegistry> {
    const published = new Map<string, Published>();
    const server = createServer((request, response) => {
      const path = decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/').slice(1);
      const [name = '', file] = path.split('/-/');
      const found = published.get(name);
      if (found === undefined) response.writeHead(404).end('{}');
      else if (file === undefined)
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found.packument));
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found.tarball);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const [name, path] of Object.entries(packedTarballs()))
      published.set(name, publish(url, name, path));
    return new NpmRegistry(server, url);
  }

  /** Line of an .npmrc. */
  get npmrc(): string {
    return `@org:registry=${this.url}/\n`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

function publish(url: string, name: string, path: string): Published {
  const tarball = readFileSync(path);
  const manifest = JSON.parse(
    execFileSync('tar', ['-xzOf', path, 'package/package.json'], { encoding: 'utf8' }),
  ) as { version: string };
  const dist = {
    tarball: `${url}/${name}/-/${basename(path)}`,
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
  };
  return {
    packument: {
      name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
    },
    tarball,
  };
}
