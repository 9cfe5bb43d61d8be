/**
 * Every flag of EasyNLP's own command line. A flag either sets options of this toolkit (easynlp-flags.ts says how) or
 * has a reason why it has no effect here, which is printed when it is used.
 */
export type EasynlpMode = 'train' | 'evaluate' | 'predict';
export const EASYNLP_MODES: readonly EasynlpMode[] = ['train', 'evaluate', 'predict'];

export interface EasynlpFlag {
  /** First the name, then other spellings that EasyNLP accepts. */
  readonly names: readonly [string, ...string[]];
  readonly type: 'text' | 'integer' | 'number' | 'switch';
  readonly choices?: readonly string[];
  /** EasyNLP's default, where it differs from "not set". */
  readonly default?: string | number;
  /** Modes in which the flag does something; in others it is noted as without effect, as in EasyNLP. */
  readonly modes?: readonly EasynlpMode[];
  /** Why the flag does nothing here. */
  readonly noEffect?: string;
  /** Why a run with this flag is refused. */
  readonly refused?: string;
  readonly help: string;
}

const TRAIN = ['train'] as const;
const PREDICT = ['predict'] as const;

export const EASYNLP_FLAGS: readonly EasynlpFlag[] = [
  {
    names: ['mode'],
    type: 'text',
    choices: EASYNLP_MODES,
    default: 'train',
    help: 'train, evaluate or predict',
  },
  { names: ['app_name'], type: 'text', default: 'text_classify', help: 'the task' },
  { names: ['tables'], type: 'text', help: 'data files: train,dev for training; the last one otherwise' },
  { names: ['input_schema'], type: 'text', help: 'columns of the headerless TSV, name:type:length,…' },
  { names: ['skip_first_line'], type: 'switch', help: 'skip the first line of each file' },
  { names: ['first_sequence'], type: 'text', help: 'column of the text' },
  { names: ['second_sequence'], type: 'text', help: 'column of the second text' },
  { names: ['label_name'], type: 'text', modes: ['train', 'evaluate'], help: 'column of the label' },
  {
    names: ['label_enumerate_values'],
    type: 'text',
    modes: TRAIN,
    help: 'labels, comma-separated, or a file with one per line; a trained model knows its own',
  },
  {
    names: ['checkpoint_dir', 'checkpoint_path'],
    type: 'text',
    help: 'folder of the model: written by train, read by evaluate and predict',
  },
  {
    names: ['user_defined_parameters'],
    type: 'text',
    help: 'key=value pairs, such as pretrain_model_name_or_path=…',
  },
  { names: ['sequence_length'], type: 'integer', default: 16, help: 'longest input in tokens' },
  { names: ['micro_batch_size', 'train_batch_size'], type: 'integer', default: 2, help: 'rows of a batch' },

  { names: ['epoch_num'], type: 'number', default: 3, modes: TRAIN, help: 'passes over the training data' },
  { names: ['learning_rate'], type: 'number', default: 5e-5, modes: TRAIN, help: 'highest learning rate' },
  { names: ['weight_decay', 'wd'], type: 'number', default: 1e-4, modes: TRAIN, help: 'weight decay' },
  { names: ['max_grad_norm', 'mn'], type: 'number', default: 1, modes: TRAIN, help: 'gradient clipping' },
  {
    names: ['optimizer_type', 'optimizer'],
    type: 'text',
    choices: ['AdamW', 'BertAdam', 'Adam', 'SGD'],
    default: 'AdamW',
    modes: TRAIN,
    help: 'optimizer',
  },
  {
    names: ['warmup_proportion'],
    type: 'number',
    default: 0.1,
    modes: TRAIN,
    help: 'share of warm-up steps',
  },
  {
    names: ['gradient_accumulation_steps'],
    type: 'integer',
    default: 1,
    modes: TRAIN,
    help: 'batches per optimizer step',
  },
  { names: ['random_seed'], type: 'integer', default: 1234, modes: TRAIN, help: 'seed' },
  {
    names: ['save_checkpoint_steps'],
    type: 'integer',
    modes: TRAIN,
    help: 'evaluate and save every so many steps; unset = no saving before the end',
  },
  { names: ['save_all_checkpoints'], type: 'switch', modes: TRAIN, help: 'keep every checkpoint' },
  {
    names: ['resume_from_checkpoint'],
    type: 'text',
    modes: TRAIN,
    help: 'checkpoint folder to continue from',
  },
  { names: ['logging_steps'], type: 'integer', default: 100, modes: TRAIN, help: 'steps between log lines' },
  { names: ['use_amp'], type: 'switch', help: 'mixed precision: bf16 here, which needs no loss scaling' },
  { names: ['worker_gpu'], type: 'integer', default: -1, help: '0 = CPU, otherwise CUDA when there is one' },
  {
    names: ['modelzoo_base_dir'],
    type: 'text',
    default: '',
    modes: TRAIN,
    help: 'folder that holds local models',
  },

  { names: ['outputs'], type: 'text', modes: PREDICT, help: 'TSV file to write' },
  { names: ['output_schema'], type: 'text', default: '', modes: PREDICT, help: 'result columns' },
  { names: ['append_cols'], type: 'text', modes: PREDICT, help: 'input columns to copy' },

  {
    names: ['do_lower_case'],
    type: 'switch',
    noEffect: "the model's own tokenizer files decide about letter case",
    help: 'lower-case the text',
  },
  {
    names: ['use_torchacc'],
    type: 'switch',
    noEffect: 'TorchACC is a compiler for Python programs; kernels here come from libtorch',
    help: 'TorchACC acceleration',
  },
  {
    names: ['data_threads'],
    type: 'integer',
    default: 10,
    noEffect: 'rows are tokenized ahead of the training step in native threads, as many as there are cores',
    help: 'data loader workers',
  },
  {
    names: ['distributed_backend'],
    type: 'text',
    choices: ['nccl', 'gloo'],
    default: 'nccl',
    noEffect: 'training runs in one process',
    help: 'backend of distributed training',
  },
  {
    names: ['local_rank'],
    type: 'integer',
    noEffect: 'training runs in one process',
    help: 'rank of this process',
  },
  {
    names: ['worker_count'],
    type: 'integer',
    default: 1,
    noEffect: 'training runs on one machine',
    help: 'machines',
  },
  {
    names: ['worker_hosts'],
    type: 'text',
    noEffect: 'training runs on one machine',
    help: 'addresses of machines',
  },
  {
    names: ['master_port'],
    type: 'integer',
    default: 23456,
    noEffect: 'training runs in one process, no port is opened',
    help: 'port of the first process',
  },
  {
    names: ['predict_slice_size'],
    type: 'integer',
    default: 4096,
    noEffect: 'rows are streamed, there are no slices',
    help: 'rows of a slice',
  },
  {
    names: ['predict_queue_size'],
    type: 'integer',
    default: 1024,
    noEffect: 'rows are streamed, the queue sizes itself',
    help: 'length of the queues',
  },
  {
    names: ['predict_thread_num'],
    type: 'integer',
    default: 2,
    noEffect: 'the tensor engine uses every core for one batch',
    help: 'prediction threads',
  },
  {
    names: ['predict_table_read_thread_num'],
    type: 'integer',
    default: 16,
    noEffect: 'reading a file is never what takes the time',
    help: 'reader threads',
  },
  {
    names: ['buckets'],
    type: 'text',
    noEffect: 'OSS buckets are not read; give local files to --tables',
    help: 'OSS buckets',
  },
  {
    names: ['odps_config'],
    type: 'text',
    noEffect: 'MaxCompute tables are not read; give local files to --tables',
    help: 'MaxCompute credentials',
  },
  {
    names: ['user_script'],
    type: 'text',
    noEffect: 'Python scripts cannot run here; the task named by --app_name runs instead',
    help: 'archive with a Python program',
  },
  {
    names: ['user_entry_file'],
    type: 'text',
    noEffect: 'Python scripts cannot run here; the task named by --app_name runs instead',
    help: 'entry file of user_script',
  },
  {
    names: ['mg_model'],
    type: 'switch',
    refused:
      'models in the Megatron checkpoint format cannot be read; use a model in the Hugging Face format',
    help: 'the model is a Megatron checkpoint',
  },
];

