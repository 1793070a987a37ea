import { encodeKit, KIT_MARK } from '@holdfast/repository/crypto/recovery-kit';

/** What a recovery kit says beside its key. */
export interface KitFacts {
  readonly repository_id: string;
  readonly location: string;
  readonly slot_id: string;
  /** RFC 3339. */
  readonly made: string;
}

/** The page that is printed: the key in groups, and how an empty machine gets everything back with it. */
export function kitPage(facts: KitFacts, secret: Buffer): string {
  const groups = encodeKit(secret).map((group, index) => `    ${index + 1}   ${group}`);
  return `HOLDFAST RECOVERY KIT

Print this page, keep it where a fire or a thief that takes the machine does not take it too, and delete the file.
Whoever has this page and the repository can read all of it.

  repository   ${facts.repository_id}
  location     ${facts.location}
  made         ${facts.made}
  key slot     ${facts.slot_id}

The recovery key. There is no letter I, L, O or U in it: 1 is a one and 0 is a zero.

${KIT_MARK}

${groups.join('\n')}

Once it is printed, prove that it can be typed back:

    holdfast repo key confirm --repo '${facts.location}'      (and type the nine groups)

To get everything back on an empty machine:

  1. Install Holdfast (Node 20 or newer and git: clone it, ./holdfast sets itself up), and bring the repository
     within reach: its folder, or its bucket.
  2. Type into a file, kit.txt, the line ${KIT_MARK} and below it the nine groups, one a line. Small letters do as
     well. A group with a typing error is named by its number.
  3. See what there is, and put the newest back:

    ./holdfast repo snapshots --repo '${facts.location}' --password-file kit.txt
    ./holdfast repo restore latest --repo '${facts.location}' --password-file kit.txt --target /restored

  4. Give it a passphrase again, and make a new kit:

    ./holdfast repo key add --repo '${facts.location}' --password-file kit.txt --new-password-file passphrase.txt
    ./holdfast repo key kit --repo '${facts.location}' --password-file passphrase.txt --out kit-2.txt

Without Holdfast: docs/repository-format.md says how each byte is read, and test/second-reader/ does it in Python.
`;
}

/** The same as a page for a browser's printer. */
export function kitHtml(facts: KitFacts, secret: Buffer): string {
  const text = kitPage(facts, secret).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const style = 'body{margin:2cm}pre{font:11pt/1.4 monospace;white-space:pre-wrap}@page{size:A4;margin:1cm}';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Holdfast recovery kit</title><style>${style}</style></head>
<body><pre>${text}</pre></body></html>
`;
}
