import { LOSS_SETTINGS, type TwoTowerLoss } from '../appzoo/text-match/two-tower-options.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';

/** The app that EasyNLP's two_tower and siamese select. */
export const TWO_TOWER_APP = 'text_match_two_tower';

/** EasyNLP's settings of two-tower matching; `siamese` is one of them, not a task of its own. */
export const TWO_TOWER_PARAMETERS: ReadonlySet<string> = new Set([
  'loss_type',
  'margin',
  'gamma',
  'embedding_size',
  'temperature',
  'siamese',
]);

const LOSS_NAMES: Readonly<Record<string, TwoTowerLoss>> = { hinge_loss: 'hinge', circle_loss: 'circle' };

/** EasyNLP's margins where a script gives none, or −1. */
const MARGINS: Readonly<Partial<Record<TwoTowerLoss, number>>> = { hinge: 0.3, circle: 0.45 };

/**
 * Maps EasyNLP's settings onto the options of the task. Unlike there, labels and second texts are used: EasyNLP gives
 * the vectors of the second texts to the loss as if they were labels, and makes random pairs of all data.
 *
 * @returns names of settings that the loss does not have
 */
export function applyTwoTowerParameters(
  given: ReadonlyMap<string, string | number | boolean>,
  values: Record<string, unknown>,
  warnings: string[],
): string[] {
  const type = String(given.get('loss_type') ?? 'hinge_loss');
  const loss = LOSS_NAMES[type] ?? (Object.hasOwn(LOSS_SETTINGS, type) ? (type as TwoTowerLoss) : undefined);
  if (loss === undefined) {
    const known = [...Object.keys(LOSS_NAMES), ...Object.keys(LOSS_SETTINGS)];
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'loss_type (user_defined_parameters)',
      expected: `one of ${known.join(', ')}`,
      got: JSON.stringify(type),
      suggestion: nearest(type, known) ?? undefined,
    });
  }
  // The option by its own name wins over EasyNLP's.
  values.loss ??= loss;
  const settings = LOSS_SETTINGS[values.loss as TwoTowerLoss] ?? {};
  const idle: string[] = [];
  for (const key of ['margin', 'gamma', 'temperature'] as const) {
    const value = given.get(key);
    const own = key in settings;
    if (!own && value !== undefined) idle.push(key);
    if (!own) continue;
    const meant = key === 'margin' && (value === undefined || value === -1) ? MARGINS[loss] : value;
    if (meant !== undefined) values[key] = meant;
  }
  if (given.has('embedding_size')) values.vectorSize = given.get('embedding_size');
  if (given.get('siamese') === true) {
    values.siamese = true;
    if (values.secondSequence !== undefined) {
      warnings.push('siamese=True: rows are single texts with classes; --second_sequence is not read');
      delete values.secondSequence;
    }
  }
  return idle;
}
