// See apps.mjs for the form of the rows.
export const FEWSHOT = {
  title: ['Few-shot learning', '小样本学习'],
  rows: [
    [
      'Pattern language of EasyNLP, with quotes for any character',
      'EasyNLP 的模板语言，引号内可用任意字符',
      ['fewshot/prompt/pattern.test.ts', 'fewshot/prompt/encoder.test.ts'],
    ],
    [
      'Label words of one token or several, also of different lengths',
      '标签词可为一个或多个词元，长度可不同',
      [
        'fewshot/pet/cloze.test.ts > of several words are their mean',
        'fewshot/prompt/encoder.test.ts > come as a list in the order of the labels',
      ],
    ],
    [
      'Mistakes of patterns, label words, data and teachers, told before any training',
      '模板、标签词、数据与教师的错误：训练开始前即指出',
      ['cli/bad-few-shot-input.test.ts'],
    ],
    ['PET', 'PET', ['fewshot/pet/pet.test.ts', 'fewshot/pet/cloze.test.ts', 'cli/e2e-fewshot.test.ts']],
    [
      'The auxiliary language model of the papers, which EasyNLP leaves out',
      '论文中的辅助语言模型损失（EasyNLP 未实现）',
      [
        'fewshot/pet/pet.test.ts > with the auxiliary language model',
        'fewshot/cp-tuning/token-masking.test.ts',
      ],
    ],
    [
      'Ensembles of patterns and iPET with unlabelled data',
      '多模板集成与 iPET（利用无标签数据）',
      ['fewshot/pet/ensemble/ensemble.test.ts'],
    ],
    [
      'P-tuning',
      'P-tuning',
      ['fewshot/p-tuning/p-tuning.test.ts', 'fewshot/p-tuning/prompt-vectors.test.ts'],
    ],
    [
      'CP-Tuning (PCCL and language model), anchors in the model',
      'CP-Tuning（PCCL 与语言模型），锚点存于模型',
      ['fewshot/cp-tuning/cp-tuning.test.ts', 'fewshot/cp-tuning/pccl.test.ts'],
    ],
    [
      'Predictions never see the labels of their file (EasyNLP issue 183)',
      '预测不会看到文件中的标签（EasyNLP issue 183）',
      ['fewshot/cp-tuning/cp-tuning.test.ts > altered labels of the file'],
    ],
    [
      'TransPrompt: meta-learner, adaptation, generalisation',
      'TransPrompt：元学习、适应、泛化',
      ['fewshot/transprompt/transprompt.test.ts', 'fewshot/transprompt/debias.test.ts'],
    ],
    [
      'Few-shot distillation (LM-BFF based example)',
      '小样本蒸馏（基于 LM-BFF 的示例）',
      [
        'methods/prompt-distillation.test.ts',
        'distillation/shared/losses.test.ts > weights rows',
        'cli/e2e-distillation.test.ts > a teacher tuned with a prompt',
      ],
      'prompted teacher and student, weights by a teacher of another domain, the made-up teacher; not the logits of inner layers (its β, which its recipes leave out)',
      '教师与学生均用提示、由另一领域的教师加权、虚构教师；没有中间层 logits（β，其脚本未使用）',
    ],
    [
      'Research examples: SpanProto, KECP, UPT, MeLL, SASA, X-STA …',
      '研究示例：SpanProto、KECP、UPT、MeLL、SASA、X-STA 等',
      [],
      'not planned yet',
      '尚无计划',
    ],
  ],
};

export const DISTILLATION = {
  title: ['Distillation and compression', '蒸馏与压缩'],
  rows: [
    [
      'Vanilla KD from a file of logits or from the teacher itself',
      '普通蒸馏：由 logits 文件或教师模型',
      [
        'distillation/vanilla-kd/vanilla-kd.test.ts',
        'distillation/shared/losses.test.ts',
        'cli/e2e-distillation.test.ts > run_vanilla_kd.sh',
      ],
    ],
    [
      'Multi-label and regression students',
      '多标签与回归学生',
      [
        'distillation/vanilla-kd/vanilla-kd.test.ts > works for scores',
        'appzoo/text-classify-multi-label/multi-label.test.ts > teaches a student',
      ],
    ],
    [
      'Hidden states and attention as teachers',
      '以隐藏状态与注意力蒸馏',
      ['distillation/intermediate/intermediate.test.ts'],
    ],
    [
      'MetaKD: prototypes, meta-teacher, two stages',
      'MetaKD：原型、元教师、两阶段',
      [
        'distillation/metakd/pipeline.test.ts',
        'distillation/metakd/losses.test.ts',
        'distillation/metakd/objectives.test.ts',
        'distillation/metakd/prototypes.test.ts',
      ],
    ],
    [
      'MetaKD scripts with their flags (teacher, first and second stage, genre)',
      'MetaKD 脚本的原有参数（教师、两个阶段、genre）',
      ['cli/easynlp-metakd.test.ts'],
    ],
    [
      'Augmented data for distillation',
      '蒸馏用的数据扩增',
      [
        'cli/e2e-distillation.test.ts > landing distillation.sh',
        'distillation/vanilla-kd/vanilla-kd.test.ts > takes texts that a language model makes',
      ],
    ],
    [
      'Landing: large model → few-shot → small model, with a report',
      '大模型落地：大模型 → 小样本 → 小模型，附报告',
      ['landing/landing.test.ts'],
    ],
    [
      'CAP (contrastive pruning; not in EasyNLP either)',
      'CAP（对比剪枝；EasyNLP 中亦无）',
      [],
      'not begun',
      '尚未开始',
    ],
  ],
};

