/** Images that are known to have a browser, by their names. */
const WITH_BROWSER = /cypress|playwright|browser|chrome|chromium|firefox|puppeteer|selenium/i;

export const hasBrowser = (image: string | null): boolean => image !== null && WITH_BROWSER.test(image);

/**
 * An image for a test tool.
 * @param versions ranges of installed packages, by name, as in package.json
 */
export function imageWith(browser: string, versions: Readonly<Record<string, unknown>>): string {
  if (browser === 'Cypress') return 'cypress/browsers';
  const range = versions['@playwright/test'] ?? versions['playwright'];
  const [version] = /\d+\.\d+\.\d+/.exec(typeof range === 'string' ? range : '') ?? [];
  // The browsers of an image work only with exactly its version.
  return `mcr.microsoft.com/playwright:v${version ?? '<version of @playwright/test>'}-noble`;
}
