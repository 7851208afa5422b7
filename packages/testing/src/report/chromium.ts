import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

/** What distributions call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The browser of this system, without a window. Close it.
 * @throws Error if there is none: a test of the page says nothing without a browser, and must not pass
 */
export async function launchChromium(): Promise<Browser> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const executablePath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(
    isExecutable,
  );
  if (executablePath === undefined)
    throw new Error(
      `No chromium in the PATH. Install it: node tools/system-packages.mjs, or apt-get install chromium.`,
    );
  // In a container it is root, which chromium's sandbox refuses, and /dev/shm may be small.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'];
  return chromium.launch({ executablePath, args });
}
