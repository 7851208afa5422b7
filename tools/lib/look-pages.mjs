// The pages that `npm run look` takes pictures of.
import { createRequire } from 'node:module';
import { loadWorkspaceFactory } from './testing.mjs';

const require = createRequire(import.meta.url);

/** A name that is longer than any column, and one that tries to be something else. */
const LONG = `${'packages-of-the-platform-team-'.repeat(6)}design-system`;

const withLongNames = (events) =>
  events.map((event) =>
    event.type === 'run'
      ? {
          ...event,
          command: `nx run-many -t build,lint,test --projects=${Array.from({ length: 40 }, (_, index) => `project-${index}`).join(',')}`,
        }
      : event,
  );

/** The same events with every name made longer. */
function longNames(events) {
  const text = JSON.stringify(withLongNames(events)).replaceAll('shop-ui', LONG);
  return JSON.parse(text.replaceAll('nx agent', 'kubernetes-executor-with-large-disks-eu-west'));
}

/** A command that had nothing to do. */
const withoutTasks = (events) =>
  events
    .filter(({ type }) => ['session', 'run', 'run.ended'].includes(type))
    .map((event) => (event.type === 'run' ? { ...event, tasks: [] } : event));

/** The same command once more, so many ms later. */
const later = (events, ms) =>
  JSON.parse(JSON.stringify(events).replaceAll('run-1', 'run-2'), (key, value) =>
    ['atMs', 'startMs', 'endMs'].includes(key) && value !== null ? value + ms : value,
  );

/** A browser that prints tells the page so. */
const print = async (page) => {
  await page.emulateMedia({ media: 'print' });
  await page.evaluate("dispatchEvent(new Event('beforeprint'))");
};

/** `whole`: also of what is below the screen, after `act`. @returns {{ name: string, html: () => string, act?: (page: import('playwright-core').Page) => Promise<void>, whole?: boolean }[]} */
export function lookedAt() {
  const { foldEvents, staticPage } = require('@org/dte-report');
  const { sampleSession } = loadWorkspaceFactory();
  const html = (options, change = (events) => events) =>
    staticPage(foldEvents(change(sampleSession(options))));
  const page = (name, options, more = {}) => ({
    name,
    html: () => html(options, more.change),
    act: more.act,
    whole: more.act === undefined || more.whole === true,
  });
  const again = (options, ms) => (events) => [...events, ...later(sampleSession(options), ms)];
  return [
    page('zero', { tasks: 1, agents: 1 }, { change: withoutTasks }),
    page('1', { tasks: 1, agents: 1, cached: 0, failing: 0 }),
    page('20', { tasks: 20, agents: 3, failing: 0.1, seed: 4 }),
    page('1000', { tasks: 1_000, agents: 20, failing: 0.004 }),
    page('10000', { tasks: 10_000, agents: 100 }),
    page('green', { tasks: 120, agents: 6, failing: 0 }),
    page('cached', { tasks: 40, agents: 3, cached: 1 }),
    page('failed', { tasks: 40, agents: 3, cached: 0, failing: 1 }),
    page(
      'commands',
      { tasks: 40, agents: 3, failing: 0, seed: 2 },
      { change: again({ tasks: 60, agents: 3, failing: 0.06, cached: 0.6, seed: 2 }, 150_000) },
    ),
    page('print', { tasks: 60, agents: 4, failing: 0.06, seed: 9 }, { act: print, whole: true }),
    page('main', { tasks: 12, agents: 1, untilMs: 20_000 }),
    page('long', { tasks: 60, agents: 4, failing: 0.1 }, { change: longNames }),
    page(
      'detail',
      { tasks: 1_000, agents: 20, failing: 0.004 },
      {
        act: async (of) => {
          await of.click('.chip:has-text("Retried")');
          await of.click('#row-0');
        },
      },
    ),
  ];
}

/** The page of the picture in the documentation: not too much of anything. */
export function picturedPage() {
  const { foldEvents, staticPage } = require('@org/dte-report');
  const { sampleSession } = loadWorkspaceFactory();
  return staticPage(foldEvents(sampleSession({ tasks: 150, agents: 5, failing: 0, cached: 0.25, seed: 6 })));
}
