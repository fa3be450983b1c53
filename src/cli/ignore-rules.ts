// Which files of a folder are left out of an archive: rules in the form of .gitignore, those of the folder's own
// .gatewrightignore after the ones that everybody wants.

/** Left out unless a rule of the folder says otherwise: what versions, caches, editors and secrets leave behind. */
const USUAL = [
  '.git/',
  '.hg/',
  '.svn/',
  '.gatewright/',
  '.gatewrightignore',
  '.DS_Store',
  '__pycache__/',
  '*.pyc',
  '.pytest_cache/',
  '.mypy_cache/',
  '.ruff_cache/',
  '.venv/',
  'node_modules/.cache/',
  'node_modules/.bin/',
  '.env',
  '.env.*',
  '*.log',
];

interface Rule {
  readonly pattern: RegExp;
  readonly isKept: boolean;
  readonly isForFolders: boolean;
}

/** Whether a path (segments joined by `/`) is left out; later rules beat earlier ones. */
export type Ignores = (path: string, isFolder: boolean) => boolean;

/** The usual rules and those of a text, one a line: comments with `#`, exceptions with `!`. */
export function createIgnores(text: string): Ignores {
  const rules = [...USUAL, ...text.split(/\r?\n/)].flatMap(ruleOf);
  return (path, isFolder) =>
    rules.reduce(
      (isLeftOut, rule) =>
        rule.pattern.test(path) && (isFolder || !rule.isForFolders) ? !rule.isKept : isLeftOut,
      false,
    );
}

function ruleOf(line: string): readonly Rule[] {
  let text = line.trim();
  if (text === '' || text.startsWith('#')) return [];
  const isKept = text.startsWith('!');
  if (isKept) text = text.slice(1);
  const isForFolders = text.endsWith('/');
  if (isForFolders) text = text.slice(0, -1);
  // A slash at the beginning or in the middle ties a rule to the folder itself; else it counts at every depth.
  const isTied = text.includes('/');
  const body = text.replace(/^\//, '');
  return [
    { pattern: new RegExp(`^${isTied ? '' : '(?:.*/)?'}${expressionOf(body)}$`), isKept, isForFolders },
  ];
}

function expressionOf(body: string): string {
  return body.replaceAll(/\*\*\/|\/\*\*$|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    switch (part) {
      case '**/':
        return '(?:.*/)?';
      case '/**':
        return '/.*';
      case '*':
        return '[^/]*';
      case '?':
        return '[^/]';
      default:
        return `\\${part}`;
    }
  });
}
