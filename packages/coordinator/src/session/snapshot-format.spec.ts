import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SNAPSHOT_FORMAT } from './snapshot';
import { typeShape } from './test-support/type-shape';

const GOLDEN = join(__dirname, `../../golden/snapshot-format-${SNAPSHOT_FORMAT}.txt`);

/**
 * A coordinator of a later version goes on with the snapshots of an earlier one. The step of the later one must find in them
 * what it expects, or it decides from half a state, and no test would show that: each version of the tests makes its own states.
 */
describe('the format of snapshots', () => {
  it('has another number whenever the shape of a session changes', () => {
    const file = join(__dirname, 'snapshot.ts');
    const shape = typeShape(file, 'SessionImage', join(__dirname, '../../..'));
    if (process.env['UPDATE_GOLDEN'] === '1' && !existsSync(GOLDEN))
      writeFileSync(GOLDEN, `${shape.join('\n')}\n`);
    const stored = existsSync(GOLDEN) ? readFileSync(GOLDEN, 'utf8').trimEnd().split('\n') : [];
    const added = shape.filter((line) => !stored.includes(line));
    const removed = stored.filter((line) => !shape.includes(line));
    const whatToDo =
      'The shape changed. Raise SNAPSHOT_FORMAT in session/snapshot.ts, delete the file of the old number in golden/, and run this spec once with UPDATE_GOLDEN=1.';
    expect(added.length + removed.length === 0 ? null : { whatToDo, added, removed }).toBeNull();
  });
});
