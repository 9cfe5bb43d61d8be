import type { PredictConfig } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { PredictDataOptions } from '../app.js';
import { encodeSource } from '../evaluate.js';
import { inferResults, type LoadedApp } from '../inference.js';
import { chosenColumn, columnNames, TEXT_COLUMNS } from '../sequence/index.js';
import { type TextVectors, vectorsOf } from './decode.js';
import { NPY_HEADER_BYTES, npyHeader, npyRow } from './npy.js';
import { floatText } from './number-text.js';
import type { VectorizationOptions } from './options.js';
import { POOLED_COLUMNS, type VectorizationSpec } from './spec.js';

type Config = PredictConfig & VectorizationOptions;

function formatOf({ output, outputFormat }: Config): 'tsv' | 'jsonl' | 'npy' {
  if (outputFormat !== 'auto') return outputFormat;
  return output.endsWith('.npy') ? 'npy' : /\.(jsonl|ndjson)$/.test(output) ? 'jsonl' : 'tsv';
}

/** Names that the objects of JSON Lines have, and what they hold. */
function fieldsOf({ outputSchema }: Config, { pooling }: VectorizationSpec) {
  const names = outputSchema.filter((name) => Object.hasOwn(POOLED_COLUMNS, name));
  return names.length > 0
    ? names.map((name) => ({ name, pooling: POOLED_COLUMNS[name]! }))
    : [{ name: pooling === 'tokens' ? 'vectors' : 'vector', pooling }];
}

/** Writes the vectors of every row in the format that is wanted. @returns the number of rows */
export async function predictVectors(
  loaded: LoadedApp,
  given: PredictConfig,
  options: PredictDataOptions,
): Promise<number> {
  const config = given as Config;
  const format = formatOf(config);
  // A text's column need not be named `text` in every file: the first usual name that is there.
  const first = options.sources[0]!;
  const column = chosenColumn(
    config.firstSequence,
    TEXT_COLUMNS,
    await columnNames(first),
    'text (option first-sequence)',
    first.name,
  );
  const spec = { ...(loaded.context.spec as VectorizationSpec), firstSequence: column };
  const own: LoadedApp = { ...loaded, context: { ...loaded.context, spec } };
  if (format === 'tsv') return options.writeRows(own);
  const fields = fieldsOf(config, spec);
  return format === 'jsonl'
    ? writeJsonLines(own, config, options, fields)
    : writeMatrix(own, config, options);
}

async function* results(loaded: LoadedApp, config: Config, { sources, signal }: PredictDataOptions) {
  const { batchSize, tokenBudget } = config;
  for (const source of sources) {
    for await (const { rows, encoded } of encodeSource(loaded, source, { labels: false, signal })) {
      const found = await inferResults(loaded, encoded, { batchSize, tokenBudget, signal });
      yield { rows, found: found as TextVectors[] };
    }
  }
}

async function writeJsonLines(
  loaded: LoadedApp,
  config: Config,
  options: PredictDataOptions,
  fields: readonly { name: string; pooling: keyof ReturnType<typeof vectorsOf> }[],
): Promise<number> {
  const numbers = (vector: ArrayLike<number>) => `[${Array.from(vector, floatText).join(',')}]`;
  let count = 0;
  for await (const { rows, found } of results(loaded, config, options)) {
    const lines = found.map((result, i) => {
      const row = rows[i]!;
      const appended = config.appendCols.map((name) => {
        if (name in row.values) return `${JSON.stringify(name)}:${JSON.stringify(row.values[name])}`;
        const known = Object.keys(row.values);
        throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
          file: row.file,
          line: row.line,
          column: name,
          known,
          suggestion: nearest(name, known),
        });
      });
      const vectors = vectorsOf(result);
      const values = fields.map(({ name, pooling }) => {
        const value =
          pooling === 'tokens'
            ? `[${vectors.tokens!.map(numbers).join(',')}]`
            : numbers(vectors[pooling] as Float32Array);
        return `${JSON.stringify(name)}:${value}`;
      });
      return `{${[...appended, ...values].join(',')}}\n`;
    });
    await options.write(lines.join(''));
    count += lines.length;
  }
  return count;
}

/** Row by row, with the header written again at the end, when the number of rows is known. */
async function writeMatrix(loaded: LoadedApp, config: Config, options: PredictDataOptions): Promise<number> {
  const { poolings } = loaded.context.spec as VectorizationSpec;
  const [pooling] = poolings;
  if (poolings.length > 1 || pooling === 'tokens' || config.appendCols.length > 0) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'a .npy file holds one vector a row and nothing else',
      hint: 'Ask for mean, first or pooler without appendCols, or write .tsv or .jsonl.',
    });
  }
  let rows = 0;
  let columns = 0;
  for await (const { found } of results(loaded, config, options)) {
    const vectors = found.map((result) => vectorsOf(result)[pooling as 'mean'] as Float32Array);
    if (rows === 0) await options.write(new Uint8Array(NPY_HEADER_BYTES));
    columns = vectors[0]!.length;
    await options.write(Buffer.concat(vectors.map(npyRow)));
    rows += vectors.length;
  }
  if (rows > 0) await options.patch(npyHeader(rows, columns), 0);
  return rows;
}
