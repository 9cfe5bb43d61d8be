import { dataAugmentationOptions } from '../appzoo/data-augmentation/options.js';
import { geepEvaluateOptions, geepOptions, geepPredictOptions } from '../appzoo/geep-classify/options.js';
import {
  extractionEvaluateOptions,
  extractionPredictOptions,
  extractionTrainOptions,
} from '../appzoo/information-extraction/options.js';
import {
  readingEvaluateOptions,
  readingPredictOptions,
  readingTrainOptions,
} from '../appzoo/machine-reading-comprehension/options.js';
import { labelingPredictOptions, labelingTrainOptions } from '../appzoo/sequence-labeling/options.js';
import { textClassifyOptions, textClassifyUseOptions } from '../appzoo/text-classify/options.js';
import { multiLabelOptions, multiLabelUseOptions } from '../appzoo/text-classify-multi-label/options.js';
import { twoTowerOptions } from '../appzoo/text-match/two-tower-options.js';
import { vectorizationOptions } from '../appzoo/vectorization/options.js';
import { buildSchema, type CommandName, expectation, fieldsOf } from '../config/index.js';
import { studentOptions, teacherOptions } from '../distillation/metakd/options.js';
import { vanillaKdOptions } from '../distillation/vanilla-kd/options.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { applyAugmentationParameters, applyDistillationParameters } from './easynlp-distillation.js';
import { applyFewshotParameters } from './easynlp-fewshot.js';
import { applyKnowledgeParameters } from './easynlp-knowledge.js';
import { applyMetakdParameters } from './easynlp-metakd.js';
import type { ParameterTarget } from './easynlp-parameter-values.js';
import { applyTwoTowerParameters, TWO_TOWER_APP, TWO_TOWER_PARAMETERS } from './easynlp-two-tower.js';
import { parseBoolean, parseFlagValue, parseNumber } from './schema-to-flags.js';
import { parseUserDefinedParameters } from './user-defined-parameters.js';

type ParameterType = 'boolean' | 'integer' | 'number' | 'text';

/** EasyNLP's `app_parameters`: settings of features, with the types that EasyNLP gives them. */
const APP_PARAMETERS: Readonly<Record<string, ParameterType>> = {
  embedding_size: 'integer',
  loss_type: 'text',
  margin: 'number',
  gamma: 'integer',
  two_tower: 'boolean',
  siamese: 'boolean',
  multi_label: 'boolean',
  enable_distillation: 'boolean',
  type: 'text',
  logits_name: 'text',
  logits_saved_path: 'text',
  temperature: 'number',
  alpha: 'number',
  expansion_rate: 'integer',
  mask_proportion: 'number',
  remove_blanks: 'boolean',
  append_original: 'boolean',
  enable_fewshot: 'boolean',
  label_desc: 'text',
  pattern: 'text',
  enable_vit: 'boolean',
  enable_vqgan: 'boolean',
};

/** Features that are switched on by a parameter and do not exist here yet. */
const FEATURES_TO_COME: Readonly<Record<string, string>> = {
  enable_vit: 'image to text generation',
  enable_vqgan: 'image to text generation',
  entity_file: 'knowledge-enhanced fine-tuning (Kangaroo)',
  rel_file: 'knowledge-enhanced fine-tuning (Kangaroo)',
  samples_file: 'knowledge-enhanced fine-tuning (Kangaroo)',
  concept_emb_file: 'knowledge-enhanced fine-tuning (Kangaroo)',
  clue_name: 'the CLUE benchmark',
};

/** Variants that EasyNLP selects by a parameter are tasks of their own here. */
const VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  multi_label: { text_classify: 'text_classify_multi_label' },
  two_tower: { text_match: TWO_TOWER_APP },
  // Siamese towers are two towers, whether the script says both or not.
  siamese: { text_match: TWO_TOWER_APP },
};

/** Sizes of a model: with them, EasyNLP makes the model from its configuration alone. */
const SIZES: ReadonlySet<string> = new Set([
  'vocabSize',
  'modelSize',
  'layers',
  'hiddenSize',
  'heads',
  'intermediateSize',
  'embeddingSize',
  'convDim',
  'kernelSizes',
  'linearHiddenSize',
]);

/** EasyNLP's names of options that have another name here. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  pretrain_model_name_or_path: 'model',
  pretrained_model_name_or_path: 'model',
  embed_size: 'embeddingSize',
  geep_exit_num: 'exits',
  geep_threshold: 'exitThreshold',
};

const camel = (key: string): string =>
  key.replace(/[_-]+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());

function typed(key: string, type: ParameterType, text: string): string | number | boolean {
  const value = type === 'boolean' ? parseBoolean(text) : type === 'text' ? text : parseNumber(text);
  if (value === undefined || (type === 'integer' && !Number.isInteger(value))) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: `${key} (user_defined_parameters)`,
      expected: { boolean: 'True or False', integer: 'a whole number', number: 'a number', text: 'a text' }[
        type
      ],
      got: JSON.stringify(text),
    });
  }
  return value;
}

/** Options beside the command's, by the task and the method that EasyNLP's own parameters have selected. */
function optionsOf(command: CommandName, { app, method }: Readonly<Record<string, unknown>>) {
  if (command === 'train' && method === 'kd') return vanillaKdOptions;
  if (command === 'train' && method === 'metakd_teacher') return teacherOptions;
  if (command === 'train' && method === 'metakd_student') return studentOptions;
  if (app === 'text_classify') return command === 'train' ? textClassifyOptions : textClassifyUseOptions;
  if (app === 'geep_classify')
    return { train: geepOptions, evaluate: geepEvaluateOptions, predict: geepPredictOptions }[command];
  if (app === 'text_classify_multi_label')
    return command === 'train' ? multiLabelOptions : multiLabelUseOptions;
  if (app === 'sequence_labeling')
    return { train: labelingTrainOptions, evaluate: undefined, predict: labelingPredictOptions }[command];
  if (app === 'information_extraction')
    return {
      train: extractionTrainOptions,
      evaluate: extractionEvaluateOptions,
      predict: extractionPredictOptions,
    }[command];
  if (app === 'machine_reading_comprehension')
    return { train: readingTrainOptions, evaluate: readingEvaluateOptions, predict: readingPredictOptions }[
      command
    ];
  if (command !== 'predict') return undefined;
  return { data_augmentation: dataAugmentationOptions, vectorization: vectorizationOptions }[String(app)];
}

