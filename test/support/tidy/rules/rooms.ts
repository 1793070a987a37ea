import type { Rule } from '../tree.ts';

const SERVICES = ['monitor', 'backup', 'recovery', 'alerting', 'audit'];
const FILES = ['README.md', 'src/main.ts', 'src/service.ts', 'src/http/serve-routes.ts'];
const FOLDERS = ['src/domain/', 'src/adapters/', 'src/consumers/', 'src/http/'];

/** Who knows one service finds the way in all: the same rooms in all five. */
export const rooms: Rule = ({ texts }) => {
  const paths = [...texts.keys()];
  return SERVICES.flatMap((name) => {
    const home = `services/${name}`;
    const lacks = [
      ...FILES.filter((file) => !texts.has(`${home}/${file}`)),
      ...FOLDERS.filter((folder) => !paths.some((path) => path.startsWith(`${home}/${folder}`))),
      ...(texts.has(`${home}/src/config.ts`) || texts.has(`${home}/src/metrics.ts`)
        ? []
        : ['src/config.ts or src/metrics.ts']),
    ];
    return lacks.map((room) => ({
      file: home,
      line: 1,
      reason: `lacks ${room}: all services have the same rooms`,
    }));
  });
};
