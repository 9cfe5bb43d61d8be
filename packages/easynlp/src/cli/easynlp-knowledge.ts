import { EasyNlpError } from '../errors/index.js';
import { K_BERT_APPS } from '../knowledge/k-bert/options.js';
import { type ParameterTarget, wholeNumberIn } from './easynlp-parameter-values.js';

/**
 * K-BERT among `--user_defined_parameters`: EasyNLP switches it on by `kg_file=HowNet.spo`; `kg_max_entities` may stand
 * beside it. Both are taken out of `given`. Predicting and evaluating need neither, since the model has its facts.
 *
 * @throws EasyNlpError CONFIG_CONFLICT, CONFIG_INVALID_VALUE, FEATURE_NOT_AVAILABLE
 */
export function applyKnowledgeParameters(
  given: Map<string, string>,
  { command, values, warnings }: ParameterTarget,
): void {
  const file = given.get('kg_file');
  if (!file) return;
  const most = given.get('kg_max_entities');
  given.delete('kg_file');
  given.delete('kg_max_entities');
  if (command !== 'train') {
    warnings.push('kg_file: the model has the facts of its training');
    return;
  }
  if (!K_BERT_APPS.includes(String(values.app))) {
    throw new EasyNlpError('FEATURE_NOT_AVAILABLE', {
      feature: `K-BERT for the task ${values.app}`,
      flag: `kg_file=${file}`,
      hint: `It trains ${K_BERT_APPS.join(', ')}.`,
    });
  }
  values.method ??= 'kbert';
  if (values.method !== 'kbert') {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: `kg_file (user_defined_parameters) is K-BERT, which cannot be combined with the method ${values.method}`,
      hint: 'Leave one of them out.',
    });
  }
  values.kgFile = file;
  if (most === undefined) return;
  values.kgMaxEntities = wholeNumberIn('kg_max_entities', most);
}
