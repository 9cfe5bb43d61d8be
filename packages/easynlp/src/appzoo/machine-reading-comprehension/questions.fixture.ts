/** Questions of one kind: the answer is the name after the sign of what is asked for. */
export interface FixtureQuestion {
  readonly qas_id: string;
  readonly question_text: string;
  readonly context_text: string;
  readonly answer_text: string;
  readonly start_position_character: string;
  readonly title: string;
}

const NAMES = ['青山', '碧海', '白云', '红叶', '明月'];
const ASKED = { 谁: '人', 哪: '地', 何: '物' } as const;

/**
 * Texts such as `人青山，地白云，物红叶。` with questions such as `哪？`; every fourth one has no answer if that is wanted.
 * Places count characters, and an emoji is one.
 */
export function fixtureQuestions(count: number, { unanswerable = false } = {}): FixtureQuestion[] {
  return Array.from({ length: count }, (_, i) => {
    const asked = Object.keys(ASKED)[i % 3] as keyof typeof ASKED;
    const none = unanswerable && i % 4 === 3;
    const parts = Object.values(ASKED)
      .map((sign, s) => ({ sign, name: NAMES[(i * (s + 2) + s) % NAMES.length]! }))
      .filter(({ sign }) => !none || sign !== ASKED[asked]);
    const turned = [...parts.slice(i % parts.length), ...parts.slice(0, i % parts.length)];
    const begin = i % 5 === 0 ? '😀' : '';
    const context_text = `${begin}${turned.map(({ sign, name }) => sign + name).join('，')}。`;
    const answer = none ? '' : parts.find(({ sign }) => sign === ASKED[asked])!.name;
    const place = none ? -1 : context_text.indexOf(ASKED[asked]) + 1 - (begin === '' ? 0 : 1);
    return {
      qas_id: `q${i}`,
      question_text: `${asked}？`,
      context_text,
      answer_text: answer,
      start_position_character: String(place),
      title: '',
    };
  });
}

/** The same as a document in SQuAD's layout. */
export function squadDocument(questions: readonly FixtureQuestion[]): string {
  const data = questions.map((q) => ({
    title: q.title,
    paragraphs: [
      {
        context: q.context_text,
        qas: [
          {
            id: q.qas_id,
            question: q.question_text,
            is_impossible: q.answer_text === '',
            answers:
              q.answer_text === ''
                ? []
                : [{ text: q.answer_text, answer_start: Number(q.start_position_character) }],
          },
        ],
      },
    ],
  }));
  return JSON.stringify({ version: 'v2.0', data }, null, 1);
}
