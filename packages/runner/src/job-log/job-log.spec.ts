import { JobLog, type JobLogOptions } from './job-log';
import type { TextStream } from './tapped-stream';

const ESC = '\u001B';
const HIDING = `${ESC}[0Ksection_start:1:x[collapsed=true]\r${ESC}[0K`;

class Screen {
  text = '';
  readonly streams = [this.stream(), this.stream()] as const;

  private stream(): TextStream {
    const write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      const told = typeof encoding === 'function' ? encoding : done;
      if (typeof told === 'function') (told as () => void)();
      return true;
    };
    return { write: write };
  }
}

describe('the log of a job', () => {
  let screen: Screen;
  let kept: string;
  let log: JobLog;
  const open = (options: Partial<JobLogOptions> = {}): [TextStream, TextStream] => {
    screen = new Screen();
    kept = '';
    const [out, err] = screen.streams;
    log = new JobLog({
      out,
      err,
      sections: true,
      limitBytes: 1_000_000,
      printedBytes: 0,
      warning: () => 'WARNING',
      keep: (text) => (kept += text),
      ...options,
    });
    return [out, err];
  };
  const section = (text: string): string => `<${text}>`;

  it('shows what one call prints as one section, at the beginning of a line, and keeps it without the section', () => {
    const [out, err] = open();
    out.write('no end of line');
    log.within(section, () => {
      out.write('one\n');
      out.write(Buffer.from('ünd'));
    });
    err.write('after\n');
    expect(screen.text).toBe('no end of line\n<one\nünd>after\n');
    expect(kept).toBe('no end of lineone\nünd\nafter\n');
  });

  it('has no section for a task of which Nx prints nothing', () => {
    open();
    log.within(section, () => undefined);
    expect(screen.text).toBe('');
  });

  it('shows what was printed before Nx failed to print more', () => {
    const [out] = open();
    expect(() =>
      log.within(section, () => {
        out.write('one\n');
        throw new Error('broken');
      }),
    ).toThrow('broken');
    out.write('after\n');
    expect(screen.text).toBe('<one\n>after\n');
  });

  it('lets no marker through outside of sections', () => {
    const [out, err] = open();
    out.write(`${HIDING}text\n`);
    err.write(Buffer.from(`${HIDING}text\n`));
    expect(screen.text).not.toContain('section_start:');
    expect(screen.text).toContain('text\n');
  });

  it('without sections, changes nothing, and brings readers back to where they see what follows', () => {
    const [out] = open({ sections: false });
    for (const piece of [HIDING.slice(0, 20), HIDING.slice(20), `${ESC}[8mhidden`]) out.write(piece);
    log.within(section, () => out.write('printed'));
    expect(screen.text).toBe(`${HIDING}${ESC}[8mhiddenprinted`);
    log.surface();
    expect(screen.text.slice(`${HIDING}${ESC}[8mhiddenprinted`.length)).toMatch(
      // eslint-disable-next-line no-control-regex -- what GitLab looks for
      /^\n\u001B\[0m\u001B\[0Ksection_end:\d+:x\r\u001B\[0K$/,
    );
  });

  it('warns once, before what would not fit any more', () => {
    const [out] = open({ limitBytes: 100 });
    out.write('x'.repeat(70));
    log.within(section, () => out.write('y'.repeat(200)));
    out.write('z'.repeat(200));
    expect(screen.text).toBe(`${'x'.repeat(70)}\nWARNING\n\n<${'y'.repeat(200)}>${'z'.repeat(200)}`);
  });

  it('counts what earlier commands of the job have printed, and does not repeat their warning', () => {
    const [out] = open({ limitBytes: 100, printedBytes: 70 });
    out.write('x'.repeat(10));
    expect(screen.text).toMatch(/^WARNING\nx+$/);
    const [later] = open({ limitBytes: 100, printedBytes: 80 });
    later.write('x');
    expect(screen.text).toBe('x');
  });

  it('calls back, and gives the streams back', async () => {
    const [out] = open();
    await new Promise<void>((resolve) => log.within(section, () => out.write('x', () => resolve())));
    await new Promise<void>((resolve) => out.write('y', 'utf8', () => resolve()));
    const tapped = out.write;
    log.close();
    expect(out.write).not.toBe(tapped);
    tapped.call(out, HIDING);
    expect(screen.text.endsWith(HIDING)).toBe(true);
  });
});
