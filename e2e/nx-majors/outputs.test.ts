import { Fleet, install, NX_VERSIONS, type ParityBench, sampleFiles, sampleNxJson } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { LIGHT_NX } from '../support/light-nx';
import { expectParity, openParity } from '../support/parity';
import { TRUE_OUTPUT_FILES, TRUE_OUTPUT_PROJECTS } from '../parity/workspaces/true-outputs';

// nx-compat tries what Nx's cache carries on all majors (carriage.spec). These are the alternatives; 21 and 22 have those of 23.
const MAJORS = NX_VERSIONS.filter((version) => !/^2[12]\./.test(version));

describe.each(MAJORS)('outputs that are hard to restore, nx %s', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    const nxJson = sampleNxJson({ plugin: false });
    fleet = Fleet.create({
      install: install({ nx }),
      env: LIGHT_NX,
      files: { ...sampleFiles(TRUE_OUTPUT_PROJECTS, nxJson), ...TRUE_OUTPUT_FILES },
    });
    bench = await openParity(fleet);
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('are on the main job and for dependents on other agents as the task has left them', async () => {
    // Plain Nx loses some of them when they come from its cache.
    const report = await bench.compare(['run-many', '-t', 'look', '--parallel=2'], { rounds: ['cold'] });

    expectParity(report);
    const { places } = report.rounds[0]!;
    const apart = Object.keys(TRUE_OUTPUT_PROJECTS).filter(
      (name) => places[`${name}:make`] !== undefined && places[`${name}:make`] !== places[`${name}:look`],
    );
    expect(apart).not.toEqual([]);
    // The comparison does not count files behind a link as files of an output.
    const behind = Object.keys(TRUE_OUTPUT_PROJECTS)
      .filter((name) => name.startsWith('through'))
      .flatMap((name) => ['a.js', 'sub/b.js'].map((file) => `libs/${name}/real/${file}`));
    expect(behind.filter((path) => !bench.pipeline.main.exists(path))).toEqual([]);
    // Transferred, not made again where they are needed.
    expect(Object.entries(places).filter(([, place]) => place === 'main')).toEqual([]);
  });
});
