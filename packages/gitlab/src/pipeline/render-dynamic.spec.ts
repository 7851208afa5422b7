import { renderDynamicPipeline, renderGitlabFile } from './index';
import { documents, isMapping, jobsOf, merge, type Mapping } from './test-support/ci-schema';
import { DEFAULTS } from './test-support/options';

const only = (text: string): Mapping => documents(text)[0]!;

/** The child pipeline as GitLab merges it: the included file, then the including one. */
const child = (agents: number) =>
  jobsOf(
    merge(
      only(renderGitlabFile({ ...DEFAULTS, dynamic: true })),
      only(renderDynamicPipeline(DEFAULTS, agents)),
    ),
  );

describe('renderDynamicPipeline', () => {
  it('includes the project file and sets the number of agents', () => {
    expect(renderDynamicPipeline(DEFAULTS, 5)).toMatchSnapshot();
  });

  it('runs the main job alone, without waiting, when there is nothing for agents', () => {
    expect(renderDynamicPipeline(DEFAULTS, 0)).toMatchSnapshot();
    const { nx, 'nx-agent': agent } = child(0);
    expect(agent!['rules']).toEqual([{ when: 'never' }]);
    expect(nx!['variables']).toMatchObject({ DTE_AGENT_WAIT_MS: '1', DTE_RENDEZVOUS: 'gitlab-packages' });
  });

  it('has main job and agents in the child pipeline, and the plan in the parent', () => {
    const selectedBy = Object.entries(child(5)).map(([name, { rules }]) => {
      const [first] = Array.isArray(rules) ? rules : [];
      return [name, first];
    });
    expect(Object.fromEntries(selectedBy)).toEqual({
      'nx-plan': { if: '$DTE_PLANNED', when: 'never' },
      'nx-pipeline': { if: '$DTE_PLANNED', when: 'never' },
      nx: { if: '$DTE_PLANNED' },
      'nx-agent': { if: '$DTE_PLANNED' },
    });
  });

  it('declares the stage of its jobs, and runs for any kind of parent pipeline', () => {
    const { stages, workflow } = only(renderDynamicPipeline({ stage: 'verify', folder: '' }, 2));
    expect(stages).toEqual(['verify']);
    expect(isMapping(workflow) && workflow['rules']).toEqual([{ when: 'always' }]);
  });
});
