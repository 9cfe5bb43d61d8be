/** Characters that are tokens of their own wherever they stand. */
const ALONE = new Set('[](){}<>;@#$%&?!«»“”‘’„\u2012\u2013\u2014\u2015*');
const CLITIC = /^(.*[^' ])('(?:s|m|d|ll|re|ve)|n't)$/i;
/** Words that the Penn Treebank takes for two. */
const CONTRACTION =
  /\b(can)(not)\b|\b(d)('ye)\b|\b(gim|lem)(me)\b|\b(gon)(na)\b|\b(got)(ta)\b|\b(more)('n)\b|\b(wan)(na)$/gi;
const CLOSING = /^[\])}>"'»”’]*$/;

/**
 * English words as the Penn Treebank cuts them, as far as scripts of evaluation need it: punctuation apart, except
 * within numbers and abbreviations, and `don't` as `do n't`. Like NLTK's `word_tokenize` on one sentence.
 */
export function wordTokens(text: string): string[] {
  const trimmedText = text.trim();
  const out: string[] = [];
  let word = '';
  const flush = () => {
    if (word !== '') out.push(...withoutClitic(word));
    word = '';
  };
  const characters = Array.from(trimmedText);
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    const next = characters[i + 1];
    if (/\s/.test(character)) flush();
    else if (ALONE.has(character)) {
      flush();
      out.push(character);
    } else if (character === '"') {
      const opening = i === 0 || /[\s([{<]/.test(characters[i - 1]!);
      flush();
      out.push(opening ? '``' : "''");
    } else if ((character === ',' || character === ':') && !/\d/.test(next ?? '')) {
      flush();
      out.push(character);
    } else if (character === '.' && next === '.') {
      flush();
      let dots = '';
      while (characters[i] === '.') {
        dots += '.';
        i++;
      }
      i--;
      out.push(dots);
    } else if (
      character === '.' &&
      CLOSING.test(
        characters
          .slice(i + 1)
          .join('')
          .trim(),
      )
    ) {
      flush();
      out.push('.');
    } else if (
      character === "'" &&
      word === '' &&
      /\w/.test(next ?? '') &&
      !/^(?:re|ve|ll|m|t|s|d|n)\b/i.test(characters.slice(i + 1).join(''))
    ) {
      out.push("'");
    } else word += character;
  }
  flush();
  return out;
}

function withoutClitic(word: string): string[] {
  const found = CLITIC.exec(word);
  if (found) return [found[1]!, found[2]!];
  if (word.length > 1 && word.endsWith("'")) return [word.slice(0, -1), "'"];
  const apart = word.replace(CONTRACTION, (...groups) => {
    const [first, second] = groups.slice(1, 15).filter((part) => part !== undefined) as string[];
    return ` ${first} ${second} `;
  });
  return apart.split(' ').filter((part) => part !== '');
}
