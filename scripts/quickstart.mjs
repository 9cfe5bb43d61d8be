#!/usr/bin/env node
// npm run quickstart [-- 一句评论 …]: sets the project up, trains two small classifiers on the project's own sample,
// evaluates them, predicts three sentences (or yours) and prints what to try next. A second run reuses the models.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relative, root, run, runMain, StepError, seconds } from './lib/process.mjs';
import { parsePredictions, scoresOf } from './lib/quickstart-files.mjs';
import * as lib from './lib/recipes.mjs';
import { setup } from './lib/setup.mjs';

const cliFile = join(root, 'packages', 'easynlp', 'bin', 'easynlp.js');

async function easynlp(args, { quiet = false } = {}) {
  const status = await run(process.execPath, [cliFile, ...args], { quiet });
  if (status !== 0) {
    const shown = args.map((argument) =>
      /[\s"']/.test(argument) ? JSON.stringify(argument) : relative(argument),
    );
    throw new StepError(`easynlp ${shown.join(' ')}\nended with exit status ${status}`);
  }
}

/** The figures of the last run, when it used the same data and settings and its model is still there. */
function readResult(recipe, key) {
  const folder = lib.modelFolder(recipe);
  if (!existsSync(join(folder, 'model.safetensors')) || !existsSync(join(folder, 'easynlp.json')))
    return null;
  try {
    const result = JSON.parse(readFileSync(join(lib.outputRoot, `${recipe.name}.json`), 'utf8'));
    return result.key === key ? result : null;
  } catch {
    return null; // none, or not ours: train
  }
}

async function trainAndEvaluate(recipe, key, scratch) {
  console.log(`Training ${recipe.title} on ${relative(lib.trainFile)}`);
  mkdirSync(lib.outputRoot, { recursive: true });
  const started = performance.now();
  await easynlp(lib.trainArgs(recipe));
  const trainSeconds = (performance.now() - started) / 1000;
  const metricsFile = join(scratch, `${recipe.name}.json`);
  await easynlp(lib.evaluateArgs(recipe, metricsFile), { quiet: true });
  const result = { key, trainSeconds, ...scoresOf(JSON.parse(readFileSync(metricsFile, 'utf8'))) };
  writeFileSync(join(lib.outputRoot, `${recipe.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  console.log('');
  return result;
}

async function predict(recipe, sentences, scratch) {
  const input = join(scratch, 'sentences.tsv');
  const output = join(scratch, `predictions-${recipe.name}.tsv`);
  const clean = sentences.map((sentence) => sentence.replace(/\s+/g, ' ').replaceAll('"', '”'));
  writeFileSync(input, `text\n${clean.join('\n')}\n`);
  await easynlp(lib.predictArgs(recipe, input, output), { quiet: true });
  return parsePredictions(readFileSync(output, 'utf8'));
}

const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '–');

await runMain(async (args) => {
  const started = performance.now();
  await setup();
  const { table } = await import('../packages/easynlp/dist/util/index.js');
  const scratch = mkdtempSync(join(tmpdir(), 'easynlp-quickstart-'));
  const sentences = args.filter((argument) => !argument.startsWith('-'));
  if (sentences.length === 0) sentences.push(...lib.sentences);
  try {
    const results = [];
    const data = [lib.trainFile, lib.devFile].map((file) => readFileSync(file));
    for (const recipe of lib.recipes) {
      const settings = lib.trainArgs(recipe).map(relative).join(' ');
      const key = createHash('sha256').update(settings).update(data[0]).update(data[1]).digest('hex');
      const earlier = readResult(recipe, key);
      if (earlier)
        console.log(
          `${recipe.title}: using the model trained before, in ${relative(lib.modelFolder(recipe))}`,
        );
      const result = earlier ?? (await trainAndEvaluate(recipe, key, scratch));
      results.push({ recipe, ...result, reused: earlier !== null });
    }
    console.log(
      `\nOn the ${readFileSync(lib.devFile, 'utf8').trimEnd().split('\n').length - 1} reviews of dev.tsv`,
    );
    const rows = results.map(({ recipe, accuracy, macroF1, trainSeconds, reused }) => [
      recipe.title,
      percent(accuracy),
      percent(macroF1),
      `${trainSeconds.toFixed(1)} s${reused ? ' (before)' : ''}`,
      relative(lib.modelFolder(recipe)),
    ]);
    const align = ['left', 'right', 'right', 'right', 'left'];
    const head = ['model', 'accuracy', 'macro F1', 'training', 'saved in'];
    console.log(table([head, ...rows], { header: true, align, indent: '  ' }));

    const best = results.reduce((a, b) => (b.accuracy > a.accuracy ? b : a)).recipe;
    console.log(`\nPredictions of ${best.title}, loaded from its folder`);
    const predictions = await predict(best, sentences, scratch);
    const lines = predictions.map(({ label, probability, text }) => [label, percent(probability), text]);
    console.log(table(lines, { align: ['left', 'right', 'left'], indent: '  ' }));
    printNextSteps(best);
    console.log(`\nTook ${seconds(started)}.`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});

function printNextSteps(recipe) {
  const model = relative(lib.modelFolder(recipe));
  const dev = relative(lib.devFile);
  console.log(`
Next
  npm run quickstart -- "这家店的面真好吃"
      your own sentences
  npx easynlp evaluate --model ${model} --data ${dev} --label-name label
      accuracy, F1 and the report per label
  npx easynlp predict --model ${model} --input ${dev} --append-cols text --output out/predictions.tsv
      predictions for a file
  npx easynlp train text_classify --train my-train.tsv --dev my-dev.tsv --label-name label --first-sequence text \\
      --model hfl/chinese-roberta-wwm-ext --output out/my-model
      your own data (TSV or CSV with a header, JSON Lines, Parquet) and a pretrained model from the hub
  npx easynlp doctor
      what this machine has: libtorch, BLAS, threads, CUDA`);
}
