import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runScenario } from './test-support/scenario-run';

const FOLDER = join(__dirname, '..', 'scenarios');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

/** The first line of a file describes what it shows. */
const titleOf = (text: string): string => (text.split('\n')[0] ?? '').replace(/^#\s*/, '');

// UPDATE_SCENARIOS=1 writes the actual results instead of comparing them; read the diff before you commit.
describe('scenarios', () => {
  it.each(
    files.map((name) => [basename(name, '.txt'), titleOf(readFileSync(join(FOLDER, name), 'utf8')), name]),
  )('%s: %s', (_name, _title, file) => {
    const path = join(FOLDER, file);
    const written = readFileSync(path, 'utf8');
    const happened = runScenario(written);
    if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(path, happened);
    else expect(happened).toBe(written);
  });

  it('exist for every rule of the scheduler', () => {
    expect(files.length).toBeGreaterThanOrEqual(20);
  });
});
