import { defineErrors, EXIT } from './define.js';

export const TRAIN_ERRORS = defineErrors({
  TRAIN_LOSS_NOT_FINITE: {
    exitCode: EXIT.training,
    httpStatus: 500,
    message: (d) =>
      `The ${d.what ?? 'loss'} became ${d.loss} at step ${d.step} (epoch ${d.epoch}); training stopped.`,
    hint: (d) =>
      `Lower the learning rate (now ${d.learningRate}) or lengthen the warm-up. ${
        d.checkpoint ? `The last good checkpoint is ${d.checkpoint}.` : 'No checkpoint had been written yet.'
      }`,
  },
  TRAIN_OUTPUT_EXISTS: {
    exitCode: EXIT.usage,
    httpStatus: 409,
    message: (d) => `The output folder ${d.output} already holds ${d.what}.`,
    hint: () => 'Choose another folder, continue with --resume auto, or replace it with --overwrite.',
  },
  TRAIN_OUTPUT: {
    exitCode: EXIT.io,
    httpStatus: 500,
    message: (d) => `Cannot write to ${d.output}: ${d.reason}.`,
    hint: () => 'Check that the folder exists, that you may write there, and that the disk is not full.',
  },
  RESUME_NOT_FOUND: {
    exitCode: EXIT.usage,
    httpStatus: 404,
    message: (d) =>
      `There is no checkpoint to resume from in ${d.folder}${d.reason ? ` (${d.reason})` : ''}.`,
    hint: () => 'Give the folder of a checkpoint (…/training/checkpoints/step-…), or leave out --resume.',
  },
  RESUME_CHANGED: {
    exitCode: EXIT.usage,
    httpStatus: 409,
    message: (d) =>
      `The checkpoint ${d.checkpoint} was written with ${d.field} = ${JSON.stringify(d.before)}, now it is ${JSON.stringify(d.now)}; continuing would not be the same training.`,
    hint: (d) => `Use the old value, or allow the change with --allow-changed ${d.field}.`,
  },
  CHECKPOINT_DAMAGED: {
    exitCode: EXIT.model,
    httpStatus: 500,
    message: (d) => `The checkpoint ${d.folder} is damaged: ${d.reason}.`,
    hint: () => 'Resume from an older checkpoint.',
  },
  MODEL_CHOICE: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) => `${d.reason}.`,
    hint: () =>
      'Give --model NAME_OR_FOLDER to fine-tune a pretrained model, or --architecture text-cnn or bert to train one from scratch.',
  },
  DEVICE_UNAVAILABLE: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) => `The device ${d.device} cannot be used: ${d.reason}.`,
    hint: () => 'Use --device cpu; "easynlp doctor" says what is there.',
  },
  PRECISION_UNAVAILABLE: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) => `precision ${d.precision} needs ${d.needs}.`,
    hint: () => 'Use --precision bf16 or fp32.',
  },
});
