import { Option, type Command } from 'commander';
import { OPTIONS, type OptionName } from '@org/dte-config';

/** Adds the flags of these options, with their descriptions from the schema. Values stay unparsed: the schema parses them. */
export function addFlags(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) {
    const option = OPTIONS.find((entry) => entry.name === name);
    if (!option?.about.flag) throw new Error(`option ${name} has no flag`);
    const { flag, description, env } = option.about;
    command.addOption(new Option(flag, env === null ? description : `${description} [${env}]`));
  }
  return command;
}
