// See apps.mjs for the form of the rows.
export const CORE = {
  title: ['Core', '核心'],
  rows: [
    [
      'Tables with the schema `name:type:length`, mistakes named by line and column',
      '`name:type:length` 模式的表格，错误指出行与列',
      ['datahub/schema.test.ts', 'datahub/open-table.test.ts'],
    ],
    [
      'CSV, JSON Lines, Parquet, CoNLL, SQuAD and gzip as well',
      '另有 CSV、JSON Lines、Parquet、CoNLL、SQuAD、gzip',
      [
        'datahub/open-table.test.ts > decompresses whatever is gzip',
        'datahub/parquet-table.test.ts',
        'datahub/conll-table.test.ts',
        'datahub/squad-table.test.ts',
      ],
    ],
    [
      'Files larger than the memory (EasyNLP reads all lines)',
      '大于内存的文件（EasyNLP 会全部读入）',
      ['datahub/flat-memory.test.ts'],
    ],
    ['Label map from a list, a file or the data', '标签表：来自列表、文件或数据', ['datahub/labels.test.ts']],
    [
      'Train, evaluate, predict',
      '训练、评估、预测',
      [
        'cli/main.test.ts > trains with flags',
        'cli/main.test.ts > evaluates and predicts',
        'predictor/predict.test.ts',
        'predictor/evaluate.test.ts',
      ],
    ],
    [
      'Best checkpoint by the first metric; early stop',
      '按首个指标保留最佳检查点；早停',
      ['trainer/loop.test.ts > stops early', 'trainer/resume.test.ts > continuing after an early stop'],
    ],
    ['Resume, bitwise', '逐位一致的续训', ['trainer/resume.test.ts']],
    [
      'Several checkpoints kept',
      '保留多个检查点',
      ['trainer/loop.test.ts > checkpoints of a course', 'trainer/faults.test.ts > with keepLast 1'],
    ],
    [
      'Gradient accumulation; the last, partial group counts',
      '梯度累积；最后不满的一组也计入',
      [
        'trainer/loop.test.ts > several batches make the same step',
        'trainer/loop.test.ts > the last, partial group',
      ],
    ],
    ['Clipping by global norm', '按全局范数裁剪', ['trainer/loop.test.ts > clips: no step is longer']],
    [
      'AdamW, Adam, BertAdam, SGD: all of them step, as in PyTorch',
      'AdamW、Adam、BertAdam、SGD：均真正更新，与 PyTorch 一致',
      ['torch:optim/optimizers.test.ts'],
    ],
    [
      'Warm-up and linear schedule; constant, cosine, polynomial',
      '预热与线性；常数、余弦、多项式',
      ['torch:optim/schedules.test.ts'],
    ],
    [
      'Training mode comes back after an evaluation',
      '评估后回到训练模式',
      ['trainer/loop.test.ts > trains in training mode'],
    ],
    ['Mixed precision', '混合精度', ['torch:amp/amp.test.ts', 'torch:amp/working-copies.test.ts']],
    [
      'TensorBoard files and a log in JSON Lines',
      'TensorBoard 文件与 JSON Lines 日志',
      ['trainer/tracking/tensorboard-writer.test.ts', 'trainer/tracking/metrics-log.test.ts'],
    ],
    [
      'Predictions with `output_schema` and `append_cols`, rows in order',
      '`output_schema` 与 `append_cols` 的预测，行序不变',
      [
        'predictor/predict.test.ts > writes the columns of output_schema',
        'predictor/predict.test.ts > keeps the order over chunks',
      ],
    ],
    [
      'One row, and any rest of a batch (EasyNLP crashes)',
      '只有一行或任意剩余的一批（EasyNLP 会崩溃）',
      ['predictor/predict.test.ts > rows, whatever is left'],
    ],
    [
      'Folder of a trained model that `transformers` loads',
      '训练好的模型目录可由 `transformers` 加载',
      ['modelzoo/pretrained.test.ts > is what transformers expects'],
    ],
    [
      'Folder of a model that EasyNLP trained (label_mapping.json, train_config.json)',
      'EasyNLP 训练的模型目录（label_mapping.json、train_config.json）',
      [],
      'its weights load as a pre-trained model; labels are not taken from label_mapping.json',
      '权重可作为预训练模型加载；标签不取自 label_mapping.json',
    ],
    [
      'Same seed, same model',
      '相同种子得到相同模型',
      ['trainer/determinism.test.ts', 'trainer/golden.test.ts'],
    ],
    [
      'Several GPUs, several machines',
      '多 GPU、多机',
      ['datahub/batch-stream.test.ts > loses and doubles nothing over ranks'],
      'the data can be divided; training uses one device',
      '数据可以划分；训练只用一个设备',
    ],
    ['One GPU', '单 GPU', ['trainer/device-step.cuda.test.ts', 'torch:optim/cuda.test.ts']],
    [
      'User-defined applications and methods',
      '自定义应用与方法',
      ['trainer/method.test.ts', 'trainer/objective.test.ts'],
      'in TypeScript; scripts packed as `user_script` are refused',
      '以 TypeScript 编写；不接受打包的 `user_script`',
    ],
  ],
};

export const FLAGS = {
  title: ['Flags', '命令行参数'],
  rows: [
    [
      'Every flag of EasyNLP is accepted or refused with a reason',
      'EasyNLP 的每个参数：接受，或说明拒绝的原因',
      [
        'cli/easynlp-flags.test.ts > are all in the table, and nothing else',
        'cli/easynlp-flags.test.ts > is accepted and changes the configuration or says why',
        'cli/e2e-docs.test.ts > names every flag of every command',
      ],
    ],
    [
      'Flags that EasyNLP drops on the way work',
      'EasyNLP 中途丢弃的参数在此有效',
      ['cli/easynlp-flags.test.ts > that EasyNLP itself drops'],
    ],
    [
      '`user_defined_parameters`, typed and checked; booleans by their truth',
      '`user_defined_parameters`：有类型、有检查；布尔值看真假',
      ['cli/user-defined-parameters.test.ts', 'cli/easynlp-flags.test.ts > reads booleans by their truth'],
    ],
    [
      'Flags of few-shot learning and distillation',
      '小样本与蒸馏的参数',
      ['cli/easynlp-distillation.test.ts', 'cli/easynlp-flags.test.ts > recipes name a method'],
    ],
    ['Flags of Megatron and GLM', 'Megatron 与 GLM 的参数', [], 'refused with a reason', '会拒绝并说明原因'],
    [
      'Native commands with a file of settings',
      '原生命令与配置文件',
      ['cli/main.test.ts', 'config/resolve-config.test.ts'],
    ],
    ['Check of the machine (`easynlp doctor`)', '检查机器（`easynlp doctor`）', ['cli/doctor.test.ts']],
  ],
};
