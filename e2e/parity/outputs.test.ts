import { Fleet, install, type ParityBench, sampleFiles, sampleNxJson } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { LIGHT_NX } from '../support/light-nx';
import { expectParity, openParity, PARITY_VERSIONS } from '../support/parity';
import { inSchedule } from '../support/scheduled';
import { BIG_PROJECTS, MANY, OUTPUT_FILES, OUTPUT_PROJECTS } from './workspaces/outputs';

describe.each(PARITY_VERSIONS)('outputs, nx %s', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    const nxJson = sampleNxJson({ plugin: false });
    fleet = Fleet.create({
      install: install({ nx }),
      env: LIGHT_NX,
      files: { ...sampleFiles({ ...OUTPUT_PROJECTS, ...BIG_PROJECTS }, nxJson), ...OUTPUT_FILES },
    });
    bench = await openParity(fleet);
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('of every kind are the same on the main job and for dependents on another agent', async () => {
    const report = await bench.compare(['run-many', '-t', 'look', '--parallel=2', '--exclude=many-*']);

    expectParity(report);
    const places = report.rounds[0]!.places;
    const apart = Object.keys(OUTPUT_PROJECTS).filter(
      (name) => places[`${name}:make`] !== places[`${name}:look`],
    );
    expect(apart).not.toEqual([]);
  });

  inSchedule('of ten thousand files are the same, too', async () => {
    const report = await bench.compare(['run-many', '-t', 'look', '--parallel=2', '--projects=many-*'], {
      rounds: ['cold'],
    });

    expectParity(report);
    expect(Object.keys(report.rounds[0]!.distributed.tasks['many-fresh:make']!.files).length).toBeGreaterThan(
      MANY,
    );
  });

  // 20 GB of disk and minutes of reading and writing: only with PARITY_BIG=1.
  const itWhenAsked = process.env['PARITY_BIG'] === '1' ? it : it.skip;
  itWhenAsked('of two gigabytes in one file are the same, too (PARITY_BIG=1)', async () => {
    const report = await bench.compare(['run-many', '-t', 'look-big', '--parallel=1'], { rounds: ['cold'] });

    expectParity(report);
  });
});
