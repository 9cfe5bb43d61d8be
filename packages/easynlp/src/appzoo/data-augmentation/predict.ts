import { readUserDictionary } from '../../datahub/corpus/index.js';
import type { Cell, Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { PredictDataOptions } from '../app.js';
import type { LoadedApp } from '../inference.js';
import { chosenColumn, columnNames, TEXT_COLUMNS } from '../sequence/index.js';
import type { DataAugmentationConfig } from './options.js';
import { augmentRows } from './rows.js';
import type { DataAugmentationSpec } from './spec.js';

const cell = (value: Cell | undefined): string => {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  return text.replace(/[\t\r\n\v\f\u0085\u2028\u2029]+/g, ' ');
};

/**
 * Writes one line for each text that is made: the row's columns in their order, so that the result can be trained on
 * like the data that it comes from. Where the input has a header, so has the output.
 */
export async function predictAugmented(
  loaded: LoadedApp,
  given: unknown,
  { sources, write, signal }: PredictDataOptions,
): Promise<number> {
  const config = given as DataAugmentationConfig;
  const spec = loaded.context.spec as DataAugmentationSpec;
  const { maskProportion, removeBlanks, neverKeepSame, fillTemperature, topK, seed } = config;
  const words = config.userDictionary === undefined ? [] : await readUserDictionary(config.userDictionary);
  const fill = { maskProportion, removeBlanks, neverKeepSame, fillTemperature, topK, seed, words };
  for (const name of config.outputSchema) {
    if (['augmented_data', 'predictions', 'probabilities'].includes(name)) continue;
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'outputSchema',
      expected: 'augmented_data, the only result of data_augmentation',
      got: JSON.stringify(name),
    });
  }
  let rows = 0;
  for (const [s, source] of sources.entries()) {
    const names = await columnNames(source);
    const first = chosenColumn(config.firstSequence, TEXT_COLUMNS, names, 'text', source.name);
    const second =
      config.secondSequence === undefined
        ? null
        : chosenColumn(config.secondSequence, [], names, 'second text', source.name);
    for (const name of config.appendCols) {
      if (names.includes(name)) continue;
      const suggestion = nearest(name, names);
      throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
        file: source.name,
        column: name,
        known: names,
        suggestion,
      });
    }
    const context = {
      ...loaded.context,
      spec: { ...spec, firstSequence: first, secondSequence: second, fill } as DataAugmentationSpec,
    };
    const headed = config.schema === undefined || config.header;
    if (headed && s === 0) await write(`${[...names, ...config.appendCols].join('\t')}\n`);
    const lineOf = ({ values }: Row) => names.map((name) => cell(values[name])).join('\t');
    const options = { copies: config.expansionRate, batchSize: config.batchSize, signal };
    for await (const { row, changed } of augmentRows({ ...loaded, context }, source.rows(), options)) {
      const lines = [...(config.appendOriginal ? [row] : []), ...changed].map(lineOf);
      const behind = config.appendCols.map((name) => `\t${cell(row.values[name])}`).join('');
      await write(
        config.oneCell ? `${lines.join('\n')}${behind}\n` : `${lines.join(`${behind}\n`)}${behind}\n`,
      );
      rows += lines.length;
    }
  }
  return rows;
}
