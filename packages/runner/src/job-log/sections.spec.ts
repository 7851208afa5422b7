import type { NxLifeCycle, NxTaskStatus } from '@org/dte-nx-compat';
import { task } from '../test-support/tasks';
import { JobLog } from './job-log';
import { withSections } from './sections';
import type { TextStream } from './tapped-stream';

describe('the life cycle with sections', () => {
  const shown = (
    status: NxTaskStatus,
    { startTime = 5_000, endTime = 9_000, place = 'agent 1/2' } = {},
  ): string => {
    let text = '';
    const stream = (): TextStream => ({
      write: (chunk: string) => {
        text += chunk;
        return true;
      },
    });
    const [out, err] = [stream(), stream()];
    const log = new JobLog({
      out,
      err,
      sections: true,
      limitBytes: 1_000_000,
      printedBytes: 0,
      warning: () => '',
      keep: () => undefined,
    });
    const nx: NxLifeCycle = { printTaskTerminalOutput: (_, __, output) => void out.write(`nx: ${output}\n`) };
    const lifeCycle = withSections(nx, { log, runId: '0123456789abcdef', placeOf: () => place });
    lifeCycle.printTaskTerminalOutput?.(task('@org/app:Test', { startTime, endTime }), status, 'output');
    lifeCycle.printTaskTerminalOutput?.(task('@org/app:Test', { startTime, endTime }), status, 'again');
    return text;
  };

  it('closes what passed, opens what failed, and never uses a name twice', () => {
    const name = (count: number): string => `dte-01234567-${count}--org-app-test`;
    expect(shown('success')).toContain(
      `section_start:5:${name(1)}[collapsed=true]\r\u001B[0K✔ @org/app:Test · on agent 1/2\nnx: output\n`,
    );
    const failed = shown('failure');
    expect(failed).toContain(`section_start:5:${name(1)}\r\u001B[0K✖ @org/app:Test · failed on agent 1/2\n`);
    expect(failed).toContain(`section_end:9:${name(1)}\r`);
    expect(failed).toContain(`section_start:5:${name(2)}\r`);
    expect(shown('remote-cache')).toContain('[collapsed=true]\r\u001B[0K✔ @org/app:Test · remote cache\n');
    expect(shown('stopped')).not.toContain('collapsed');
  });
});
