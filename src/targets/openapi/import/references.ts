// Finds what a `$ref` points to: JSON pointers, anchors and `$id`s inside the one document. References to other
// documents are never fetched; they come back as a reason. Knows nothing of schemas beyond `$id` and `$anchor`.

import { isRaw, member, textMember } from './raw.ts';

/** A node of the document and how to get there. */
export interface Located {
  readonly node: unknown;
  /** JSON pointer from the document's root, without `#`. */
  readonly pointer: string;
  /** Pointer of the nearest enclosing schema with an `$id`, from which its local references start; `''` else. */
  readonly base: string;
}

/** Why a reference leads nowhere. */
export interface Missing {
  readonly missing: string;
}

export interface References {
  /** Where one `$ref` points, seen from a node below `base`. */
  resolve(ref: string, base: string): Located | Missing;
  /** The node itself, or the end of its chain of `$ref`s. */
  follow(node: unknown, base?: string): Located | Missing;
}

const MAX_CHAIN = 32;
const MAX_INDEXED = 3_000_000;

/** Splits a JSON pointer (percent-encoding allowed, as in a URI fragment) into its decoded tokens. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '' || pointer === '/') return pointer === '' ? [] : [''];
  return pointer
    .slice(1)
    .split('/')
    .map((token) => decodePercent(token).replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Writes tokens as a JSON pointer. */
export function formatPointer(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Creates the resolver of one document. `location` and `$self` count as the document itself. */
export function createReferences(root: unknown, location: string): References {
  const known = new Map<string, Located | Missing>();
  const self = textMember(root, '$self');
  let anchors: Map<string, Located> | undefined;

  function resolve(ref: string, base: string): Located | Missing {
    const key = `${base}\n${ref}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, { missing: `reference ${show(ref)} goes round in a circle` });
    const found = find(ref, base);
    known.set(key, found);
    return found;
  }

  function find(ref: string, base: string): Located | Missing {
    const hash = ref.indexOf('#');
    const document = hash < 0 ? ref : ref.slice(0, hash);
    const fragment = hash < 0 ? '' : ref.slice(hash + 1);
    let from = base;
    if (document !== '' && (document === location || document === self)) from = '';
    else if (document !== '') {
      const embedded = findById(document);
      if (embedded !== undefined) from = embedded.pointer;
      else {
        const bare = /^[\w.-]+$/.test(ref) ? findBare(ref) : undefined;
        return bare ?? { missing: `reference ${show(ref)} points outside the document` };
      }
    }
    if (fragment === '' || fragment.startsWith('/')) {
      const tokens = parsePointer(fragment);
      const found = walk(from, tokens) ?? (from === '' ? undefined : walk('', tokens));
      return found ?? { missing: `reference ${show(ref)} points to nothing` };
    }
    const name = decodePercent(fragment);
    anchors ??= indexAnchors(root);
    return (
      anchors.get(`${from}#${name}`) ??
      anchors.get(`#${name}`) ??
      anchors.get(`any#${name}`) ?? { missing: `reference ${show(ref)} points to nothing` }
    );
  }

  function findById(id: string): Located | undefined {
    anchors ??= indexAnchors(root);
    return anchors.get(`id:${id}`);
  }

  /** Swagger 1 habit, still seen: `$ref: Pet`. */
  function findBare(name: string): Located | undefined {
    return walk('', ['components', 'schemas', name]) ?? walk('', ['definitions', name]);
  }

  function walk(from: string, tokens: readonly string[]): Located | undefined {
    let at: Located = { node: root, pointer: '', base: '' };
    let path: string[] = [];
    for (const token of [...parsePointer(from), ...tokens]) {
      let node = at.node;
      if (isRaw(node) && !Object.hasOwn(node, token)) {
        const ref = member(node, '$ref');
        if (typeof ref !== 'string') return undefined;
        const through = follow(node, at.base);
        if ('missing' in through) return undefined;
        at = through;
        path = parsePointer(through.pointer);
        node = through.node;
      }
      const next: unknown = Array.isArray(node)
        ? /^\d+$/.test(token)
          ? (node[Number(token)] as unknown)
          : undefined
        : member(node, token);
      if (next === undefined) return undefined;
      path.push(token);
      const pointer = formatPointer(path);
      at = { node: next, pointer, base: textMember(next, '$id') === undefined ? at.base : pointer };
    }
    return at;
  }

  function follow(node: unknown, base = ''): Located | Missing {
    let at: Located = { node, pointer: '', base };
    for (let step = 0; step < MAX_CHAIN; step += 1) {
      const ref = member(at.node, '$ref');
      if (typeof ref !== 'string') return at;
      const next = resolve(ref, at.base);
      if ('missing' in next) return next;
      at = next;
    }
    return {
      missing: `reference ${show(String(member(node, '$ref')))} goes round in a circle, or through more than ${MAX_CHAIN} others`,
    };
  }

  return { resolve, follow };
}

/** One walk over the whole document, made only when a reference by name turns up. */
function indexAnchors(root: unknown): Map<string, Located> {
  const index = new Map<string, Located>();
  const seen = new Set<object>();
  const open: { node: unknown; path: string; base: string }[] = [{ node: root, path: '', base: '' }];
  for (let at = open.pop(); at !== undefined && seen.size < MAX_INDEXED; at = open.pop()) {
    const { node, path } = at;
    if (typeof node !== 'object' || node === null || seen.has(node)) continue;
    seen.add(node);
    let base = at.base;
    if (!Array.isArray(node)) {
      const id = textMember(node, '$id');
      if (id !== undefined && path !== '') {
        base = path;
        index.set(`id:${id}`, { node, pointer: path, base });
      }
      for (const keyword of ['$anchor', '$dynamicAnchor']) {
        const name = textMember(node, keyword);
        if (name === undefined) continue;
        const located = { node, pointer: path, base };
        for (const key of [`${base}#${name}`, `any#${name}`]) if (!index.has(key)) index.set(key, located);
      }
    }
    for (const [key, value] of Object.entries(node))
      if (typeof value === 'object') open.push({ node: value, path: path + formatPointer([key]), base });
  }
  return index;
}

function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show(ref: string): string {
  return `"${ref.length > 160 ? `${ref.slice(0, 160)}…` : ref}"`;
}
