import { withoutMarkers } from '@org/dte-protocol';
import { OpenSections } from '@org/dte-report';
import { TappedStream, type TextStream } from './tapped-stream';

/** Part of the limit at which a job is warned: what its other commands print counts as well, and is not seen here. */
const WARNED_AT = 0.75;

export interface JobLogOptions {
  readonly out: TextStream;
  readonly err: TextStream;
  /** False: nothing is changed but for the warning. */
  readonly sections: boolean;
  /** The runner cuts the log behind it. */
  readonly limitBytes: number;
  /** What earlier commands of the job have printed. */
  readonly printedBytes: number;
  /** The lines before the log is cut. */
  readonly warning: () => string;
  /** Gets all that is shown. */
  readonly keep: (text: string) => void;
}

/**
 * The log of a main job in CI that reads it: all that this process prints passes here. Counts it, keeps it, warns before the log is
 * cut, and turns what one call prints into a section.
 */
export class JobLog {
  private readonly out: TappedStream;
  private readonly err: TappedStream;
  private printed: number;
  private isMidLine = false;
  /** Those of tasks, where the log has none of ours. */
  private readonly foreign = new OpenSections();
  /** What is being printed for a section. */
  private held: string[] | null = null;

  constructor(private readonly options: JobLogOptions) {
    this.printed = options.printedBytes;
    this.out = new TappedStream(options.out, (text) => this.onOut(text));
    this.err = new TappedStream(options.err, (text) => this.passed(this.harmless(text)));
  }

  /** Shows what `print` writes to the standard output, as `section` renders it; nothing if it writes nothing. */
  within(section: (text: string) => string, print: () => void): void {
    if (!this.options.sections || this.held !== null) {
      print();
      return;
    }
    const held: string[] = [];
    this.held = held;
    try {
      print();
    } finally {
      this.held = null;
      const text = held.join('');
      if (text !== '') this.writeSection(section(text), text);
    }
  }

  /** Makes sure that readers see what comes next: a task may have left a closed section, or invisible text. */
  surface(): void {
    this.out.write(`${this.isMidLine ? '\n' : ''}${this.foreign.close(Date.now())}`);
    this.isMidLine = false;
  }

  close(): void {
    this.out.close();
    this.err.close();
  }

  private writeSection(shown: string, text: string): void {
    const gap = this.isMidLine ? '\n' : '';
    this.out.write(this.counted(`${gap}${shown}`));
    this.options.keep(withoutMarkers(text.endsWith('\n') ? text : `${text}\n`));
    this.isMidLine = false;
  }

  private onOut(text: string): string | null {
    if (this.held === null) return this.passed(this.harmless(text));
    this.held.push(text);
    return null;
  }

  /** Sections are closed to readers, so what only a task may have written must not look like one. */
  private harmless(text: string): string {
    return this.options.sections ? withoutMarkers(text) : text;
  }

  private passed(text: string): string {
    if (text === '') return text;
    this.foreign.see(text);
    const shown = this.counted(text);
    this.isMidLine = !text.endsWith('\n');
    this.options.keep(withoutMarkers(text));
    return shown;
  }

  /** With the warning in front of it if it is time for that. */
  private counted(text: string): string {
    const { limitBytes, warning } = this.options;
    const threshold = limitBytes * WARNED_AT;
    const before = this.printed;
    this.printed += Buffer.byteLength(text);
    if (before >= threshold || this.printed < threshold) return text;
    const lines = `${this.isMidLine ? '\n' : ''}${warning()}\n`;
    this.printed += Buffer.byteLength(lines);
    return lines + text;
  }
}