/** Tasks that EasyNLP has a name for. */
export const EASYNLP_APPS: readonly string[] = [
  'text_classify',
  'text_classify_multi_label',
  'text_match',
  'text_match_two_tower',
  'vectorization',
  'language_modeling',
  'sequence_labeling',
  'data_augmentation',
  'sequence_generation',
  'geep_classify',
  'text2image_generation',
  'image2text_generation',
  'image2text_generation_vqgan',
  'video2text_generation',
  'clip',
  'wukong_clip',
  'clip4clip',
  'machine_reading_comprehension',
  'latent_diffusion',
  'open_domain_dialogue',
  'information_extraction',
];

/** Flags of the Megatron/GLM groups, which EasyNLP adds when deepspeed is installed. All of them are refused. */
export const MEGATRON_FLAGS: Readonly<Record<string, readonly string[]>> = {
  model: `transformer-xl pretrained-bert encoder-decoder attention-dropout num-attention-heads hidden-size
    intermediate-size num-layers layernorm-epsilon hidden-dropout output-dropout max-position-embeddings vocab-size
    deep-init make-vocab-size-divisible-by cpu-optimizer cpu_torch_adam`.split(/\s+/),
  fp16: `fp16 fp32-embedding fp32-layernorm fp32-tokentypes fp32-allreduce hysteresis loss-scale loss-scale-window
    min-scale attention-scale`.split(/\s+/),
  training: `experiment-name batch-size gradient-accumulation-steps weight-decay checkpoint-activations
    checkpoint-num-layers deepspeed-activation-checkpointing epochs clip-grad train-iters label-smoothing
    log-interval summary-dir seed reset-position-ids reset-attention-mask lr-decay-iters lr-decay-style
    lr-decay-ratio lr warmup switch-linear save new-save-directory save-epoch save-interval no-save-optim
    no-save-rng load no-load-optim no-load-rng no-load-lr-scheduler no-deepspeed-load finetune resume-dataloader
    distributed-backend DDP-impl local_rank block-lm masked-lm bert-prob gpt-infill-prob gpt-min-ratio
    gap-sentence-prob gap-sentence-ratio avg-block-length short-seq-prob single-span-prob task-mask
    no-shuffle-block no-block-position sentinel-token block-mask-prob context-mask-ratio
    random-position`.split(/\s+/),
  evaluation: `eval-batch-size eval-iters eval-interval eval-epoch eval-seq-length eval-max-preds-per-seq
    overlapping-eval`.split(/\s+/),
  'text generation': `temperature top_p top_k out-seq-length num-beams length-penalty no-repeat-ngram-size
    min-tgt-length select-topk blank-maskratio`.split(/\s+/),
  data: `model-parallel-size shuffle filter-english train-data valid-data test-data data-dir input-data-sizes-file
    delim text-key eval-text-key split no-lazy-loader half-lazy-loader loader-scatter loose-json
    presplit-sentences num-workers tokenizer-model-type tokenizer-path tokenizer-type fix-command-token
    no-pre-tokenize cache-dir use-tfrecords seq-length mem-length max-preds-per-seq non-sentence-start
    sample-one-document load-splits save-splits save-test-data multi-task-data multi-task-ratio multi-seq-length
    multi-batch-size`.split(/\s+/),
  'fine-tuning': `task load-pretrained pool-token cloze-eval multi-token segment-length loss-func
    block-lm-ratio adapet pattern-id fast-decode few-superglue eval-valid validation-metric unidirectional
    src-seq-length tgt-seq-length adam-beta1 adam-beta2 adam-eps optimizer wsc-negative overwrite no-validation
    continuous-prompt num-prompt-tokens prompt-func freeze-transformer tune-prefix-layers prefix-prompt
    prompt-init`.split(/\s+/),
};

/** EasyNLP's flag for what a Megatron flag says. */
export const MEGATRON_EQUIVALENTS: Readonly<Record<string, string>> = {
  lr: '--learning_rate',
  'batch-size': '--micro_batch_size',
  'clip-grad': '--max_grad_norm',
  epochs: '--epoch_num',
  'eval-interval': '--save_checkpoint_steps',
  fp16: '--use_amp',
  'log-interval': '--logging_steps',
  load: '--resume_from_checkpoint',
  save: '--checkpoint_dir',
  'save-interval': '--save_checkpoint_steps',
  seed: '--random_seed',
  'seq-length': '--sequence_length',
  task: '--app_name',
  'train-data': '--tables',
  warmup: '--warmup_proportion',
};
