import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { EASYNLP_FLAGS, MEGATRON_FLAGS } from './easynlp-flag-table.js';
import { easynlpHelp, isEasynlpStyle, mapEasynlpFlags } from './easynlp-flags.js';
import { FakeIo } from './fake-io.fixture.js';
import { main } from './main.js';

/** A recipe of EasyNLP's examples as its scripts write it: one flag a line, UDP between quotes. */
const SCHEMA = 'label:str:1,sid1:str:1,sid2:str:1,sent1:str:1,sent2:str:1';
const recipe = (flags: Record<string, string | number>, udp?: string): string[] => [
  ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
  ...(udp === undefined ? [] : [`--user_defined_parameters=${udp}`]),
];
const PAIR = {
  first_sequence: 'sent1',
  second_sequence: 'sent2',
  label_name: 'label',
  label_enumerate_values: '0,1',
};
const TRAIN = {
  mode: 'train',
  tables: 'train.csv,dev.csv',
  checkpoint_dir: './out',
  app_name: 'text_classify',
};

function map(argv: string[], exists = () => false) {
  const { command, values, warnings, nameOf } = mapEasynlpFlags(argv, { exists });
  return {
    command,
    warnings,
    config: resolveConfig(command, { flags: values, nameOf }) as Record<string, unknown>,
  };
}

