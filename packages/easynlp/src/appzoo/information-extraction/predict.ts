import type { PredictConfig } from '../../config/index.js';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { PredictDataOptions } from '../app.js';
import { encodeSource } from '../evaluate.js';
import { inferResults, type LoadedApp } from '../inference.js';
import { type ExtractionResult, textOfResult } from './answers.js';

function appended(row: Row, name: string): unknown {
  if (row.values[name] !== undefined) return row.values[name];
  const known = Object.keys(row.values);
  throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    file: row.file,
    line: row.line,
    column: name,
    known,
    suggestion: nearest(name, known),
  });
}

/**
 * One line a row, in a TSV, or as JSON objects where the output's name ends with .jsonl: the columns to append, the text,
 * and what was found in it.
 */
export async function predictExtraction(
  loaded: LoadedApp,
  config: PredictConfig,
  { sources, write, writeRows, signal }: PredictDataOptions,
): Promise<number> {
  if (!/\.(jsonl|ndjson)$/.test(config.output)) return writeRows(loaded);
  const { batchSize, tokenBudget, appendCols } = config;
  let count = 0;
  for (const source of sources) {
    for await (const { rows, encoded } of encodeSource(loaded, source, { labels: false, signal })) {
      const results = await inferResults(loaded, encoded, { batchSize, tokenBudget, signal });
      const lines = (results as ExtractionResult[]).map((result, i) => {
        const columns = appendCols.map((name) => [name, appended(rows[i]!, name)]);
        const { id, text } = textOfResult(result);
        return `${JSON.stringify({ id, ...Object.fromEntries(columns), text, ...result })}\n`;
      });
      await write(lines.join(''));
      count += lines.length;
    }
  }
  return count;
}
