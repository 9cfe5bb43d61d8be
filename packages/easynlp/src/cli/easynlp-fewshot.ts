import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { booleanIn, numberIn, type ParameterTarget, place } from './easynlp-parameter-values.js';
import { parseBoolean, splitList } from './schema-to-flags.js';

/** EasyNLP's `type=` of few-shot learning, and the method here. */
const TYPES: Readonly<Record<string, string>> = { pet_fewshot: 'pet', cpt_fewshot: 'cptuning' };

/** Options of the few-shot methods that may stand beside EasyNLP's own parameters, in snake case. */
const OPTIONS: Readonly<Record<string, 'text' | 'number' | 'boolean' | 'list'>> = {
  prompt_loss: 'text',
  prompt_sep: 'boolean',
  mask_blocks: 'text',
  mlm_weight: 'number',
  unlabelled: 'list',
  prompt_encoder: 'text',
  pseudo_words: 'text',
  prompt_lr_factor: 'number',
  tmsk_weight: 'number',
  tmsk_rate: 'number',
  cp_inference: 'text',
  pccl_margin: 'number',
  pccl_gamma: 'number',
  pccl_k: 'number',
  max_anchors: 'number',
  tune: 'text',
};

const OWN = ['enable_fewshot', 'type', 'pattern', 'label_desc'];

const camel = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/**
 * Few-shot learning among `--user_defined_parameters`: `enable_fewshot=True type=pet_fewshot pattern=… label_desc=…`.
 * What it understands is taken out of `given`. A pattern with `<pseudo>` is P-Tuning, which EasyNLP counts as PET.
 *
 * @throws EasyNlpError CONFIG_INVALID_VALUE, CONFIG_MISSING_VALUE
 */
export function applyFewshotParameters(
  given: Map<string, string>,
  { command, values, warnings }: ParameterTarget,
): void {
  const enabled = given.get('enable_fewshot');
  if (enabled === undefined || parseBoolean(enabled) !== true) return;
  const taken = new Map([...given].filter(([key]) => OWN.includes(key) || Object.hasOwn(OPTIONS, key)));
  for (const key of taken.keys()) given.delete(key);
  if (command !== 'train') {
    const rest = [...taken.keys()].filter((key) => key !== 'enable_fewshot');
    if (rest.length > 0) warnings.push(`${rest.join(', ')}: the model knows them from its training`);
    return;
  }
  const type = taken.get('type');
  const method = type === undefined ? undefined : TYPES[type];
  if (method === undefined) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: place('type'),
      expected: `${Object.keys(TYPES).join(' or ')} beside enable_fewshot=True`,
      got: type === undefined ? 'nothing' : JSON.stringify(type),
      suggestion: type === undefined ? undefined : (nearest(type, Object.keys(TYPES)) ?? undefined),
    });
  }
  const pattern = taken.get('pattern');
  if (!pattern) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: place('pattern'),
      expected: 'the prompt, such as pattern=sent1,label,用,sent2,概括。',
    });
  }
  values.method ??= method === 'pet' && /<pseudo(:\d+)?>/.test(pattern) ? 'ptuning' : method;
  values.pattern = pattern;
  const words = taken.get('label_desc');
  if (method === 'cptuning') {
    if (words) warnings.push('label_desc has no effect: CP-Tuning needs no label words');
  } else if (!words) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: place('label_desc'),
      expected: 'the word of each label in the order of label_enumerate_values, such as label_desc=否,能',
    });
  } else {
    values.labelWords = words.includes(',') ? splitList(words) : words;
  }
  for (const [key, text] of taken) {
    if (Object.hasOwn(OPTIONS, key)) values[camel(key)] = typed(key, text);
  }
}

function typed(key: string, text: string): unknown {
  switch (OPTIONS[key]!) {
    case 'boolean':
      return booleanIn(key, text);
    case 'number':
      return numberIn(key, text);
    case 'list':
      return splitList(text);
    case 'text':
      return text;
  }
}
