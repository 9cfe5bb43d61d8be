import { defineErrors, type ErrorDetails, EXIT } from './define.js';

const text = (value: unknown) => String(value);

/** `reviews.tsv, line 12` – as much of the place as the details know. */
const where = (d: ErrorDetails): string => {
  const parts: string[] = [];
  if (d.file !== undefined) parts.push(text(d.file));
  if (d.line !== undefined) parts.push(`${d.record === true ? 'record' : 'line'} ${text(d.line)}`);
  if (d.column !== undefined) parts.push(`column "${text(d.column)}"`);
  return parts.join(', ');
};

/** A value shortened for a message: one line, at most 60 characters. */
const shown = (value: unknown): string => {
  const json = JSON.stringify(value) ?? text(value);
  const characters = Array.from(json);
  return characters.length > 60 ? `${characters.slice(0, 57).join('')}…` : json;
};

const list = (values: unknown, limit = 20): string => {
  if (!Array.isArray(values)) return text(values);
  const head = values.slice(0, limit).map((value) => shown(value));
  return values.length > limit ? `${head.join(', ')} … (${values.length} in all)` : head.join(', ');
};

const suggestion = (d: ErrorDetails) =>
  d.suggestion === undefined || d.suggestion === null ? '' : ` Did you mean "${text(d.suggestion)}"?`;

const exitCode = EXIT.data;
const httpStatus = 422;

