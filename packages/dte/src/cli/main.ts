#!/usr/bin/env node
import { DteError } from '@org/dte-protocol';
import { CommanderError } from 'commander';
import { hideSecrets, takeHandover } from '@org/dte-config';
import { createProgram } from './program';

async function main(): Promise<void> {
  try {
    // First of all: what is started from here on inherits the environment.
    takeHandover();
    hideSecrets();
    await createProgram().parseAsync();
  } catch (thrown) {
    // Commander has printed its message, or the help, already.
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
