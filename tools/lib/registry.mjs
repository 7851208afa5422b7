// A registry for the packed packages of this repository, so that package managers install them as they will once they
// are published: by name and range, with their dependencies. All other packages come from the registry of npm.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { publishablePackages } from './packages.mjs';

/** The scope that clients must be told to fetch here. */
export const SCOPE = '@org';

const json = (response, status, body) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/**
 * Port 0: the system chooses a free one. Only for this machine.
 * @param {Record<string, string>} tarballs package name -> path, as `packAll()` returns it
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function startRegistry(tarballs) {
  const manifests = new Map(publishablePackages().map(({ manifest }) => [manifest.name, manifest]));
  let url = '';

  function document(name) {
    const manifest = manifests.get(name);
    const bytes = readFileSync(tarballs[name]);
    const dist = {
      tarball: `${url}/${name}/-/${manifest.version}.tgz`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
      shasum: createHash('sha1').update(bytes).digest('hex'),
    };
    return {
      name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
      // Package managers may refuse packages that are too new.
      time: { [manifest.version]: '2020-01-01T00:00:00.000Z' },
    };
  }

  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).slice(1);
    const [name, file] = path.split('/-/');
    if (!manifests.has(name)) json(response, 404, { error: `not a package of this repository: ${name}` });
    else if (file === undefined) json(response, 200, document(name));
    else
      response
        .writeHead(200, { 'content-type': 'application/octet-stream' })
        .end(readFileSync(tarballs[name]));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

/** Files for a workspace whose package manager installs from that registry, by npm, pnpm and Yarn alike. */
export const registryFiles = (url) => ({
  '.npmrc': `${SCOPE}:registry=${url}/\nfund=false\naudit=false\n`,
  '.yarnrc.yml': [
    'nodeLinker: node-modules',
    'enableTelemetry: false',
    'unsafeHttpWhitelist: ["127.0.0.1"]',
    'npmScopes:',
    `  ${SCOPE.slice(1)}:`,
    `    npmRegistryServer: "${url}"`,
    '',
  ].join('\n'),
});
