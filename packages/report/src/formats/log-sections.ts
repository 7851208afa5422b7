import { SECTION_MARKER, withoutMarkers } from '@org/dte-protocol';

/*
 * GitLab's collapsible sections in the log of a job. GitLab recognises a marker anywhere in a line, also in what a task prints:
 * `section_start:<seconds>:<name>[<options>]\r\e[0K`.
 */

/** At most so many characters, so that what is passed on is no shorter or longer for GitLab than here. */
// eslint-disable-next-line no-control-regex -- what GitLab looks for
const MARKER = /section_(start|end):\d{1,18}:([A-Za-z0-9_.-]{1,200})(?:\[[^\]\r\n]{0,200}\])?\r\u001B\[0K/y;

/** GitLab compares names in this form. */
const canonical = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-');

/** Sections of dte, and those of the runner around a script. */
const RESERVED = /^(?:dte-|step-script$|after-script$)/;

const inSeconds = (ms: number): number => Math.floor(ms / 1000);

const endMarker = (name: string, ms: number): string =>
  `\u001B[0Ksection_end:${inSeconds(ms)}:${name}\r\u001B[0K`;

/**
 * Text whose own sections do not reach beyond it: those that it leaves open are closed at its end, and a marker that would close
 * another section, or would be complete only together with the text behind it, has no effect.
 */
function enclosed(text: string, endMs: number): string {
  const open = new Map<string, string>();
  const parts: string[] = [];
  let at = 0;
  for (const { index } of text.matchAll(SECTION_MARKER)) {
    MARKER.lastIndex = index;
    const [marker, kind, name = ''] = MARKER.exec(text) ?? [];
    const key = canonical(name);
    const isSound =
      marker !== undefined && !RESERVED.test(key) && (kind === 'start' ? !open.has(key) : open.has(key));
    if (!isSound) continue;
    if (kind === 'start') open.set(key, name);
    else open.delete(key);
    parts.push(withoutMarkers(text.slice(at, index)), marker);
    at = index + marker.length;
  }
  parts.push(withoutMarkers(text.slice(at)));
  const left = [...open.values()].reverse().map((name) => endMarker(name, endMs));
  return left.length === 0 ? parts.join('') : `${withLineEnd(parts.join(''))}${left.join('')}`;
}

const withLineEnd = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

/** What is shown as one collapsible section. */
export interface LogSection {
  /** Unique in the log of a job: lower case letters, digits and `-`. */
  readonly name: string;
  /** A single line, which stays visible. */
  readonly header: string;
  readonly isClosed: boolean;
  readonly startMs: number;
  readonly endMs: number;
  /** Untrusted. */
  readonly text: string;
}

/** Ends colours, and text that is invisible: GitLab carries both on to the lines that follow. */
const RESET = '\u001B[0m';

/**
 * A section as GitLab shows it; complete, for a cursor at the beginning of a line, and leaves it there. GitLab shows the duration
 * next to the header.
 */
export function sectionOf({ name, header, isClosed, startMs, endMs, text }: LogSection): string {
  const start = Math.min(startMs, endMs);
  const options = isClosed ? '[collapsed=true]' : '';
  return [
    `\u001B[0Ksection_start:${inSeconds(start)}:${name}${options}\r\u001B[0K${withoutMarkers(header)}\n`,
    withLineEnd(enclosed(text, endMs)),
    RESET,
    endMarker(name, endMs),
    // GitLab shows no line for it, and other readers of a log would take the next line for a part of the marker.
    '\n',
  ].join('');
}

/** No marker that GitLab recognises is longer in practice; so much is kept of a text that may go on with one. */
const TAIL = 512;

/** Which sections the text so far has left open, as GitLab counts them; the text comes in pieces, cut anywhere. */
export class OpenSections {
  private readonly open = new Map<string, string>();
  private tail = '';

  see(piece: string): void {
    const text = this.tail + piece;
    let at = 0;
    for (const { index } of text.matchAll(SECTION_MARKER)) {
      MARKER.lastIndex = index;
      const [marker, kind, name = ''] = MARKER.exec(text) ?? [];
      if (marker === undefined) continue;
      if (kind === 'start') this.open.set(canonical(name), name);
      else this.open.delete(canonical(name));
      at = index + marker.length;
    }
    this.tail = text.slice(at).slice(-TAIL);
  }

  /** Closes all of them, and ends invisible text; for a cursor at the beginning of a line. */
  close(nowMs: number): string {
    const markers = [...this.open.values()].reverse().map((name) => endMarker(name, nowMs));
    this.open.clear();
    this.tail = '';
    return `${RESET}${markers.join('')}`;
  }
}
