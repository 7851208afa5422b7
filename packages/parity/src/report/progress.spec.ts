import { PassThrough } from 'node:stream';
import { Progress } from './progress';

describe('progress', () => {
  const open = (): { screen: PassThrough; progress: Progress; text: () => string } => {
    const screen = new PassThrough();
    return { screen, progress: new Progress(screen), text: () => String(screen.read() ?? '') };
  };

  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('prints a line every 30 s where there is no terminal, with what runs', async () => {
    const { progress, text } = open();
    let end: (value: number) => void = () => undefined;
    const step = progress.step(
      'Plain Nx',
      (live) => {
        live(() => '1 of 2 tasks · a:build');
        return new Promise<number>((resolve) => (end = resolve));
      },
      (tasks) => `Plain Nx: ${tasks} tasks`,
    );
    jest.advanceTimersByTime(61_000);
    end(2);
    await step;
    expect(text()).toBe(
      '  Plain Nx …\n  Plain Nx · 30 s · 1 of 2 tasks · a:build\n  Plain Nx · 1 min 0 s · 1 of 2 tasks · a:build\n✔ Plain Nx: 2 tasks · 1 min 1 s\n',
    );
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says which step failed', async () => {
    const { progress, text } = open();
    const step = progress.step('Copying', () => Promise.reject(new Error('no space')), String);
    await expect(step).rejects.toThrow('no space');
    expect(text()).toBe('  Copying …\n✖ Copying · 0 s\n');
  });
});
