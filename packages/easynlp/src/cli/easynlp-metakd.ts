import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { booleanIn, numberIn, type ParameterTarget, place } from './easynlp-parameter-values.js';

/** Parameters that only EasyNLP's MetaKD scripts have. */
const OF_TEACHER = ['use_sample_weights', 'use_domain_loss'];
const OF_STUDENT = ['distill_stage', 'teacher_model_path', 'genre'];
const OF_BOTH = ['domain_loss_weight', 'T'];
const STAGES = ['first', 'second'];

/** The value of a parameter, undefined when it is not given or empty. */
function valueIn<T>(
  given: ReadonlyMap<string, string>,
  key: string,
  read: (key: string, text: string) => T,
): T | undefined {
  const text = given.get(key);
  return text ? read(key, text) : undefined;
}

/**
 * MetaKD among `--user_defined_parameters`. EasyNLP has scripts of its own for it: `meta_teacher_train.py` with
 * `use_sample_weights=True use_domain_loss=True domain_loss_weight=0.5`, and `meta_student_distill.py` with
 * `teacher_model_path=… distill_stage=first|second genre=… domain_loss_weight=0.5 T=2`; here their parameters choose
 * the methods `metakd_teacher` and `metakd_student`. What it understands is taken out of `given`.
 *
 * @throws EasyNlpError CONFIG_*, FEATURE_NOT_SUPPORTED
 */
export function applyMetakdParameters(
  given: Map<string, string>,
  { command, values, warnings }: ParameterTarget,
): void {
  const marks = [...OF_TEACHER, ...OF_STUDENT, 'domain_loss_weight'];
  if (!marks.some((key) => given.has(key))) return;
  const taken = new Map(
    [...given].filter(([key]) => [...OF_TEACHER, ...OF_STUDENT, ...OF_BOTH].includes(key)),
  );
  for (const key of taken.keys()) given.delete(key);
  if (command !== 'train') {
    applyElsewhere(taken, warnings);
    return;
  }
  const isStudent = OF_STUDENT.some((key) => taken.has(key));
  // The scripts skip it themselves: their files have a header, and the schema is given as well.
  if (values.schema !== undefined && values.skipFirstLine === undefined) {
    values.skipFirstLine = true;
    warnings.push("the first line of the tables is skipped, as EasyNLP's MetaKD scripts do");
  }
  const useWeights = valueIn(taken, 'use_sample_weights', booleanIn);
  const domainLossWeight =
    valueIn(taken, 'use_domain_loss', booleanIn) === false
      ? 0
      : valueIn(taken, 'domain_loss_weight', numberIn);
  if (domainLossWeight !== undefined) values.domainLossWeight = domainLossWeight;
  if (useWeights !== undefined) values.transferWeights = useWeights;
  if (isStudent) applyStudent(taken, values);
  else {
    values.method = 'metakd_teacher';
    if (taken.has('T')) warnings.push('user_defined_parameters without effect here: T');
  }
}

/** Evaluation and prediction. `main_evaluate.py` takes a genre, and evaluates all rows whatever it says. */
function applyElsewhere(taken: ReadonlyMap<string, string>, warnings: string[]): void {
  const genre = taken.get('genre');
  if (genre && genre !== 'all') {
    throw new EasyNlpError('FEATURE_NOT_SUPPORTED', {
      flag: place('genre'),
      reason: 'evaluation and prediction take all rows of a table',
      hint: `Give a table with the rows of ${genre} alone; training with the method metakd writes one for each domain.`,
    });
  }
  const idle = [...taken.keys()].filter((key) => key !== 'genre');
  if (idle.length > 0) warnings.push(`${idle.join(', ')}: only training distils`);
}

function applyStudent(taken: ReadonlyMap<string, string>, values: Record<string, unknown>): void {
  values.method = 'metakd_student';
  const stage = taken.get('distill_stage');
  if (stage === undefined || !STAGES.includes(stage)) {
    const details = { key: place('distill_stage'), expected: 'first or second' };
    throw stage === undefined
      ? new EasyNlpError('CONFIG_MISSING_VALUE', details)
      : new EasyNlpError('CONFIG_INVALID_VALUE', {
          ...details,
          got: JSON.stringify(stage),
          suggestion: nearest(stage, STAGES) ?? undefined,
        });
  }
  values.distillStage = stage;
  const teacher = taken.get('teacher_model_path');
  if (!teacher) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: place('teacher_model_path'),
      expected: 'the folder of the meta-teacher, trained with use_domain_loss=True',
    });
  }
  values.teacher = [teacher];
  const genre = taken.get('genre');
  if (genre && genre !== 'all') values.domain = genre;
  const temperature = valueIn(taken, 'T', numberIn);
  if (temperature !== undefined) values.temperature = temperature;
  if (stage === 'second') {
    // EasyNLP weights no rows there.
    values.transferWeights ??= false;
    values.expertiseWeights = false;
    return;
  }
  // The classifier learns nothing in the first stage: there is nothing to choose by, and EasyNLP evaluates nothing.
  for (const option of ['dev', 'evalSteps', 'bestMetric', 'earlyStopPatience']) delete values[option];
  values.evalStrategy = 'none';
}