/**
 * Applies `--user_defined_parameters`. Besides EasyNLP's own keys, every option of this toolkit may be given here, in
 * snake case as well: `precision=bf16 token_budget=8192`.
 */
export function applyUserDefinedParameters(
  text: string,
  { command, values, warnings }: ParameterTarget,
): void {
  const seen = new Map<string, string>();
  for (const { key, value } of parseUserDefinedParameters(text)) {
    const before = seen.get(key);
    if (before !== undefined && before !== value) {
      warnings.push(`user_defined_parameters: ${key} is given twice; '${value}' is used, not '${before}'`);
    }
    seen.set(key, value);
  }

  // What a key means depends on the task, and the task on keys that may come later.
  for (const [key, value] of seen) {
    const variant = Object.hasOwn(VARIANTS, key) ? VARIANTS[key]![String(values.app)] : undefined;
    if (variant !== undefined && typed(key, 'boolean', value) === true) values.app = variant;
  }
  applyFewshotParameters(seen, { command, values, warnings });
  applyKnowledgeParameters(seen, { command, values, warnings });
  const isTwoTower = values.app === TWO_TOWER_APP && command === 'train';
  applyDistillationParameters(seen, { command, values, warnings });
  applyMetakdParameters(seen, { command, values, warnings });
  applyAugmentationParameters(seen, { command, values });
  const schema = buildSchema(command, isTwoTower ? twoTowerOptions : optionsOf(command, values));
  const fields = new Map(fieldsOf(schema).map((field) => [field.key, field]));
  const towers = new Map<string, string | number | boolean>();
  const idle: string[] = [];
  for (const [key, value] of seen) {
    const place = `${key} (user_defined_parameters)`;
    if (Object.hasOwn(APP_PARAMETERS, key) || Object.hasOwn(FEATURES_TO_COME, key)) {
      const setting = typed(key, Object.hasOwn(APP_PARAMETERS, key) ? APP_PARAMETERS[key]! : 'text', value);
      if (setting === false) continue;
      const variants = Object.values(Object.hasOwn(VARIANTS, key) ? VARIANTS[key]! : {});
      if (isTwoTower && TWO_TOWER_PARAMETERS.has(key)) {
        towers.set(key, setting);
      } else if (variants.includes(String(values.app))) {
        // It has chosen the task already.
      } else if (Object.hasOwn(FEATURES_TO_COME, key)) {
        throw new EasyNlpError('FEATURE_NOT_AVAILABLE', {
          feature: FEATURES_TO_COME[key],
          flag: `${key}=${value}`,
        });
      } else {
        idle.push(key);
      }
      continue;
    }
    if (key === 'do_eval') {
      if (typed(key, 'boolean', value) === false) {
        for (const option of ['dev', 'evalSteps', 'bestMetric', 'earlyStopPatience']) delete values[option];
        if (command === 'train') values.evalStrategy = 'none';
      }
      continue;
    }
    const option = Object.hasOwn(OPTION_NAMES, key) ? OPTION_NAMES[key]! : camel(key);
    const field = fields.get(option);
    if (option === 'model' && command !== 'train') {
      // EasyNLP takes the model from checkpoint_dir in these modes; a script that gives both means that one.
      if (values.model === undefined) values.model = value;
      else idle.push(key);
      continue;
    }
    if (field === undefined) {
      const ofTraining = buildSchema('train', optionsOf('train', values));
      if (command !== 'train' && fieldsOf(ofTraining).some((f) => f.key === option)) {
        idle.push(key);
        continue;
      }
      const names = [
        ...Object.keys(APP_PARAMETERS),
        ...Object.keys(OPTION_NAMES),
        'do_eval',
        ...fields.keys(),
      ];
      throw new EasyNlpError('CONFIG_UNKNOWN_KEY', {
        key: place,
        suggestion: nearest(key, names) ?? undefined,
      });
    }
    if (value === '' && field.kind !== 'string') {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: place,
        expected: expectation(field),
        got: 'nothing',
      });
    }
    if (value !== '') values[option] = parseFlagValue(field, value, place);
  }

  if (isTwoTower) idle.push(...applyTwoTowerParameters(towers, values, warnings));
  if (command === 'train') {
    if (values.tokenBudget !== undefined && !seen.has('batch_size')) delete values.batchSize;
    if (values.warmupSteps !== undefined) delete values.warmupRatio;
    const resized = [...seen.keys()].filter((key) =>
      SIZES.has(Object.hasOwn(OPTION_NAMES, key) ? OPTION_NAMES[key]! : camel(key)),
    );
    if (values.model !== undefined && resized.length > 0 && values.fromScratch === undefined) {
      values.fromScratch = true;
      warnings.push(`${resized.join(', ')} given: the model starts from random weights, as in EasyNLP`);
    }
  }
  if (idle.length > 0) warnings.push(`user_defined_parameters without effect here: ${idle.join(', ')}`);
}