function failure(run: () => unknown): EasyNlpError {
  try {
    run();
  } catch (error) {
    if (EasyNlpError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe("EasyNLP's text_classify recipes run as they stand", () => {
  it('quick start: train', () => {
    const { command, config, warnings } = map(
      recipe(
        {
          ...TRAIN,
          input_schema: SCHEMA,
          ...PAIR,
          learning_rate: '3e-5',
          epoch_num: 1,
          random_seed: 42,
          save_checkpoint_steps: 50,
          sequence_length: 128,
          micro_batch_size: 10,
        },
        'pretrain_model_name_or_path=bert-small-uncased',
      ),
    );
    expect(command).toBe('train');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      app: 'text_classify',
      train: 'train.csv',
      dev: 'dev.csv',
      schema: SCHEMA,
      format: 'easynlp',
      skipFirstLine: false,
      firstSequence: 'sent1',
      secondSequence: 'sent2',
      labelName: 'label',
      labels: ['0', '1'],
      model: 'bert-small-uncased',
      fromScratch: false,
      output: './out',
      overwrite: true,
      sequenceLength: 128,
      batchSize: 10,
      epochs: 1,
      learningRate: 3e-5,
      seed: 42,
      evalStrategy: 'steps',
      evalSteps: 50,
      saveStrategy: 'steps',
      saveSteps: 50,
      keepLast: 1,
      device: 'auto',
      precision: 'fp32',
      // EasyNLP's defaults, not this toolkit's
      weightDecay: 1e-4,
      maxGradNorm: 1,
      optimizer: 'adamw',
      warmupRatio: 0.1,
      schedule: 'linear',
      loggingSteps: 100,
      gradientAccumulationSteps: 1,
    });
  });

  it('quick start with the bare minimum: defaults of EasyNLP, warned about', () => {
    const { config, warnings } = map(
      recipe(
        {
          mode: 'train',
          tables: 'train.tsv,dev.tsv',
          checkpoint_dir: 'o',
          input_schema: SCHEMA,
          first_sequence: 'sent1',
          label_name: 'label',
          label_enumerate_values: '0,1',
          epoch_num: 1,
        },
        'pretrain_model_name_or_path=bert-tiny-uncased',
      ),
    );
    expect(config).toMatchObject({
      sequenceLength: 16,
      batchSize: 2,
      seed: 1234,
      saveStrategy: 'none',
      evalStrategy: 'epoch',
    });
    expect(config.saveSteps).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/--sequence_length.*16/);
  });

  it.each([
    [3e-5, 3, 50, 32, 'bert-base-uncased'],
    [3e-5, 3, 50, 8, 'IDEA-CCNL/Erlangshen-MegatronBert-1.3B'],
    [3e-5, 300, 500, 16, 'roberta-large-en'],
    [1e-5, 5, 100, 8, 'hfl/macbert-large-zh'],
    [1e-4, 5, 100, 8, 'alibaba-pai/pai-bert-tiny-zh'],
  ])(
    'train: lr %d, %i epochs, save %i, batch %i, %s; flags with a space instead of =',
    (lr, epochs, save, batch, model) => {
      const argv = recipe(
        {
          ...TRAIN,
          worker_gpu: 1,
          input_schema: SCHEMA,
          ...PAIR,
          learning_rate: lr,
          epoch_num: epochs,
          random_seed: 42,
          save_checkpoint_steps: save,
          sequence_length: 128,
          micro_batch_size: batch,
        },
        `\n    pretrain_model_name_or_path=${model}\n  `,
      ).flatMap((a) => [a.slice(0, a.indexOf('=')), a.slice(a.indexOf('=') + 1)]);
      const { config, warnings } = map(argv);
      expect(warnings).toEqual([]);
      expect(config).toMatchObject({
        learningRate: lr,
        epochs,
        evalSteps: save,
        saveSteps: save,
        batchSize: batch,
        model,
      });
    },
  );

  it('TextCNN', () => {
    const { config, warnings } = map(
      recipe(
        {
          ...TRAIN,
          input_schema: SCHEMA,
          ...PAIR,
          learning_rate: '3e-5',
          epoch_num: 3,
          save_checkpoint_steps: 50,
          sequence_length: 128,
          micro_batch_size: 32,
        },
        'pretrain_model_name_or_path=alibaba-pai/textcnn-en conv_dim=500 vocab_size=30522 kernel_sizes=[1,2,3,4] linear_hidden_size=512 embed_size=300',
      ),
    );
    expect(config).toMatchObject({
      model: 'alibaba-pai/textcnn-en',
      fromScratch: true,
      convDim: 500,
      vocabSize: 30522,
      kernelSizes: [1, 2, 3, 4],
      linearHiddenSize: 512,
      embeddingSize: 300,
    });
    expect(warnings.join()).toMatch(
      /conv_dim, vocab_size, kernel_sizes, linear_hidden_size, embed_size given: the model starts from random weights/,
    );
  });

  it.each([[`--user_defined_parameters=`], ['--user_defined_parameters= ']])('evaluate %j', (udp) => {
    const { command, config, warnings } = map([
      ...recipe({
        mode: 'evaluate',
        tables: 'dev.csv',
        checkpoint_dir: './out',
        app_name: 'text_classify',
        input_schema: SCHEMA,
        ...PAIR,
        sequence_length: 128,
        micro_batch_size: 32,
      }),
      udp,
    ]);
    expect(command).toBe('evaluate');
    expect(config).toMatchObject({
      model: './out',
      data: 'dev.csv',
      labelName: 'label',
      batchSize: 32,
      sequenceLength: 128,
    });
    expect(warnings).toEqual(['without effect in mode evaluate: --label_enumerate_values']);
  });

  it('predict', () => {
    const { command, config, warnings } = map(
      recipe({
        mode: 'predict',
        tables: 'train.csv,dev.csv',
        outputs: 'dev.pred.csv',
        input_schema: SCHEMA,
        output_schema: 'predictions,probabilities,logits,output',
        append_cols: 'label',
        first_sequence: 'sent1',
        second_sequence: 'sent2',
        checkpoint_path: './out',
        micro_batch_size: 32,
        sequence_length: 128,
      }),
    );
    expect(command).toBe('predict');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      model: './out',
      input: ['dev.csv'],
      output: 'dev.pred.csv',
      appendCols: ['label'],
      outputSchema: ['predictions', 'probabilities', 'logits', 'output'],
    });
  });

  it('predict without sizes uses those of the model', () => {
    const { config } = map(recipe({ mode: 'predict', tables: 'a', outputs: 'b', checkpoint_dir: 'c' }));
    expect(config.sequenceLength).toBeUndefined();
    expect(config).toMatchObject({ batchSize: 32, outputSchema: ['predictions', 'probabilities'] });
  });

  it.each([
    ['entity_file=a.csv rel_file=b.csv concept_emb_file=c.npy samples_file=d.npy', 'Kangaroo'],
    ['clue_name=clue task_name=tnews', 'CLUE'],
  ])('of features to come say so: %s', (udp, feature) => {
    const error = failure(() => map(recipe({ ...TRAIN }, `pretrain_model_name_or_path=m ${udp}`)));
    expect(error.code).toBe('FEATURE_NOT_AVAILABLE');
    expect(error.message).toContain(feature);
    expect(error.exitCode).toBe(2);
  });

  describe('K-BERT', () => {
    const mapped = (flags: Record<string, string>, udp: string) =>
      mapEasynlpFlags(recipe(flags, udp), { exists: () => false });
    // run_cls.sh and run_ner.sh of its tutorial.
    const udp = 'pretrain_model_name_or_path=kbert-base-chinese kg_file=tmp/kbert_data/kbert_kgs/HowNet.spo';

    it.each(['text_classify', 'text_match', 'sequence_labeling'])('is what a .spo file trains: %s', (app) => {
      const { values, warnings } = mapped({ ...TRAIN, app_name: app }, udp);
      expect(values).toMatchObject({
        ...{ app, method: 'kbert', kgFile: 'tmp/kbert_data/kbert_kgs/HowNet.spo' },
        model: 'kbert-base-chinese',
      });
      expect(values.kgMaxEntities).toBeUndefined();
      expect(warnings.join()).not.toContain('kg_');
      expect(mapped({ ...TRAIN, app_name: app }, `kg_max_entities=3 ${udp}`).values.kgMaxEntities).toBe(3);
    });

    it('needs no file for predicting', () => {
      const { values, warnings } = mapped(
        { mode: 'predict', tables: 'a', outputs: 'b', checkpoint_dir: 'c' },
        `kg_max_entities=3 ${udp}`,
      );
      expect(values).toMatchObject({ model: 'c' });
      expect(values.kgFile).toBeUndefined();
      expect(warnings.join()).toContain('the model has the facts of its training');
    });

    it.each([
      [{ app_name: 'vectorization' }, udp, 'FEATURE_NOT_AVAILABLE'],
      [{}, `${udp} kg_max_entities=two`, 'CONFIG_INVALID_VALUE'],
      [{}, `${udp} enable_fewshot=True type=cpt_fewshot pattern=a,label`, 'CONFIG_CONFLICT'],
    ])('says what it cannot do: %o %s', (flags, parameters, code) => {
      expect(failure(() => mapped({ ...TRAIN, ...flags }, parameters)).code).toBe(code);
    });
  });

  describe('few-shot', () => {
    const mapped = (udp: string, flags: Record<string, string> = {}) => {
      const { command, values, warnings } = mapEasynlpFlags(
        recipe({ ...TRAIN, ...PAIR, sequence_length: 512, ...flags }, `pretrain_model_name_or_path=m ${udp}`),
        { exists: () => false },
      );
      return { command, values, warnings };
    };
    const pet = 'enable_fewshot=True label_desc=否,能 type=pet_fewshot pattern=sent1,label,用,sent2,概括。';

    it('recipes name a method, its pattern and its label words', () => {
      const { values, warnings } = mapped(pet);
      expect(values).toMatchObject({
        ...{ method: 'pet', pattern: 'sent1,label,用,sent2,概括。', labelWords: ['否', '能'] },
        ...{ firstSequence: 'sent1', secondSequence: 'sent2', labels: ['0', '1'], model: 'm' },
      });
      expect(warnings).toEqual([]);
      const pseudo = 'sent1,<pseudo>,label,<pseudo>,sent2';
      expect(mapped(pet.replace('sent1,label,用,sent2,概括。', pseudo)).values).toMatchObject({
        ...{ method: 'ptuning', pattern: pseudo, labelWords: ['否', '能'] },
      });
      const cpt = mapped('enable_fewshot=True type=cpt_fewshot pattern=sent1,label,用,sent2,概括。').values;
      expect(cpt).toMatchObject({ method: 'cptuning', pattern: 'sent1,label,用,sent2,概括。' });
      expect(cpt.labelWords).toBeUndefined();
    });

    it('parameters of this toolkit stand beside them', () => {
      const { values } = mapped(
        `${pet} prompt_loss=vocabulary prompt_sep=False mlm_weight=0.1 mask_blocks=own`,
      );
      expect(values).toMatchObject({
        ...{ promptLoss: 'vocabulary', promptSep: false, mlmWeight: 0.1, maskBlocks: 'own' },
      });
      const english = mapped(
        `enable_fewshot=True type=pet_fewshot label_desc=bad,good pattern='"It was ",label,sent1'`,
      );
      expect(english.values.pattern).toBe('"It was ",label,sent1');
    });

    it('models know in predictions what they were trained with', () => {
      const { values, warnings } = mapped(pet, { mode: 'predict', outputs: 'o.tsv' });
      expect(values.pattern).toBeUndefined();
      expect(warnings.join()).toContain('label_desc, type, pattern: the model knows them');
    });

    it.each([
      ['enable_fewshot=True pattern=a,label', 'CONFIG_INVALID_VALUE', /type .*pet_fewshot or cpt_fewshot/],
      ['enable_fewshot=True type=pet pattern=a,label', 'CONFIG_INVALID_VALUE', /got "pet"/],
      ['enable_fewshot=True type=pet_fewshot label_desc=a,b', 'CONFIG_MISSING_VALUE', /^pattern /],
      ['enable_fewshot=True type=pet_fewshot pattern=a,label', 'CONFIG_MISSING_VALUE', /^label_desc /],
      [`${pet} mlm_weight=much`, 'CONFIG_INVALID_VALUE', /mlm_weight .*a number/],
    ])('mistakes are told: %s', (udp, code, message) => {
      const error = failure(() => mapped(udp));
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
    });
  });

  it('multi-label is a task of its own', () => {
    const argv = recipe({ ...TRAIN, sequence_length: 128 }, 'pretrain_model_name_or_path=m multi_label=True');
    expect(map(argv).config.app).toBe('text_classify_multi_label');
  });

  it("reads booleans by their truth: 'False' selects nothing", () => {
    const { config } = map(
      recipe(TRAIN, 'pretrain_model_name_or_path=m multi_label=False enable_fewshot=False do_eval=False'),
    );
    expect(config).toMatchObject({ app: 'text_classify', evalStrategy: 'none' });
    expect(config.dev).toBeUndefined();
    expect(failure(() => map(recipe(TRAIN, 'multi_label=maybe'))).message).toMatch(/expected True or False/);
  });
});

