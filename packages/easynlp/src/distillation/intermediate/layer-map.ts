import { EasyNlpError } from '../../errors/index.js';

/** A layer of the student and the one of the teacher that it learns from; 0 are the embeddings, i is layer i's output. */
export interface LayerPair {
  readonly student: number;
  readonly teacher: number;
}

/**
 * Which layers belong together: as given (`1:2` = the student's layer 1 learns from the teacher's layer 2), or evenly
 * spread, TinyBERT's g(m) = m·N/M, which makes the last layers a pair.
 *
 * @throws EasyNlpError CONFIG_INVALID_VALUE for layers that do not exist
 */
export function layerMap(
  given: readonly string[] | undefined,
  student: number,
  teacher: number,
): LayerPair[] {
  if (given === undefined || given.length === 0) {
    return Array.from({ length: student }, (_, i) => ({
      student: i + 1,
      teacher: Math.max(1, Math.round(((i + 1) * teacher) / student)),
    }));
  }
  return given.map((text) => {
    const [own, other] = text.split(':').map(Number) as [number, number];
    if (/^\d+:\d+$/.test(text) && own >= 1 && own <= student && other >= 1 && other <= teacher) {
      return { student: own, teacher: other };
    }
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'layerMap',
      expected: `pairs of layers, the student's 1 to ${student} and the teacher's 1 to ${teacher}, such as 1:${Math.max(1, Math.round(teacher / student))}`,
      got: JSON.stringify(text),
    });
  });
}
