import { defineErrors, type ErrorDetails, EXIT } from './define.js';

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

/** `at` of the details, as "file:line:column: ", empty when the value came from no file. */
function place(details: ErrorDetails): string {
  const { file, line, column } = details;
  if (file === undefined) return '';
  return `${text(file)}${line === undefined ? '' : `:${text(line)}`}${column === undefined ? '' : `:${text(column)}`}: `;
}

const didYouMean = (details: ErrorDetails): string | undefined =>
  details.suggestion === undefined ? undefined : `Did you mean ${text(details.suggestion)}?`;

const hintOf = (details: ErrorDetails): string =>
  details.hint === undefined ? (didYouMean(details) ?? '') : text(details.hint);

const usage = { exitCode: EXIT.usage, httpStatus: 400 } as const;

/** Errors of configuration, config files and the command line. */
export const CONFIG_ERRORS = defineErrors({
  CONFIG_UNKNOWN_KEY: {
    ...usage,
    message: (d) => `${place(d)}unknown option '${text(d.key)}'`,
    hint: (d) => didYouMean(d) ?? text(d.hint ?? 'easynlp <command> --help lists every option.'),
  },
  CONFIG_INVALID_VALUE: {
    ...usage,
    message: (d) => `${place(d)}${text(d.key)}: expected ${text(d.expected)}, got ${text(d.got)}`,
    hint: hintOf,
  },
  CONFIG_MISSING_VALUE: {
    ...usage,
    message: (d) => `${place(d)}${text(d.key)} is required: ${text(d.expected)}`,
    hint: hintOf,
  },
  CONFIG_CONFLICT: {
    ...usage,
    message: (d) => `${place(d)}${text(d.problem)}`,
    hint: hintOf,
  },
  CONFIG_SEVERAL_PROBLEMS: {
    ...usage,
    message: (d) => {
      const problems = Array.isArray(d.problems) ? d.problems.map(text) : [];
      return `${problems.length} problems in the configuration:\n${problems.map((p) => `  ${p}`).join('\n')}`;
    },
  },
  CONFIG_FILE_UNREADABLE: {
    ...usage,
    message: (d) => `cannot read the config file ${text(d.file)}: ${text(d.reason)}`,
    hint: () => 'Check the path given to --config; relative paths start at the working directory.',
  },
  CONFIG_FILE_SYNTAX: {
    ...usage,
    message: (d) => `${place(d)}${text(d.reason)}`,
    hint: () =>
      'The file must hold one YAML (or JSON) mapping of option names to values, such as "epochs: 3".',
  },
  CLI_UNKNOWN_COMMAND: {
    ...usage,
    message: (d) => `unknown command '${text(d.command)}'`,
    hint: (d) => didYouMean(d) ?? `Commands: ${text(d.commands)}.`,
  },
  CLI_UNKNOWN_FLAG: {
    ...usage,
    message: (d) => `unknown flag '${text(d.flag)}'`,
    hint: (d) => didYouMean(d) ?? text(d.hint ?? 'Add --help to see the flags of a command.'),
  },
  CLI_BAD_FLAG: {
    ...usage,
    message: (d) => `${text(d.flag)}: ${text(d.problem)}`,
    hint: hintOf,
  },
  CLI_UNEXPECTED_ARGUMENT: {
    ...usage,
    message: (d) => `unexpected argument '${text(d.argument)}'`,
    hint: (d) => text(d.hint ?? 'Values belong to a flag, for example --train train.tsv.'),
  },
  CLI_USER_DEFINED_PARAMETERS: {
    ...usage,
    message: (d) => `--user_defined_parameters, character ${text(d.column)}: ${text(d.problem)}`,
    hint: () =>
      `Write key=value pairs separated by spaces; quote a value that holds spaces: pattern='sent1, label'.`,
  },
  FEATURE_NOT_AVAILABLE: {
    exitCode: EXIT.usage,
    httpStatus: 501,
    message: (d) => `${text(d.feature)} is not available yet (asked for by ${text(d.flag)})`,
    hint: hintOf,
  },
  FEATURE_NOT_SUPPORTED: {
    exitCode: EXIT.usage,
    httpStatus: 501,
    message: (d) => `${text(d.flag)} is not supported: ${text(d.reason)}`,
    hint: hintOf,
  },
  LIBRARY_NOT_READY: {
    exitCode: EXIT.unexpected,
    httpStatus: 503,
    message: (d) => `the toolkit could not be loaded: ${text(d.reason)}`,
    hint: () => 'easynlp doctor says what is missing and the command that mends it.',
  },
  INTERRUPTED: {
    exitCode: EXIT.interrupted,
    httpStatus: 499,
    message: (d) => `interrupted${d.what === undefined ? '' : ` during ${text(d.what)}`}`,
    hint: hintOf,
  },
});
