import { loadRestLater } from '@org/dte-client';
import type { Command } from 'commander';
import { basename, dirname } from 'node:path';

/** See `loadRestLater`: all commands are in this folder, each in a file with its name, and this process runs one of them. */
export function loadOwnLater(own: Command): void {
  const others = new Set(own.parent?.commands.filter((each) => each !== own).map((each) => each.name()));
  loadRestLater((file) => dirname(file) === __dirname && others.has(basename(file, '.js')));
}
