import { type PredictConfig, predictConfigSchema } from '../../config/index.js';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { PredictDataOptions } from '../app.js';
import { encodeSource } from '../evaluate.js';
import { inferResults, type LoadedApp } from '../inference.js';
import { chosenColumn, columnNames } from '../sequence/index.js';
import { type LabelingResult, plainEntities } from './decode.js';
import { type LabelingSpec, TOKEN_COLUMNS } from './spec.js';

/** What objects of JSON Lines may hold, by the names of the columns of a TSV. */
const FIELDS: Readonly<Record<string, (result: LabelingResult) => unknown>> = {
  text: ({ text }) => text,
  entities: plainEntities,
  predictions: ({ tags }) => tags,
  tokens: ({ tokens }) => tokens,
};

/**
 * One line a text: a TSV, or, where the output's name says so, JSON Lines with `text` and `entities`, which training reads
 * again. The text's column need not be called as in the training data. @returns the number of texts
 */
export async function predictLabels(
  loaded: LoadedApp,
  config: PredictConfig,
  options: PredictDataOptions,
): Promise<number> {
  const trained = loaded.context.spec as LabelingSpec;
  const [first] = options.sources;
  const usual = [trained.firstSequence, ...TOKEN_COLUMNS];
  const firstSequence = chosenColumn(
    config.firstSequence,
    usual,
    await columnNames(first!),
    'text',
    first!.name,
  );
  const own = { ...loaded, context: { ...loaded.context, spec: { ...trained, firstSequence } } };
  if (!/\.(jsonl|ndjson)$/.test(config.output)) return options.writeRows(own);
  const fields = fieldsOf(config);
  const { batchSize, tokenBudget } = config;
  let count = 0;
  for (const source of options.sources) {
    const chunks = encodeSource(own, source, { labels: false, signal: options.signal });
    for await (const { rows, encoded } of chunks) {
      const results = await inferResults(own, encoded, { batchSize, tokenBudget, signal: options.signal });
      const lines = (results as LabelingResult[]).map((result, i) => {
        const values = fields.map((name) => [name, FIELDS[name]!(result)]);
        return `${JSON.stringify({ ...appended(rows[i]!, config.appendCols), ...Object.fromEntries(values) })}\n`;
      });
      await options.write(lines.join(''));
      count += lines.length;
    }
  }
  return count;
}

function fieldsOf({ outputSchema }: PredictConfig): readonly string[] {
  const usual = predictConfigSchema.shape.outputSchema.def.defaultValue as readonly string[];
  if (outputSchema.join() === usual.join()) return ['text', 'entities'];
  const known = Object.keys(FIELDS);
  for (const name of outputSchema) {
    if (known.includes(name)) continue;
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'outputSchema',
      expected: `names among ${known.join(', ')}`,
      got: JSON.stringify(name),
      suggestion: nearest(name, known) ?? undefined,
    });
  }
  return outputSchema;
}

function appended(row: Row, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => {
      if (name in row.values) return [name, row.values[name]];
      const known = Object.keys(row.values);
      throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
        file: row.file,
        line: row.line,
        column: name,
        known,
        suggestion: nearest(name, known),
      });
    }),
  );
}
