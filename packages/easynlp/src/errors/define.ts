/** Values that an error's message may mention: file, line, column, field, expected, got… */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Exit codes of the command line; every error of the registry names one. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  data: 3,
  model: 4,
  network: 5,
  training: 6,
  io: 7,
  interrupted: 130,
} as const;

export interface ErrorSpec {
  /** Process exit code when the command line ends with this error (see EXIT). */
  readonly exitCode: number;
  /** Status of the HTTP answer when a server meets this error. */
  readonly httpStatus: number;
  /** What was wrong, where, and what was expected. */
  readonly message: (details: ErrorDetails) => string;
  /** What to do about it. */
  readonly hint?: (details: ErrorDetails) => string;
}

/** Declares one area's table of errors; the identity function keeps the codes as literal types. */
export function defineErrors<T extends Record<string, ErrorSpec>>(table: T): T {
  return table;
}
