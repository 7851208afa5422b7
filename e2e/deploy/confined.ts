import { spawnSync } from 'node:child_process';

/** Numbers of Linux. A family that the unit names and that is not here fails the test. */
const FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };
/** Of the system call `socket`. */
const SOCKET: Partial<Record<NodeJS.Architecture, number>> = { x64: 41, arm64: 198 };

/**
 * As systemd does it for `RestrictAddressFamilies`: a filter in the kernel, which refuses sockets of other families with EAFNOSUPPORT, and
 * then the program. Arguments: number of the system call, families, command. Instructions of the filter: load the call; if it is not
 * `socket`, allow; load its first argument; for each family, if it is that one, allow; refuse; allow.
 */
const LOADER = `
import ctypes, os, struct, sys
call, families, command = int(sys.argv[1]), [int(one) for one in sys.argv[2].split(',')], sys.argv[3:]
LOAD, EQUALS, RETURN, REFUSE, ALLOW = 0x20, 0x15, 0x06, 0x50000 | 97, 0x7FFF0000
step = lambda code, value, yes=0, no=0: struct.pack('HBBI', code, yes, no, value)
count = len(families)
program = [step(LOAD, 0), step(EQUALS, call, 0, count + 2), step(LOAD, 16)]
program += [step(EQUALS, family, count - index) for index, family in enumerate(families)]
program += [step(RETURN, REFUSE), step(RETURN, ALLOW)]
text = ctypes.create_string_buffer(b''.join(program))
header = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(program), ctypes.addressof(text)))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(header), 0, 0) != 0:
    sys.exit('no filter')
os.execvp(command[0], command)
`;

/** Whether this machine can do that. */
export const canConfine =
  process.platform === 'linux' &&
  SOCKET[process.arch] !== undefined &&
  spawnSync('python3', ['-c', '']).status === 0;

/** A command line that may open sockets of these families only. @throws Error for a family that is not known here */
export function confined(families: readonly string[], command: readonly string[]): readonly string[] {
  const numbers = families.map((name) => {
    const number = FAMILIES[name];
    if (number === undefined) throw new Error(`${name} has no number here`);
    return number;
  });
  return ['python3', '-c', LOADER, String(SOCKET[process.arch]), numbers.join(','), ...command];
}

/** The value of the last line `name=` of a unit, split at spaces. */
export function wordsOf(unit: string, name: string): readonly string[] {
  const [, value = ''] = [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].at(-1) ?? [];
  return value.split(' ').filter(Boolean);
}