export const DATA_ERRORS = defineErrors({
  DATA_FILE_NOT_FOUND: {
    exitCode,
    httpStatus,
    message: (d) => `${text(d.file)}: there is no such file.${suggestion(d)}`,
    hint: (d) =>
      d.hint === undefined
        ? 'Check the path; relative paths are taken from the current folder.'
        : text(d.hint),
  },
  DATA_FILE_UNREADABLE: {
    exitCode,
    httpStatus,
    message: (d) => `${text(d.file)} cannot be read: ${text(d.reason)}.`,
    hint: () => 'Check that it is a regular file and that you may read it.',
  },
  DATA_EMPTY: {
    exitCode,
    httpStatus,
    message: (d) =>
      `${text(d.file)} has no data rows${d.reason === undefined ? '' : ` (${text(d.reason)})`}.`,
    hint: () => 'Expected at least one row.',
  },
  DATA_ENCODING: {
    exitCode,
    httpStatus,
    message: (d) =>
      `${where(d)}: not valid UTF-8 (byte ${text(d.byte)} of the line is ${text(d.got)}); expected UTF-8 text.`,
    hint: () => 'Convert the file first, e.g. `iconv -f GB18030 -t UTF-8 old.tsv > new.tsv`.',
  },
  DATA_COMPRESSED: {
    exitCode,
    httpStatus,
    message: (d) => `${where(d)}: the compressed file is damaged or cut short: ${text(d.reason)}.`,
    hint: () => 'Copy or download the file again; `gzip -t FILE` checks it.',
  },
  DATA_SCHEMA: {
    exitCode,
    httpStatus,
    message: (d) => `The schema "${text(d.schema)}" is wrong at item ${text(d.item)}: ${text(d.reason)}.`,
    hint: () =>
      'Expected name:type:length items separated by commas, type being str, int or float, e.g. "text:str:1,label:str:1".',
  },
  DATA_FORMAT: {
    exitCode,
    httpStatus,
    message: (d) => `${text(d.file)}: ${text(d.reason)}.`,
    hint: () =>
      'Formats: easynlp (headerless TSV with a schema), tsv, csv, jsonl, parquet, conll, cluener, squad (also CMRC 2018 and DRCD).',
  },
  DATA_COLUMN_COUNT: {
    exitCode,
    httpStatus,
    message: (d) =>
      `${where(d)}: ${text(d.got)} columns, expected ${text(d.expected)} (${list(d.columns)}); the line is ${shown(d.content)}.`,
    hint: (d) =>
      d.hint === undefined
        ? 'Columns are separated by TAB; the schema must name each of them.'
        : text(d.hint),
  },
  DATA_COLUMN_UNKNOWN: {
    exitCode,
    httpStatus,
    message: (d) => `${where(d)}: no such column.${suggestion(d)} The columns are: ${list(d.known)}.`,
    hint: () =>
      'Name one of the existing columns. Where the file has no header line, name its columns with the option schema, e.g. "label:str:1,text:str:1".',
  },
  DATA_COLUMN_DUPLICATE: {
    exitCode,
    httpStatus,
    message: (d) => `${where(d)}: the column occurs twice.`,
    hint: () => 'Every column needs a name of its own.',
  },
  DATA_CELL: {
    exitCode,
    httpStatus,
    message: (d) => `${where(d)}: ${shown(d.got)} is not ${text(d.expected)}.`,
    hint: (d) => (d.hint === undefined ? 'Correct the cell or the type in the schema.' : text(d.hint)),
  },
  DATA_ROW_MALFORMED: {
    exitCode,
    httpStatus,
    message: (d) => `${where(d)}: ${text(d.reason)}.`,
    hint: (d) => (d.hint === undefined ? 'Correct or remove this row.' : text(d.hint)),
  },
  DATA_LABEL_UNKNOWN: {
    exitCode,
    httpStatus,
    message: (d) =>
      `${where(d)}: the label ${shown(d.got)} is not one of the known labels.${suggestion(d)} Known: ${list(d.known)}.`,
    hint: () => 'Correct the row, or add the label to the list of labels.',
  },
  DATA_LABELS: {
    exitCode,
    httpStatus,
    message: (d) => `The labels cannot be used: ${text(d.reason)}.`,
    hint: () => 'Give a comma-separated list ("0,1"), or a file with one label a line, or labelled data.',
  },
  DATA_ENCODE: {
    exitCode,
    httpStatus,
    message: (d) => `${text(d.file)}: ${text(d.reason)}.`,
  },
  DATA_POSITION: {
    exitCode,
    httpStatus,
    message: (d) => `The position ${shown(d.position)} does not fit ${text(d.file)}: ${text(d.reason)}.`,
    hint: () => 'Resume with the same data, batch size, token budget, seed and number of ranks.',
  },
  DATA_TOKENIZER: {
    exitCode,
    httpStatus,
    message: (d) => `${text(d.file)}: not a usable tokenizer: ${text(d.reason)}.`,
    hint: () =>
      'Expected a folder with tokenizer.json, with vocab.txt (one token a line), or with vocab.json and merges.txt; tokenizer_config.json is optional.',
  },
  DATA_CACHE_DAMAGED: {
    exitCode,
    httpStatus,
    message: (d) => `The token cache ${text(d.folder)} cannot be used: ${text(d.reason)}.`,
    hint: () => 'Delete the folder; it is built again from the documents.',
  },
  DATA_CACHE_MISMATCH: {
    exitCode,
    httpStatus,
    message: (d) =>
      `The token cache ${text(d.folder)} was built with another ${text(d.field)}: ${shown(d.before)}, now it is ${shown(d.now)}.`,
    hint: () => 'Use what it was built with, or delete the folder to have it built again.',
  },
  DATA_SOURCE: {
    exitCode,
    httpStatus,
    message: (d) => `The corpus cannot be used: ${text(d.reason)}.${suggestion(d)}`,
    hint: (d) =>
      d.hint === undefined
        ? 'Give text or JSON Lines files, folders of them, or patterns such as "corpus/news_*.txt.xz".'
        : text(d.hint),
  },
  DATA_MAX_LENGTH: {
    exitCode,
    httpStatus,
    message: (d) =>
      `A maximum length of ${text(d.got)} leaves no room for text: ${text(d.special)} special tokens are added to ${text(d.kind)}.`,
    hint: (d) => `Use at least ${text(Number(d.special) + 1)}.`,
  },
});
