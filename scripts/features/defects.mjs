// See apps.mjs for the form of the rows. What EasyNLP gets wrong, found by reading its code or told by its users, as far
// as it concerns what is here; the tests show the right behaviour.
export const DEFECTS = {
  title: ['Defects of EasyNLP, and what happens here instead', 'EasyNLP 的缺陷，以及此处的行为'],
  rows: [
    [
      'Adam, BertAdam and SGD never step in single precision: all optimizers step',
      'Adam、BertAdam、SGD 在单精度下从不更新：此处均更新',
      ['torch:optim/optimizers.test.ts', 'trainer/loop.test.ts > moves every weight of'],
    ],
    [
      'Dropout stays off after an evaluation: it comes back',
      '评估之后 dropout 一直关闭：此处会恢复',
      ['trainer/loop.test.ts > trains in training mode'],
    ],
    [
      'Gradients are clipped while scaled for half precision: clipped after the scaling is undone',
      '半精度下梯度在缩放状态被裁剪：此处先还原再裁剪',
      ['trainer/loop.test.ts > clips after the scaling of the loss was undone'],
    ],
    [
      'Every epoch has the same order: each has its own, fixed by the seed',
      '每轮顺序相同：此处每轮不同，由种子决定',
      ['datahub/batch-stream.test.ts > differs from epoch to epoch'],
    ],
    [
      'Flags are lost on the way, `"None"` is taken for a number, `False` for true',
      '参数中途丢失，`"None"` 被当作数字，`False` 被当作真',
      [
        'cli/easynlp-flags.test.ts > that EasyNLP itself drops',
        "cli/easynlp-flags.test.ts > accept what EasyNLP's launcher writes for unset values",
        'cli/easynlp-flags.test.ts > reads booleans by their truth',
      ],
    ],
    [
      'The dropout that is stored with a model is always 0: it is the one that was trained with',
      '模型记录的 dropout 恒为 0：此处为训练所用的值',
      ['trainer/build-model.test.ts > trains with another dropout'],
    ],
    [
      'A last batch of one row ends prediction with an error (rows % batch size = 1)',
      '最后一批只有一行时预测报错（行数 % 批大小 = 1）',
      ['predictor/predict.test.ts > rows, whatever is left'],
    ],
    [
      'Shell commands with names from the user, archives unpacked anywhere, `eval` of data, pickles',
      '用用户给的名称执行 shell 命令，任意解包，对数据 `eval`，pickle',
      [
        'modelzoo/hub/safety.test.ts',
        'torch:files/checkpoint-attacks.test.ts',
        'appzoo/information-extraction/scheme.test.ts > are unwrapped whatever the quotes',
      ],
    ],
    [
      'Losses, evaluation and prediction that need a GPU: everything runs on the CPU too',
      '损失、评估、预测必须有 GPU：此处均可用 CPU',
      ['cli/e2e-fewshot.test.ts > train, evaluate and predict', 'cli/e2e-distillation.test.ts'],
    ],
    [
      'GEEP: a batch breaks when some rows leave; the classifier of the last layer is used below; padding counts',
      'GEEP：批内部分样本退出即出错；最后一层的分类器用于较低层；填充参与计算',
      [
        'appzoo/geep-classify/geep.test.ts > each text goes as far as it must',
        'appzoo/geep-classify/geep.test.ts > exits beyond the last but one layer',
      ],
    ],
    [
      'Two tower: pairs are read as single texts, labels play no part in the loss, circle loss is missing',
      '双塔：句对被当作单句，损失与标签无关，缺少 circle loss',
      [
        'appzoo/text-match/losses.test.ts > labels matter',
        'appzoo/text-match/losses.test.ts > is what its formula says',
        'cli/e2e-text-match.test.ts > margin and loss are used',
      ],
    ],
    [
      'Siamese pairs: other ones at each evaluation, a text with itself, no end for a class of one text',
      '孪生句对：每次评估不同，可能与自身配对，只有一条文本的类别会死循环',
      [
        'appzoo/text-match/two-tower.test.ts > are the same every time',
        'appzoo/text-match/losses.test.ts > a class of one text has no part in it',
      ],
    ],
    [
      'Multi-label: predictions are single labels, "micro F1" is macro F1, the threshold is fixed',
      '多标签：预测为单标签，“micro F1”实为 macro F1，阈值固定',
      [
        'appzoo/text-classify-multi-label/multi-label.test.ts > gives label sets',
        'appzoo/metrics/multi-label.test.ts',
        'appzoo/text-classify-multi-label/multi-label.test.ts > finds a threshold for each label',
      ],
    ],
    [
      'Entities: English and given tokens are cut apart, blanks doubled (issue 198)',
      '实体：英文与已分词的文本被拆散，空格加倍（issue 198）',
      [
        'appzoo/sequence-labeling/sequence-labeling.test.ts > of texts in files are tokens',
        'cli/e2e-sequence-labeling.test.ts > predict space-separated tokens',
      ],
    ],
    [
      'Entities: what is beyond the longest input is lost in predictions and filled up in figures',
      '实体：超长部分在预测中丢失，在指标中被填充',
      [
        'appzoo/sequence-labeling/sequence-labeling.test.ts > counts every entity of texts longer',
        'appzoo/sequence-labeling/sequence-labeling.test.ts > texts of any length',
      ],
    ],
    [
      'Reading: figures are those of positions in windows, not EM and F1 of answers',
      '阅读理解：指标是窗口中位置的准确率，而非答案的 EM 与 F1',
      ['appzoo/machine-reading-comprehension/scores.test.ts', 'cli/e2e-reading.test.ts > keeps every row'],
    ],
    [
      'Extraction: one record a batch is written, thresholds are fixed',
      '信息抽取：每批只写出一条，阈值固定',
      [
        'appzoo/information-extraction/extraction.test.ts > no row is lost',
        'appzoo/information-extraction/extraction.test.ts > thresholds and the number of answers count',
      ],
    ],
    [
      'Augmentation: `append_original` ignored, columns out of place, nothing need change, blanks in Chinese',
      '数据扩增：忽略 `append_original`，列错位，可能毫无改变，中文出现空格',
      [
        'appzoo/data-augmentation/data-augmentation.test.ts > appends originals',
        'appzoo/data-augmentation/data-augmentation.test.ts > are filled by tokens of the same kind',
        'appzoo/data-augmentation/data-augmentation.test.ts > leave everything else of the text',
      ],
    ],
    [
      'Distillation: the data set knows no multi-label rows; a file of logits is not checked',
      '蒸馏：数据集不支持多标签；不检查 logits 文件',
      [
        'appzoo/text-classify-multi-label/multi-label.test.ts > teaches a student',
        'cli/bad-few-shot-input.test.ts',
      ],
    ],
    [
      'MetaKD: weights of rows are applied to means of batches: each row has its own',
      'MetaKD：样本权重作用于批均值：此处逐样本作用',
      ['distillation/metakd/losses.test.ts > act on their own row'],
    ],
    [
      'PET: label words must have one length, English patterns are impossible, mistakes show in the middle of training',
      'PET：标签词须等长，不能用英文模板，错误在训练途中才出现',
      [
        'fewshot/pet/cloze.test.ts > of several words are their mean',
        'fewshot/prompt/pattern.test.ts > in quotes hold any character',
        'cli/bad-few-shot-input.test.ts',
      ],
    ],
    [
      'PET: a tie counts as right; CP-Tuning: labels whose words begin alike, or have the token 0, are mixed up',
      'PET：并列即算正确；CP-Tuning：标签词首词元相同或词元编号为 0 时混淆',
      ['fewshot/easynlp-defects.test.ts'],
    ],
    [
      'CP-Tuning: no language model beside the loss, anchors computed anew from a file at every evaluation',
      'CP-Tuning：没有语言模型损失，每次评估都由文件重新计算锚点',
      [
        'fewshot/cp-tuning/cp-tuning.test.ts > logs both losses',
        'fewshot/cp-tuning/cp-tuning.test.ts > anchors are the features of the training rows',
      ],
    ],
    [
      'CP-Tuning: predictions are the gold labels of the file (issue 183)',
      'CP-Tuning：预测即文件中的标签（issue 183）',
      ['fewshot/cp-tuning/cp-tuning.test.ts > altered labels of the file'],
    ],
    [
      'P-tuning: a model does not load with another number of trainable tokens: the pattern is stored with it',
      'P-tuning：可训练词元个数不同即无法加载：此处模板与模型一同保存',
      [
        'fewshot/p-tuning/p-tuning.test.ts > stores and loads them',
        'cli/easynlp-flags.test.ts > models know in predictions what they were trained with',
      ],
    ],
    [
      'Examples do not run as published (issues 71, 115, 135, 261): they are run by the tests',
      '示例无法照原样运行（issue 71、115、135、261）：此处的示例都由测试运行',
      ['cli/e2e-examples.test.ts', 'modelzoo/hub/resolve.test.ts', 'trainer/determinism.test.ts'],
    ],
    [
      'How does one use a trained model? (issues 96, 232): `pipeline()`, the same for every task',
      '训练好的模型如何使用？（issue 96、232）：各任务统一的 `pipeline()`',
      [
        'predictor/every-pipeline/table.test.ts > have every task that pipeline() takes',
        'appzoo/text-match/one-tower.test.ts > answers a batch as it answers each pair',
      ],
    ],
  ],
};
