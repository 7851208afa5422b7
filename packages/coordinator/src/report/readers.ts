import { DteError, type LimitValues } from '@org/dte-protocol';

/** Counts who reads live: each holds a connection. */
export class Readers {
  private readonly perSession = new Map<string, number>();
  private all = 0;

  constructor(private readonly limits: Pick<LimitValues, 'reportReaders' | 'reportReadersPerSession'>) {}

  /**
   * @returns call it once when the reader has gone
   * @throws DteError DTE_TOO_MANY
   */
  enter(sessionId: string): () => void {
    const { reportReaders, reportReadersPerSession } = this.limits;
    const here = this.perSession.get(sessionId) ?? 0;
    if (here >= reportReadersPerSession)
      throw tooMany('this session', here, 'reportReadersPerSession, DTE_MAX_REPORT_READERS_PER_SESSION');
    if (this.all >= reportReaders)
      throw tooMany('this coordinator', this.all, 'reportReaders, DTE_MAX_REPORT_READERS');
    this.count(sessionId, 1);
    return () => this.count(sessionId, -1);
  }

  private count(sessionId: string, by: number): void {
    this.all += by;
    const here = (this.perSession.get(sessionId) ?? 0) + by;
    if (here > 0) this.perSession.set(sessionId, here);
    else this.perSession.delete(sessionId);
  }
}

const tooMany = (what: string, count: number, limit: string): DteError =>
  new DteError('DTE_TOO_MANY', `${count} readers look at the live report of ${what} (limit ${limit}).`);
