#!/usr/bin/env node
import { DteError } from '@org/dte-protocol';
import { CommanderError } from 'commander';
import { hideSecrets, takeHandover } from '@org/dte-config';
import { createProgram } from './program';

async function main(): Promise<void> {
  try {
    // This comes first: child processes inherit the environment.
    takeHandover();
    hideSecrets();
    await createProgram().parseAsync();
  } catch (thrown) {
    // Commander has already printed its message or the help.
    if (thrown instanceof CommanderError) {
      process.exitCode = thrown.exitCode;
      return;
    }
    const error = DteError.from(thrown);
    process.stderr.write(`dte: ${error.explain()}\n`);
    if (error.code === 'DTE_INTERNAL' && error.cause instanceof Error)
      process.stderr.write(`${error.cause.stack ?? ''}\n`);
    process.exitCode = 1;
  }
}

void main();
