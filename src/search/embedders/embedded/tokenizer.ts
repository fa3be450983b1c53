// Text → pieces of words, as the encoder was trained on them: a unigram vocabulary in the manner of SentencePiece, where
// the cut with the highest sum of scores wins. Spaces are the letter U+2581, one stands before the text.

const SPACE = '\u2581';
/** The first pieces of the vocabulary are signs that no text contains. */
const RESERVED = 6;
const UNKNOWN = 0;
/** Worse than any piece: a letter that no piece has. */
const UNKNOWN_SCORE = -40;
const MAX_TEXT = 2_000;

export type PieceList = readonly (readonly [piece: string, score: number])[];

export interface Tokenizer {
  /** Numbers of the pieces. */
  encode(text: string): number[];
}

/** A tokenizer with this vocabulary. */
export function createTokenizer(pieces: PieceList): Tokenizer {
  const known = new Map<string, number>();
  let longest = 1;
  for (const [id, [piece]] of pieces.entries()) {
    if (id < RESERVED) continue;
    known.set(piece, id);
    longest = Math.max(longest, piece.length);
  }
  const scoreOf = (id: number): number => pieces[id]?.[1] ?? UNKNOWN_SCORE;

  return Object.freeze({
    encode(text: string): number[] {
      const plain = text.slice(0, MAX_TEXT).normalize('NFKC').replaceAll(/\s+/g, ' ').trim();
      if (plain === '') return [];
      const line = `${SPACE}${plain.replaceAll(' ', SPACE)}`;
      const best = new Float64Array(line.length + 1).fill(Number.NEGATIVE_INFINITY);
      const from = new Int32Array(line.length + 1);
      const via = new Int32Array(line.length + 1);
      best[0] = 0;
      const offer = (start: number, end: number, id: number, score: number): void => {
        const total = best[start]! + score;
        if (total <= best[end]!) return;
        best[end] = total;
        from[end] = start;
        via[end] = id;
      };
      for (let start = 0; start < line.length; start += 1) {
        if (best[start] === Number.NEGATIVE_INFINITY) continue;
        const last = Math.min(line.length, start + longest);
        for (let end = start + 1; end <= last; end += 1) {
          const id = known.get(line.slice(start, end));
          if (id !== undefined) offer(start, end, id, scoreOf(id));
        }
        const width = (line.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
        offer(start, start + width, UNKNOWN, UNKNOWN_SCORE);
      }
      const ids: number[] = [];
      for (let end = line.length; end > 0; end = from[end]!) {
        const id = via[end]!;
        // Letters without a piece count once, however many stand together.
        if (id !== UNKNOWN || ids.at(-1) !== UNKNOWN) ids.push(id);
      }
      return ids.reverse();
    },
  });
}
