import type { Library } from './library.js';

/** A stream that the command line writes to. */
export interface TextOutput {
  write(text: string): unknown;
  /** True on a terminal: progress may then rewrite its line. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Everything outside the process that the command line touches; tests give their own. */
export interface CliIo {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly stdin: NodeJS.ReadableStream;
  /** Calls back at each Ctrl-C (SIGINT) or SIGTERM until the returned function is called. */
  readonly onInterrupt: (handler: () => void) => () => void;
  /** Ends the process at once, for the second Ctrl-C. */
  readonly kill: (exitCode: number) => void;
  /** Loads the toolkit itself, native code included; as late as possible, so that help and doctor always work. */
  readonly library: () => Promise<Library>;
}

export function processIo(): CliIo {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    get stdin() {
      return process.stdin;
    },
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
    kill: (exitCode) => process.exit(exitCode),
    library: async () => (await import('./library.js')).loadLibrary(),
  };
}
