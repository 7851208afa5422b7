import { request } from 'node:http';
import type { ReportEvent } from '@org/dte-report';

interface Frame {
  readonly id: number | null;
  readonly event: string;
  readonly data: string;
}

/** A browser's end of a stream of server-sent events; `pause` makes it one that does not read. */
export class EventReader {
  readonly status: Promise<number>;
  text = '';
  ended = false;
  private readonly outgoing;
  private incoming: NodeJS.ReadableStream | null = null;

  constructor(url: string, path: string, headers: Record<string, string>) {
    this.outgoing = request(`${url}${path}`, { headers });
    this.status = new Promise((resolve, reject) => {
      this.outgoing.on('error', reject).on('response', (response) => {
        this.incoming = response;
        response.setEncoding('utf8');
        response.on('data', (text: string) => (this.text += text));
        response.on('close', () => (this.ended = true)).on('error', () => (this.ended = true));
        resolve(response.statusCode ?? 0);
      });
    });
    this.outgoing.end();
  }

  get frames(): Frame[] {
    return this.text.split('\n\n').flatMap((block) => {
      const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      const id = field('id');
      if (data === undefined) return [];
      return [{ id: id === undefined ? null : Number(id), event: field('event') ?? 'message', data }];
    });
  }

  get events(): ReportEvent[] {
    return this.frames.flatMap(({ data }) => JSON.parse(data) as ReportEvent[]);
  }

  pause(): void {
    this.incoming?.pause();
  }

  resume(): void {
    this.incoming?.resume();
  }

  close(): void {
    this.outgoing.on('error', () => undefined).destroy();
  }
}
