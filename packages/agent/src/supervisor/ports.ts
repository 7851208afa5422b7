/** Where an agent's log goes; `process.stdout` is one. */
export interface LogStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Where stop signals come from; `process` is one. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;
