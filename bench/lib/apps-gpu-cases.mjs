// What apps-gpu.mjs trains: every task, head, loss, method and architecture, with what is asked of the trained model.

/** Options that all have. Losses shall fall by a lot, so that an update that is left out shows. */
const COMMON = {
  ...{ sequenceLength: 48, batchSize: 8, epochs: 20, maxSteps: 12, learningRate: 1e-3, seed: 7, dropout: 0 },
  // In bf16 on CUDA batches are not sorted by length: without sorting all runs have the same batches.
  ...{ saveStrategy: 'none', loggingSteps: 5, numThreads: 2, bucketing: false },
};
const TWO_TOWER_LOSSES = ['cosent', 'infonce', 'circle', 'contrastive', 'hinge', 'cosine', 'mse'];

/** @returns cases: { group, name, options, needs?, ask?: { task, inputs, options? }, looseBf16?, seeded? } */
export function makeCases({ paths, labels, models, architectures, teacherOf }) {
  const p = (name) => paths[name];
  const bert = models.bert;
  const texts = ['房间干净，服务周到，下次还来', '太差了', '物流很快', '等了两个小时，难吃'];
  const twoTexts = [
    ['花呗怎么还款', '请问花呗怎么还款'],
    ['银行卡如何开通', '请问借呗为什么不能用'],
    ['额度怎么提升', '请问信用卡如何开通'],
  ];
  const people = ['昨天，王小明去了北京。', '李雷在上海。', '赵云去了西安。'];
  const questions = [
    { question: '谁？', context: '人青山，地白云，物红叶。' },
    { question: '哪？', context: '地碧海，物明月，人白云。' },
  ];
  const classify = { task: 'text_classify', inputs: texts };
  const reviews = { app: 'text_classify', train: p('reviews.tsv'), dev: p('reviews-dev.tsv') };
  const pairs = { train: p('pairs.tsv'), dev: p('pairs-dev.tsv'), sequenceLength: 32 };
  const cases = [];
  const add = (group, name, options, ask = null, more = {}) =>
    cases.push({ group, name, ask, ...more, options: { ...COMMON, model: bert, ...options } });
  const prompts = { pattern: 'text,很,label,。', labelWords: labels.map((label) => label[0]) };

  add('classify', 'text_classify', reviews, classify);
  add('classify', 'text_classify, accumulated', { ...reviews, gradientAccumulationSteps: 2 }, classify);
  add('classify', 'text_classify, adam', { ...reviews, optimizer: 'adam' }, classify);
  add('classify', 'text_classify, sgd', { ...reviews, optimizer: 'sgd', learningRate: 0.05 }, classify);
  add('classify', 'text_classify, bertadam', { ...reviews, optimizer: 'bertadam' }, classify);
  add(
    'classify',
    'text_classify, token budget',
    // Lengths in steps of 16, as graphs want them, would fill batches otherwise.
    { ...reviews, batchSize: undefined, tokenBudget: 256, cudaGraphs: false },
    classify,
  );
  add('classify', 'text_classify, full padding', { ...reviews, padding: 'max_length' }, classify);
  add(
    'classify',
    'text_classify of pairs',
    { ...pairs, app: 'text_classify', firstSequence: 'sentence1', secondSequence: 'sentence2' },
    { task: 'text_classify', inputs: twoTexts },
  );
  const cnn = { model: undefined, architecture: 'text-cnn', embeddingSize: 16, convDim: 8 };
  add('classify', 'text_classify, text-cnn', { ...reviews, ...cnn }, classify);
  const scratch = { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64, initializerRange: 0.1 };
  add(
    'classify',
    'text_classify, bert from scratch',
    { ...reviews, model: undefined, architecture: 'bert', ...scratch },
    classify,
  );
  const long = { app: 'text_classify', train: p('long.tsv'), dev: p('long-dev.tsv'), longText: 'windows' };
  const longTexts = { task: 'text_classify', inputs: texts.map((text) => `${text}。`.repeat(9)) };
  add('classify', 'long texts, head', { ...long, windowTraining: 'head' }, longTexts);
  add(
    'classify',
    'long texts, windows',
    { ...long, windowTraining: 'windows', windowMerge: 'max' },
    longTexts,
  );
  const multi = { app: 'text_classify_multi_label', train: p('multi.tsv'), dev: p('multi.tsv') };
  const multiAsk = { task: 'text_classify_multi_label', inputs: ['第1台噪音大送货快', '第2台', '很漂亮'] };
  add('heads', 'multi-label', multi, multiAsk);
  add('heads', 'multi-label, balanced', { ...multi, positiveWeights: 'balanced' }, multiAsk);
  const geep = { ...reviews, app: 'geep_classify', model: models.deep };
  const geepAsk = (exitThreshold) => ({ task: 'geep_classify', inputs: texts, options: { exitThreshold } });
  // Exits drop out half of their input, always.
  add('heads', 'geep_classify', geep, geepAsk(0), { deviceRandom: true });
  add('heads', 'geep_classify, one exit', { ...geep, exits: 1 }, geepAsk(1), { deviceRandom: true });
  const labeling = { app: 'sequence_labeling', train: p('people.conll'), dev: p('people.conll') };
  const labelingAsk = { task: 'sequence_labeling', inputs: people };
  add('heads', 'sequence_labeling, softmax', labeling, labelingAsk);
  add('heads', 'sequence_labeling, crf', { ...labeling, crf: true }, labelingAsk);
  add('heads', 'sequence_labeling, crf, bioes', { ...labeling, crf: true, tagScheme: 'bioes' }, labelingAsk);
  const reading = { app: 'machine_reading_comprehension', train: p('squad.json'), dev: p('squad.json') };
  const readingAsk = { task: reading.app, inputs: questions.map((q) => [q.question, q.context]) };
  add('heads', 'machine_reading_comprehension', reading, readingAsk);
  add(
    'heads',
    'machine_reading_comprehension, windows',
    { ...reading, sequenceLength: 14, docStride: 4 },
    readingAsk,
  );
  const extraction = { app: 'information_extraction', train: p('people.json'), dev: p('people.json') };
  const extractionAsk = { task: extraction.app, inputs: people };
  for (const mode of ['types', 'prompt'])
    add('heads', `information_extraction, ${mode}`, { ...extraction, mode }, extractionAsk);
  const lm = { app: 'language_modeling', train: p('corpus.txt'), heldOut: 0.02, evalStrategy: 'none' };
  const fill = { task: 'language_modeling', inputs: ['房间[MASK]净，服务周到', '物[MASK]很快'] };
  for (const masking of ['whole-word', 'ngram', 'token'])
    add('heads', `language_modeling, ${masking}`, { ...lm, masking }, fill);

  add('match', 'text_match', { ...pairs, app: 'text_match' }, { task: 'text_match', inputs: twoTexts });
  add(
    'match',
    'text_match_regression',
    { ...pairs, app: 'text_match_regression', train: p('scores.tsv'), dev: p('scores.tsv') },
    { task: 'text_match_regression', inputs: twoTexts },
  );
  const towers = { task: 'text_match_two_tower', inputs: twoTexts };
  for (const loss of TWO_TOWER_LOSSES)
    add('match', `two towers, ${loss}`, { ...pairs, app: 'text_match_two_tower', loss }, towers, {
      looseBf16: true,
    });
  add(
    'match',
    'two towers, separate, first token, 8 numbers',
    { ...pairs, app: 'text_match_two_tower', encoders: 'separate', pooling: 'first', vectorSize: 8 },
    towers,
    { looseBf16: true },
  );
  add(
    'match',
    'two towers, siamese',
    { ...reviews, app: 'text_match_two_tower', siamese: true, loss: 'circle', pooling: 'pooler' },
    null,
    { looseBf16: true },
  );
  const choice = {
    app: 'multiple_choice',
    train: p('choices.jsonl'),
    dev: p('choices.jsonl'),
    learningRate: 1e-2,
  };
  const choiceAsk = (sets) => ({
    task: choice.app,
    inputs: sets.map((own) => ({ context: people[0], question: '谁？', choices: own })),
  });
  const sets = [
    ['李雷', '王小明'],
    ['赵云', '李雷', '韩梅梅', '王小明'],
  ];
  add('match', 'multiple_choice, two to four', choice, choiceAsk(sets));
  const gaps = { ...choice, train: p('gaps.jsonl'), dev: p('gaps.jsonl'), gap: '#x#', groupName: 'group' };
  const gapInputs = [{ context: '昨天，#x#去了北京。', choices: ['李雷', '赵云', '王小明'] }];
  add('match', 'multiple_choice, gaps', gaps, { task: choice.app, inputs: gapInputs });

  const pet = { ...reviews, method: 'pet', ...prompts };
  add('prompts', 'pet', pet, classify);
  add('prompts', 'pet, vocabulary', { ...pet, promptLoss: 'vocabulary' }, classify);
  // Which tokens the auxiliary language model hides is drawn on the host.
  add('prompts', 'pet, auxiliary language model', { ...pet, unlabelled: [p('unlabelled.jsonl')] }, classify);
  const pair = {
    ...pairs,
    firstSequence: 'sentence1',
    secondSequence: 'sentence2',
    labelWords: ['否', '是'],
  };
  add(
    'prompts',
    'pet, text_match',
    { ...pair, app: 'text_match', method: 'pet', pattern: 'sentence1,label,，,sentence2' },
    { task: 'text_match', inputs: twoTexts },
  );
  for (const promptEncoder of ['lstm', 'embedding'])
    add(
      'prompts',
      `ptuning, ${promptEncoder}`,
      { ...pet, method: 'ptuning', pattern: '<pseudo:3>,label,<pseudo>,text', promptEncoder },
      classify,
    );
  // Its token masking is drawn on the device: without it both see the same.
  const cp = { ...reviews, method: 'cptuning' };
  add('prompts', 'cptuning', { ...cp, tmskWeight: 0 }, classify, { looseBf16: true });
  add('prompts', 'cptuning, token masking', cp, null, { deviceRandom: true, looseBf16: true });
  const ensemble = { ...pet, pattern: undefined, method: 'pet_ensemble', maxSteps: 4, finalEpochs: 1 };
  const patterns = 'text,很,label,。;;"真",label,"，",text';
  const small = { unlabelled: [p('unlabelled.jsonl')], patterns };
  // Soft labels and the choice of rows follow from the models before: noise adds up.
  add('ensemble', 'pet_ensemble', { ...ensemble, ...small }, classify, { stages: true });
  add('ensemble', 'ipet', { ...ensemble, ...small, generations: 1, generationFactor: 2, maxSteps: 2 }, null, {
    stages: true,
  });
  const group = { method: 'transprompt', app: 'text_classify', train: p('group.json') };
  add('ensemble', 'transprompt', { ...group, epochs: 1, maxSteps: 4 }, null, { stages: true });

  const taught = { ...reviews, teacher: [teacherOf('deep')] };
  add('distill', 'kd', { ...taught, method: 'kd' }, classify, { teacher: true });
  add(
    'distill',
    'kd, unlabelled and augmented rows',
    { ...taught, method: 'kd', unlabelled: [p('unlabelled.jsonl')], augment: 1, augmentTemperature: 0 },
    classify,
    { teacher: true },
  );
  add(
    'distill',
    'kd_prompt, with a made-up teacher and one of another domain',
    { ...pet, method: 'kd_prompt', teacher: taught.teacher, crossTeacher: taught.teacher, smoothWeight: 0.2 },
    classify,
    { teacher: true },
  );
  add('distill', 'kd_intermediate', { ...taught, method: 'kd_intermediate' }, classify, { teacher: true });
  add(
    'distill',
    'kd_intermediate, attention only',
    { ...taught, method: 'kd_intermediate', hiddenWeight: 0, embeddingWeight: 0, logitsWeight: 0.5 },
    classify,
    { teacher: true },
  );
  const metakd = {
    ...{ app: 'text_classify', method: 'metakd', train: p('domains.jsonl'), teacherModel: models.deep },
    ...{ maxSteps: 4, epochs: 1, teacherEpochs: 1, devFraction: 0.15, testFraction: 0.15, baselines: ['kd'] },
  };
  // The random order of domains is drawn on the device: without it both see the same.
  const calm = { ...metakd, domainLossWeight: 0 };
  add('metakd', 'metakd, all losses at once', { ...calm, distillSchedule: 'joint' }, null, { stages: true });
  add('metakd', 'metakd', metakd, null, { stages: true, deviceRandom: true });
  // Steps enough for graphs to be recorded and used.
  const recorded = { maxSteps: 12, epochs: 12, layerEpochs: 12, labelLossWeight: 0.4 };
  add('metakd', 'metakd, two stages', { ...calm, ...recorded }, null, { stages: true });
  const rest = { rowsPerDomain: 20, unlabelledPerDomain: 12, labelledRepeat: 2 };
  add('metakd', 'metakd, rows without labels', { ...calm, ...recorded, ...rest }, null, { stages: true });

  for (const [a, type] of architectures.entries()) {
    const group = `models-${a % 4}`;
    const model = { model: models[type], maxSteps: 8 };
    add(group, `${type}: text_classify`, { ...reviews, ...model }, classify);
    add(group, `${type}: sequence_labeling`, { ...labeling, ...model }, labelingAsk);
    add(group, `${type}: machine_reading_comprehension`, { ...reading, ...model }, readingAsk);
    add(group, `${type}: language_modeling`, { ...lm, ...model }, fill);
    add(group, `${type}: two towers`, { ...pairs, ...model, app: 'text_match_two_tower' }, towers, {
      looseBf16: true,
    });
  }
  return cases;
}

/** Tasks that answer without training: { name, task, model, inputs, options }. */
export function untrainedCases({ models }) {
  const texts = ['房间干净，服务周到', '太差了', '物流很快，质量不错'];
  return [
    ...['mean', 'first', 'tokens'].map((pooling) => ({
      ...{ name: `vectorization, ${pooling}`, task: 'vectorization', model: models.bert, inputs: texts },
      options: { pooling, normalize: pooling === 'mean' },
    })),
    { name: 'data_augmentation', task: 'data_augmentation', model: models.bert, inputs: texts, options: {} },
    {
      ...{ name: 'language_modeling', task: 'language_modeling', model: models.bert, options: {} },
      inputs: ['房间[MASK]净', '服[MASK]周到'],
    },
  ];
}
