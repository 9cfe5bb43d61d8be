// Reading what `easynlp evaluate --output` and `easynlp predict --output` wrote.

/** accuracy and macro F1 out of the metrics file. */
export function scoresOf(file) {
  const metrics = file.metrics ?? file;
  return {
    accuracy: metrics.accuracy ?? Number.NaN,
    macroF1: metrics.macroF1 ?? metrics.macro_f1 ?? Number.NaN,
  };
}

/** Rows of a TSV with the columns predictions, probabilities (of every label) and text. */
export function parsePredictions(text) {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/);
  const names = header.split('\t');
  const column = (name) => {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`the predictions have no column '${name}', but ${names.join(', ')}`);
    return index;
  };
  const [label, probabilities, input] = ['predictions', 'probabilities', 'text'].map(column);
  return lines.map((line) => {
    const fields = line.split('\t');
    const values = (fields[probabilities].match(/\d+(\.\d+)?(e-?\d+)?/gi) ?? []).map(Number);
    return { label: fields[label], probability: Math.max(...values), text: fields[input] };
  });
}
