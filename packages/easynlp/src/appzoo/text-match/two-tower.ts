import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import { decodeTowers, type TwoTowerResult, twoTowerColumns } from './two-tower-decode.js';
import { collateTowers, type EncodedTowers, encodeTowers } from './two-tower-encode.js';
import { twoTowerMetrics } from './two-tower-metrics.js';
import { twoTowerModel } from './two-tower-model.js';
import { twoTowerOptions } from './two-tower-options.js';
import { prepareTwoTower, secondColumn, type TwoTowerSpec } from './two-tower-spec.js';

/**
 * What a pipeline takes: a pair gives its similarity; a text, or an object with one of the two columns, gives the
 * vector of that tower.
 */
export type TwoTowerInput = string | readonly [string, string] | Readonly<Record<string, string>>;

function rowOf(spec: TwoTowerSpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
  const wrong = (got: string) =>
    new EasyNlpError('APP_INPUT', {
      index: index + 1,
      expected: `a text, a pair ([[text, text]] for one pair) or an object with ${spec.firstSequence} or ${secondColumn(spec)}`,
      got,
    });
  if (typeof input === 'string') return { values: { [spec.firstSequence]: input }, ...place };
  if (Array.isArray(input)) {
    if (input.length !== 2 || !input.every((t) => typeof t === 'string'))
      throw wrong(`an array of ${input.length}`);
    return { values: { [spec.firstSequence]: input[0], [secondColumn(spec)]: input[1] }, ...place };
  }
  if (typeof input !== 'object' || input === null) throw wrong(input === null ? 'null' : typeof input);
  const values = input as Row['values'];
  if (values[spec.firstSequence] === undefined && values[secondColumn(spec)] === undefined) {
    throw wrong(`an object with ${Object.keys(values).join(', ') || 'nothing'}`);
  }
  return { values, ...place };
}

/** Two towers: each text is encoded by itself, so that vectors can be kept and searched. */
export const textMatchTwoTower: App<TwoTowerSpec, EncodedTowers, TwoTowerResult> = {
  name: 'text_match_two_tower',
  title: 'Text matching with two towers',
  description: 'a vector for each text, and how alike two of them are (two towers)',
  options: twoTowerOptions,
  prepare: prepareTwoTower as App<TwoTowerSpec>['prepare'],
  inputs: {
    schema: (spec) =>
      z.object({
        [spec.firstSequence]: z.string().optional().meta({ description: 'the text' }),
        [secondColumn(spec)]: z.string().optional().meta({ description: 'the second text' }),
      }),
    columns: (spec, { labels }) => [
      spec.firstSequence,
      ...(labels ? [spec.secondSequence, spec.labelName] : []).filter((c) => c !== null),
    ],
    row: rowOf,
  },
  encode: encodeTowers,
  collate: collateTowers,
  head: twoTowerModel,
  loss: (outputs) => outputs.loss!,
  decode: decodeTowers,
  columns: twoTowerColumns,
  metrics: twoTowerMetrics,
  calibrate: (spec, { threshold }) => ({ ...spec, threshold: threshold ?? spec.threshold }),
};
