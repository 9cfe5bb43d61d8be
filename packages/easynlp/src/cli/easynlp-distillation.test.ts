import { describe, expect, it } from 'vitest';
import { EasyNlpError } from '../errors/index.js';
import { mapEasynlpFlags } from './easynlp-flags.js';

const map = (flags: Record<string, string>, parameters: string) =>
  mapEasynlpFlags([
    ...Object.entries(flags).map(([key, value]) => `--${key}=${value}`),
    `--user_defined_parameters=${parameters}`,
  ]);
const code = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return EasyNlpError.isInstance(error) ? `${error.code} ${error.message}` : String(error);
  }
  return 'nothing';
};

const TRAIN = {
  mode: 'train',
  app_name: 'text_match',
  tables: 'train.tsv,dev.tsv',
  input_schema: 'label:str:1,id:str:1,id2:str:1,sent1:str:1,sent2:str:1,logits:float:2',
  first_sequence: 'sent1',
  second_sequence: 'sent2',
  label_name: 'label',
  label_enumerate_values: '0,1',
  checkpoint_dir: 'student',
  sequence_length: '128',
};
const KD = 'pretrain_model_name_or_path=bert-tiny-zh enable_distillation=True type=vanilla_kd';

describe("EasyNLP's distillation flags", () => {
  it('run_vanilla_kd.sh: logits of a file stand beside the table, not in it', () => {
    const { values, warnings } = map(
      TRAIN,
      `${KD} logits_name=logits logits_saved_path=out/pred.tsv temperature=5 alpha=0.2`,
    );
    expect(values).toMatchObject({
      ...{ method: 'kd', model: 'bert-tiny-zh', teacherLogits: ['out/pred.tsv'], temperature: 5, alpha: 0.2 },
      schema: 'label:str:1,id:str:1,id2:str:1,sent1:str:1,sent2:str:1',
    });
    expect(values.teacherLogitsColumn).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('logits in a column, EasyNLP’s defaults, and options of this toolkit beside them', () => {
    const { values } = map(TRAIN, `${KD} logits_name=logits labelled_repeat=3 alpha_end=0.1`);
    expect(values).toMatchObject({
      ...{ teacherLogitsColumn: 'logits', temperature: 1, alpha: 0.2, labelledRepeat: 3, alphaEnd: 0.1 },
      schema: TRAIN.input_schema,
    });
    const asked = map(TRAIN, `${KD} teacher=out/teacher unlabelled=a.tsv,b.tsv augment=10`).values;
    expect(asked).toMatchObject({ teacher: ['out/teacher'], unlabelled: ['a.tsv', 'b.tsv'], augment: 10 });
  });

  it('mistakes are told', () => {
    expect(code(() => map(TRAIN, `${KD} temperature=hot logits_name=l`))).toMatch(
      /INVALID_VALUE temperature/,
    );
    expect(code(() => map(TRAIN, KD))).toMatch(/MISSING_VALUE logits_saved_path/);
    expect(code(() => map(TRAIN, KD.replace('vanilla_kd', 'kd')))).toMatch(/INVALID_VALUE type .*vanilla_kd/);
    const predict = map({ ...TRAIN, mode: 'predict', outputs: 'o.tsv' }, KD);
    expect(predict.warnings.join()).toMatch(/only training distils/);
  });

  it('data_augmentation: the model is the pretrained one, whatever checkpoint_dir says', () => {
    const { values, warnings } = map(
      {
        ...{ mode: 'predict', app_name: 'data_augmentation', tables: 'train.tsv', outputs: 'aug.tsv' },
        ...{ input_schema: 'index:str:1,sent:str:1,label:str:1', first_sequence: 'sent' },
        ...{ output_schema: 'augmented_data', checkpoint_dir: '_', sequence_length: '128' },
      },
      'pretrain_model_name_or_path=bert-small-zh type=mlm_da expansion_rate=2 mask_proportion=0.1 remove_blanks=True append_original=False top_k=5',
    );
    expect(values).toMatchObject({
      ...{ app: 'data_augmentation', model: 'bert-small-zh', expansionRate: 2, maskProportion: 0.1 },
      ...{ removeBlanks: true, appendOriginal: false, outputSchema: ['augmented_data'], topK: 5 },
    });
    expect(warnings).toEqual([]);
  });
});
