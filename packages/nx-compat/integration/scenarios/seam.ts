import { inspectSeam, type SeamFindings } from '../../src';

export function run(input: { workspaceRoot: string; env: NodeJS.ProcessEnv }): Promise<SeamFindings> {
  return Promise.resolve(inspectSeam(input.workspaceRoot, input.env));
}
