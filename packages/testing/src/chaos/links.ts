import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { REPOSITORY } from '../workspace';
import type { Believer } from './tcp-proxy';

/** What the thread is told. */
export type LinkOrder =
  | { readonly what: 'open'; readonly link: number }
  | { readonly what: 'reset'; readonly link: number }
  | { readonly what: 'target'; readonly port: number }
  | { readonly what: 'cut'; readonly link: number; readonly forMs: number }
  | { readonly what: 'stall'; readonly link: number; readonly forMs: number }
  | { readonly what: 'slow'; readonly link: number; readonly bytesPerSecond: number; readonly forMs: number }
  | { readonly what: 'half-open'; readonly link: number; readonly believer: Believer };

/** One job's way to the coordinator. */
export interface ChaosLink {
  readonly url: string;
  readonly index: number;
}

/** A worker has no source maps or types of ours; the tools and the end-to-end tests build before they begin. */
const MAIN = join(REPOSITORY, 'packages', 'testing', 'dist', 'chaos', 'links-main.js');

/**
 * All links of one run. They are in a thread of their own: cloning a workspace blocks this one for seconds, and agents would take that
 * for a coordinator that is silent.
 */
export class ChaosLinks {
  private readonly worker = new Worker(MAIN);
  private opened = 0;

  constructor() {
    // An error of the links is one of the run: nothing gets through any more.
    this.worker.on('error', (error) => console.error(error));
  }

  /** All links lead to this port of 127.0.0.1 from now on. */
  leadTo(port: number): void {
    this.tell({ what: 'target', port });
  }

  async open(): Promise<ChaosLink> {
    const index = this.opened++;
    const answer = new Promise<string>((resolve) => {
      const onMessage = ({ url, link }: { url: string; link: number }): void => {
        if (link !== index) return;
        this.worker.off('message', onMessage);
        resolve(url);
      };
      this.worker.on('message', onMessage);
    });
    this.tell({ what: 'open', link: index });
    return { index, url: await answer };
  }

  tell(order: LinkOrder): void {
    this.worker.postMessage(order);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}
