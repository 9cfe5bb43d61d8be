import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { conllTable } from './conll-table.js';
import { csvTable } from './csv-table.js';
import { probeFile } from './file-bytes.js';
import { jsonlTable } from './jsonl-table.js';
import { parquetTable } from './parquet-table.js';
import { parseSchema } from './schema.js';
import { CONLL_NAMES, looksLikeConll, looksLikeSpans } from './sniff-format.js';
import { spanTable } from './span-table.js';
import { looksLikeSquad, squadTable } from './squad-table.js';
import { easynlpTable, headedTsvTable } from './tsv-table.js';
import type { Column, DataSource } from './types.js';

export const TABLE_FORMATS = [
  'easynlp',
  'tsv',
  'csv',
  'jsonl',
  'parquet',
  'conll',
  'cluener',
  'squad',
] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

export interface OpenTableOptions {
  /**
   * `auto` (default) goes by the name, a final `.gz` left out: `.csv`, `.parquet`, `.jsonl` (also `.ndjson`,
   * `.json`), `.conll` (also `.bio`, `.bmes` and the like); any other name is `easynlp` when a schema is given and
   * `tsv` (with a header) when not. Some formats are known by their content: a JSON document of questions about texts is
   * `squad` (also CMRC 2018, DRCD), JSON objects with CLUENER's labels are `cluener`, and a file without a schema of
   * which every line ends with a tag (O, B-PER …) is `conll`.
   */
  readonly format?: TableFormat | 'auto';
  /** `name:type:length,…`: all columns of a headerless table; names and types to use from any other. */
  readonly schema?: string | readonly Column[];
  /** Headerless tables only: leave out the first line. */
  readonly skipFirstLine?: boolean;
  /** Columns that are needed; only these are converted and handed on. Default: the schema's, else all. */
  readonly columns?: readonly string[];
  /**
   * Quotes in TSV with a header: `auto` (default) unquotes cells that are quoted from TAB to TAB on one line,
   * `rfc4180` as in CSV (cells may hold line ends), `none` takes every quote as text.
   */
  readonly quotes?: 'auto' | 'rfc4180' | 'none';
}

/**
 * Opens a table for streaming; `.gz` is decompressed on the fly. The header (or Parquet's footer) is read and
 * checked here, rows when they are asked for.
 *
 * Throws DATA_FILE_NOT_FOUND, DATA_FILE_UNREADABLE, DATA_EMPTY, DATA_FORMAT, DATA_SCHEMA and
 * DATA_COLUMN_UNKNOWN; reading rows throws DATA_COLUMN_COUNT, DATA_CELL, DATA_ROW_MALFORMED, DATA_ENCODING.
 *
 * @example
 * const table = await openTable('train.tsv', { schema: 'label:str:1,text:str:1' });
 * for await (const row of table.rows()) console.log(row.line, row.values.text);
 */
export async function openTable(path: string, options: OpenTableOptions = {}): Promise<DataSource> {
  const schema = typeof options.schema === 'string' ? parseSchema(options.schema) : options.schema;
  const { columns, quotes = 'auto', skipFirstLine = false } = options;
  await probeFile(path);
  const format = await resolveFormat(path, options.format ?? 'auto', schema !== undefined);
  switch (format) {
    case 'easynlp':
      if (schema === undefined) {
        throw new EasyNlpError('DATA_FORMAT', {
          file: path,
          reason: 'a table without a header needs a schema such as "text:str:1,label:str:1"',
        });
      }
      return easynlpTable(path, schema, { skipFirstLine, columns });
    case 'tsv':
      return quotes === 'rfc4180'
        ? csvTable(path, { schema, columns, delimiter: '\t' })
        : headedTsvTable(path, { schema, columns, quotes });
    case 'csv':
      return csvTable(path, { schema, columns, delimiter: ',' });
    case 'jsonl':
      return jsonlTable(path, { schema, columns });
    case 'parquet':
      return parquetTable(path, { schema, columns });
    case 'conll':
      return conllTable(path, { schema, columns });
    case 'cluener':
      return spanTable(path);
    case 'squad':
      return squadTable(path, { columns });
  }
}

async function resolveFormat(path: string, format: string, hasSchema: boolean): Promise<TableFormat> {
  if (format === 'auto') {
    const name = path.toLowerCase().replace(/\.gz$/, '');
    if (name.endsWith('.csv')) return 'csv';
    if (name.endsWith('.parquet')) return 'parquet';
    if (/\.(jsonl|ndjson|json)$/.test(name)) {
      if (hasSchema) return 'jsonl';
      if (await looksLikeSquad(path)) return 'squad';
      return (await looksLikeSpans(path)) ? 'cluener' : 'jsonl';
    }
    if (CONLL_NAMES.test(name)) return 'conll';
    if (hasSchema) return 'easynlp';
    return (await looksLikeConll(path)) ? 'conll' : 'tsv';
  }
  const known = TABLE_FORMATS.find((candidate) => candidate === format);
  if (known === undefined) {
    const near = nearest(format, TABLE_FORMATS);
    throw new EasyNlpError('DATA_FORMAT', {
      file: path,
      reason: `"${format}" is not a known format${near === null ? '' : `; did you mean "${near}"?`}`,
    });
  }
  return known;
}