export const KNOWLEDGE = {
  title: ['Knowledge-enhanced pre-training', '知识增强预训练'],
  rows: [
    [
      'DKPLM pre-training',
      'DKPLM 预训练',
      [],
      'its checkpoints are fine-tuned; pre-training with knowledge is not here',
      '可微调其检查点；没有带知识的预训练',
    ],
    [
      'K-BERT with a `.spo` file',
      'K-BERT 与 `.spo` 文件',
      [
        'cli/e2e-k-bert.test.ts',
        'knowledge/k-bert/knowledge-graph.test.ts',
        'knowledge/k-bert/train.test.ts',
        'knowledge/k-bert/unseen-names.test.ts',
      ],
    ],
    [
      'CKBERT: linguistic masks, contrastive learning on a graph',
      'CKBERT：语言学掩码、图谱对比学习',
      [],
      'not begun',
      '尚未开始',
    ],
    ['Kangaroo: concept embeddings', 'Kangaroo：概念嵌入', [], 'not begun', '尚未开始'],
  ],
};

export const BENCHMARKS = {
  title: ['Benchmarks, tools, examples', '基准、工具、示例'],
  rows: [
    [
      'CLUE harness',
      'CLUE 评测',
      ['benchmark/clue/clue.test.ts', 'cli/benchmark-command.test.ts > runs CLUE'],
      'the files of all eleven tasks are read, four kinds of tasks are trained in the tests; the published figures are not reproduced yet',
      '十一个任务的文件均可读取，测试中训练四类任务；尚未复现公布的结果',
    ],
    [
      'Few-shot CLUE (an empty stub in EasyNLP)',
      '小样本 CLUE（EasyNLP 中为空壳）',
      ['benchmark/fewclue/convert.test.ts', 'benchmark/run-suite.test.ts', 'cli/benchmark-command.test.ts'],
    ],
    [
      'Zero-shot CLUE (an empty stub in EasyNLP)',
      '零样本 CLUE（EasyNLP 中为空壳）',
      [],
      'not begun',
      '尚未开始',
    ],
    ['16-shot sets of English tasks', '英文任务的 16-shot 数据', ['benchmark/glue16/tasks.test.ts']],
    [
      'Example: bert_classify and quick start',
      '示例：bert_classify 与快速开始',
      ['cli/e2e.test.ts > bert_classify', 'cli/easynlp-flags.test.ts > quick start: train'],
    ],
    [
      'Recipes of the tutorials run as printed',
      '教程中的命令可照原样运行',
      [
        'cli/e2e.test.ts > landing_large_ptms',
        'cli/e2e-text-match.test.ts > single tower',
        'cli/e2e-distillation.test.ts > run_vanilla_kd.sh',
        'cli/e2e-solutions.test.ts',
      ],
      'those of the applications above; none of generation or of images',
      '仅限上面已有的应用；没有生成与图像的教程',
    ],
    [
      'DataHub: list of about 100 Chinese data sets',
      'DataHub：约 100 个中文数据集的列表',
      [],
      'data are read from files; there is no list and no download',
      '数据由文件读取；没有列表与下载',
    ],
    [
      'Data of Hugging Face `datasets` by name',
      '按名称使用 Hugging Face `datasets`',
      ['datahub/parquet-table.test.ts'],
      'their Parquet and JSON Lines files are read; not fetched by name',
      '可读取其 Parquet 与 JSON Lines 文件；不能按名称获取',
    ],
    [
      'PAI: ODPS tables, OSS objects, DLC, Designer, EAS',
      'PAI：ODPS 表、OSS 对象、DLC、Designer、EAS',
      [],
      'refused with an explanation',
      '会拒绝并说明原因',
    ],
    [
      'TorchAccelerator, RapidFormer',
      'TorchAccelerator、RapidFormer',
      [],
      'libraries of PAI; the flag is refused with a reason',
      'PAI 的库；相应参数会被拒绝并说明原因',
    ],
  ],
};
