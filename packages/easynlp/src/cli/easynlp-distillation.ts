import { EasyNlpError } from '../errors/index.js';
import { numberIn, type ParameterTarget, place } from './easynlp-parameter-values.js';
import { parseBoolean } from './schema-to-flags.js';

const OWN = ['enable_distillation', 'type', 'logits_name', 'logits_saved_path', 'temperature', 'alpha'];

/** EasyNLP's own, where a script gives none. */
const DEFAULTS = { temperature: 1, alpha: 0.2 } as const;

/** Columns of a schema without the one of that name. */
function withoutColumn(schema: string, name: string): string {
  return schema
    .split(',')
    .filter((item) => item.split(':')[0]!.trim() !== name)
    .join(',');
}

/**
 * Distillation among `--user_defined_parameters`: `enable_distillation=True type=vanilla_kd logits_name=logits
 * logits_saved_path=… temperature=… alpha=…`. What it understands is taken out of `given`.
 *
 * EasyNLP appends line i of the file to row i, so that its schema names a column which the table itself lacks; here
 * the file is read beside the table.
 *
 * @throws EasyNlpError CONFIG_INVALID_VALUE, CONFIG_MISSING_VALUE
 */
export function applyDistillationParameters(
  given: Map<string, string>,
  { command, values, warnings }: ParameterTarget,
): void {
  const enabled = given.get('enable_distillation');
  if (enabled === undefined || parseBoolean(enabled) !== true) return;
  const taken = new Map([...given].filter(([key]) => OWN.includes(key)));
  for (const key of taken.keys()) given.delete(key);
  if (command !== 'train') {
    const rest = [...taken.keys()].filter((key) => key !== 'enable_distillation');
    if (rest.length > 0) warnings.push(`${rest.join(', ')}: only training distils`);
    return;
  }
  const type = taken.get('type') ?? 'vanilla_kd';
  if (type !== 'vanilla_kd') {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: place('type'),
      expected: 'vanilla_kd beside enable_distillation=True',
      got: JSON.stringify(type),
      hint: 'easynlp methods lists the other ways of distilling.',
    });
  }
  values.method ??= 'kd';
  for (const key of ['temperature', 'alpha'] as const) {
    const text = taken.get(key);
    values[key] = text ? numberIn(key, text) : DEFAULTS[key];
  }
  const column = taken.get('logits_name') || undefined;
  const path = taken.get('logits_saved_path') || undefined;
  if (path !== undefined) {
    values.teacherLogits = [path];
    if (typeof values.schema === 'string') values.schema = withoutColumn(values.schema, column ?? 'logits');
  } else if (column !== undefined) values.teacherLogitsColumn = column;
  else if (!given.has('teacher')) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: place('logits_saved_path'),
      expected: "the file with the teacher's logits, as --mode=predict --output_schema=logits wrote it",
    });
  }
}

/**
 * `--app_name=data_augmentation`: the model is `pretrain_model_name_or_path`; EasyNLP's scripts give a checkpoint_dir
 * that means nothing, `_`.
 */
export function applyAugmentationParameters(
  given: Map<string, string>,
  { command, values }: Pick<ParameterTarget, 'command' | 'values'>,
): void {
  if (values.app !== 'data_augmentation' || command !== 'predict') return;
  const type = given.get('type');
  if (type !== undefined && type !== 'mlm_da') {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: place('type'),
      expected: 'mlm_da, the only kind of augmentation',
      got: JSON.stringify(type),
    });
  }
  given.delete('type');
  const name = ['pretrain_model_name_or_path', 'pretrained_model_name_or_path'].find((key) => given.get(key));
  if (name !== undefined) {
    values.model = given.get(name);
    given.delete(name);
  }
  for (const [key, option] of [
    ['expansion_rate', 'expansionRate'],
    ['mask_proportion', 'maskProportion'],
  ] as const) {
    const text = given.get(key);
    if (text) values[option] = numberIn(key, text);
    given.delete(key);
  }
  for (const [key, option] of [
    ['remove_blanks', 'removeBlanks'],
    ['append_original', 'appendOriginal'],
  ] as const) {
    const text = given.get(key);
    const value = text === undefined ? undefined : parseBoolean(text);
    if (text && value === undefined) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: place(key),
        expected: 'True or False',
        got: JSON.stringify(text),
      });
    }
    if (value !== undefined) values[option] = value;
    given.delete(key);
  }
}