describe("EasyNLP's flags", () => {
  /** The table of §5.2 of the functional map, written out: nothing of it may get lost. */
  const TABLE =
    `random_seed mode user_script user_entry_file tables user_defined_parameters skip_first_line outputs
    buckets odps_config app_name distributed_backend sequence_length micro_batch_size train_batch_size local_rank
    checkpoint_dir checkpoint_path modelzoo_base_dir do_lower_case epoch_num save_checkpoint_steps
    save_all_checkpoints learning_rate weight_decay wd max_grad_norm mn optimizer_type optimizer warmup_proportion
    logging_steps gradient_accumulation_steps resume_from_checkpoint input_schema first_sequence second_sequence
    label_name label_enumerate_values output_schema append_cols predict_slice_size predict_queue_size
    predict_thread_num predict_table_read_thread_num worker_count worker_gpu master_port worker_hosts use_amp
    use_torchacc data_threads mg_model`.split(/\s+/);

  it('are all in the table, and nothing else', () => {
    expect(EASYNLP_FLAGS.flatMap((flag) => flag.names).sort()).toEqual([...TABLE].sort());
  });

  const SAMPLES: Record<string, string> = {
    mode: 'train',
    app_name: 'text_classify',
    optimizer: 'Adam',
    optimizer_type: 'SGD',
    distributed_backend: 'gloo',
    warmup_proportion: '0.5',
    tables: 'a,b',
    user_defined_parameters: 'pretrain_model_name_or_path=m',
  };
  const BASE = {
    mode: 'train',
    tables: 'a,b',
    checkpoint_dir: 'o',
    sequence_length: '64',
    user_defined_parameters: 'pretrain_model_name_or_path=m',
    input_schema: 'label:str:1',
  };

  it.each(TABLE)('--%s is accepted and changes the configuration or says why it does not', (name) => {
    const flag = EASYNLP_FLAGS.find((f) => f.names.includes(name))!;
    const mode = flag.modes && !flag.modes.includes('train') ? flag.modes[0]! : 'train';
    const base = { ...BASE, mode, ...(mode === 'predict' ? { outputs: 'p' } : {}) };
    const plain = map(recipe(base), () => true);
    const value = SAMPLES[name] ?? (flag.type === 'switch' ? 'True' : flag.type === 'text' ? 'x' : '7');
    if (flag.refused) {
      expect(failure(() => map([...recipe(base), `--${name}`])).code).toBe('FEATURE_NOT_SUPPORTED');
      return;
    }
    const withSave = name === 'save_all_checkpoints' ? ['--save_checkpoint_steps=5'] : [];
    // worker_gpu 0 is the value that changes something.
    const given = name === 'worker_gpu' ? '0' : value;
    const spoken = map(
      [...recipe(base), ...withSave, ...(flag.type === 'switch' ? [`--${name}`] : [`--${name}=${given}`])],
      () => true,
    );
    if (flag.noEffect) {
      expect(spoken.warnings.filter((w) => w.startsWith(`--${name} has no effect: `))).toHaveLength(1);
      expect(spoken.config).toEqual(plain.config);
    } else if (!(name in base) && !['app_name', 'checkpoint_path'].includes(name)) {
      expect(spoken.config).not.toEqual(plain.config);
      expect(spoken.warnings.filter((w) => w.includes(name))).toEqual([]);
    }
  });

  it('that EasyNLP itself drops on the way work', () => {
    const { config } = map(
      recipe(
        {
          ...TRAIN,
          sequence_length: 64,
          optimizer_type: 'BertAdam',
          warmup_proportion: 0.2,
          mn: 2,
          wd: 0.05,
          logging_steps: 10,
          resume_from_checkpoint: 'out/step-5',
          save_checkpoint_steps: 5,
        },
        'pretrain_model_name_or_path=m',
      ).concat('--use_amp', '--save_all_checkpoints'),
    );
    expect(config).toMatchObject({
      optimizer: 'bertadam',
      warmupRatio: 0.2,
      maxGradNorm: 2,
      weightDecay: 0.05,
      loggingSteps: 10,
      resume: 'out/step-5',
      precision: 'bf16',
      keepLast: 0,
    });
  });

  it('take every option of this toolkit in user_defined_parameters', () => {
    const { config, warnings } = map(
      recipe(
        { ...TRAIN, sequence_length: 64 },
        'architecture=bert layers=2 hidden_size=128 heads=2 precision=bf16 token_budget=4096 warmupSteps=10 tensorboard=True',
      ),
    );
    expect(config).toMatchObject({
      architecture: 'bert',
      layers: 2,
      hiddenSize: 128,
      heads: 2,
      precision: 'bf16',
      tokenBudget: 4096,
      warmupSteps: 10,
      tensorboard: true,
      fromScratch: false,
    });
    expect(warnings).toEqual([]);
  });

  it.each<[string[], RegExp]>([
    [['--tables=a', '--lerning_rate=1'], /unknown flag '--lerning_rate'.*--learning_rate/],
    [['--tables=a', '--learning-rate=1'], /unknown flag '--learning-rate'.*--learning_rate/],
    [['--tables=a', '--device=cuda'], /unknown flag '--device'.*user_defined_parameters, as 'device=…'/],
    [
      ['--tables=a', '--app_name=text_clasify'],
      /--app_name: expected the name of a task, got "text_clasify".*text_classify/,
    ],
    [['--tables=a', '--mode=trian'], /--mode: expected one of train, evaluate, predict.*train/],
    [['--tables=a', '--epoch_num=x'], /--epoch_num: expected a number, got "x"/],
    [['--tables=a', '--random_seed=1.5'], /--random_seed: expected a whole number/],
    [['--tables=a', '--optimizer=Adagrad'], /--optimizer: expected one of AdamW, BertAdam, Adam, SGD/],
    [['--mode=train'], /--tables is required/],
    [['--tables'], /--tables: a value is missing/],
    [['--tables', '--mode=train'], /--tables: a value is missing/],
    [['--tables=odps://p/tables/t'], /--tables odps.*not supported: MaxCompute tables are not read/],
    [['--tables=a', 'b=c'], /unexpected argument 'b=c'.*Quote the whole value/],
    [['--tables=a,b', '--checkpoint_dir=o'], /which model\? give pretrain_model_name_or_path/],
    [
      ['--tables=a,b', '--user_defined_parameters=pretrain_model_name_or_path=m'],
      /--checkpoint_dir is required/,
    ],
    [
      ['--tables=a,b', '--user_defined_parameters=pretrian_model_name_or_path=m'],
      /unknown option 'pretrian.*pretrain_model_name_or_path/,
    ],
    [['--tables=a,b', '--user_defined_parameters=x=1'], /unknown option 'x \(user_defined_parameters\)'/],
    [['--tables=a,b', '--user_defined_parameters=constructor=1'], /unknown option 'constructor/],
    [['--tables=a,b', '--user_defined_parameters=layers=two'], /layers.*expected a whole number, got "two"/],
    [
      ['--tables=a,b', '--checkpoint_dir=o', '--learning_rate=-1', '--user_defined_parameters=model=m'],
      /--learning_rate: expected a number > 0, got -1/,
    ],
    [['--mode=predict', '--tables=a', '--checkpoint_dir=o'], /--outputs is required/],
    [['--tables=a', '--mg_model'], /--mg_model is not supported/],
    [['--tables=a', '--lr=1e-4'], /--lr is not supported: it belongs to EasyNLP's Megatron.*--learning_rate/],
  ])('%j is a usage error', (argv, message) => {
    const error = failure(() => map(argv));
    expect(`${error.message} ${error.hint ?? ''}`.replace(/\s+/g, ' ')).toMatch(message);
    expect(error.exitCode).toBe(2);
  });

  it("accept what EasyNLP's launcher writes for unset values", () => {
    const { config } = map(
      recipe(
        { ...TRAIN, sequence_length: 64, save_checkpoint_steps: 'None', second_sequence: '' },
        'pretrain_model_name_or_path=m',
      ),
    );
    expect(config).toMatchObject({ saveStrategy: 'none' });
    expect(config.secondSequence).toBeUndefined();
    expect(map([...recipe(TRAIN, 'pretrain_model_name_or_path=m'), '--worker_gpu', '-1']).config.device).toBe(
      'auto',
    );
  });

  it('look for the model under modelzoo_base_dir', () => {
    const argv = recipe(
      { ...TRAIN, sequence_length: 64, modelzoo_base_dir: 'zoo' },
      'pretrain_model_name_or_path=m',
    );
    expect(map(argv, () => true).config.model).toBe('zoo/m');
    expect(map(argv).config.model).toBe('m');
    expect(map(argv).warnings.join()).toMatch(/zoo\/m does not exist/);
  });

  it('of the Megatron groups are refused with a reason', () => {
    for (const name of [
      'attention-dropout',
      'num-layers',
      'loss-scale',
      'train-iters',
      'block-lm',
      'eval-iters',
      'top_p',
      'split',
      'adapet',
    ]) {
      expect(Object.values(MEGATRON_FLAGS).flat()).toContain(name);
      expect(failure(() => map(['--tables=a', `--${name}=1`])).code).toBe('FEATURE_NOT_SUPPORTED');
    }
  });

  it('are told apart from sub-commands', async () => {
    expect(isEasynlpStyle(['--mode=train'])).toBe(true);
    expect(isEasynlpStyle(['--app_name', 'text_classify', '--mode', 'train'])).toBe(true);
    expect(isEasynlpStyle(['train', '--mode', 'x'])).toBe(false);
    expect(isEasynlpStyle(['--version'])).toBe(false);
    expect(isEasynlpStyle([])).toBe(false);
    const io = new FakeIo();
    expect(await main(['--mode=train', '--help'], io)).toBe(0);
    expect(io.out).toBe(`${easynlpHelp()}\n`);
    for (const flag of TABLE) expect(io.out).toContain(`--${flag}`);
  });

  it('print what they warn about and then run', async () => {
    const io = new FakeIo();
    expect(await main(recipe({ ...TRAIN, data_threads: 5 }, 'pretrain_model_name_or_path=m'), io)).toBe(0);
    expect(io.err).toMatch(
      /^note: --data_threads has no effect: .*\nnote: --sequence_length is not given: .*\n$/,
    );
    expect(io.calls).toHaveLength(1);
  });

  it('give a configuration or a registry error for any values', () => {
    const names = EASYNLP_FLAGS.flatMap((flag) => flag.names);
    const argument = fc.tuple(
      fc.constantFrom(...names),
      fc.oneof(fc.string(), fc.constantFrom('1', 'a,b', 'True', 'predict')),
    );
    fc.assert(
      fc.property(fc.array(argument), (list) => {
        try {
          map(list.map(([name, value]) => `--${name}=${value}`));
        } catch (error) {
          expect(EasyNlpError.isInstance(error), String(error)).toBe(true);
        }
      }),
    );
  });
});
