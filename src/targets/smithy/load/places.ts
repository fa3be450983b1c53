// Where a shape stands in the documents: file and line, for the import report. Looks at texts only, and only when there
// is something to report.

import type { ModelFile } from './load.ts';

const KINDS =
  'apply|blob|boolean|string|byte|short|integer|long|float|double|bigInteger|bigDecimal|timestamp|document|enum|intEnum|list|set|map|structure|union|service|operation|resource';

/** `file:line` of a shape (its id, perhaps with `$member`), or undefined where it is not found. */
export function placeOf(files: readonly ModelFile[], shape: string): string | undefined {
  const [id = ''] = shape.split('$');
  const name = id.slice(id.indexOf('#') + 1);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return undefined;
  for (const file of files) {
    const index = /^\uFEFF?\s*[{[]/.test(file.text.slice(0, 1_000))
      ? file.text.indexOf(`"${id}"`)
      : file.text.search(new RegExp(`\\b(?:${KINDS})[ \\t]+(?:[\\w.]+#)?${name}\\b`));
    if (index >= 0) return `${file.name}:${lineAt(file.text, index)}`;
  }
  return undefined;
}

function lineAt(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}
